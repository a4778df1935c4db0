"""Whisper at its true size with random weights, as the engine runs it: one window of 30 seconds at a time; and, for
comparison, four windows in one call of CTranslate2.

Random weights hear nothing, so half a window's tokens are forced out of them: 112 tokens, about what half a minute of
speech has. `MYNA_BENCH_SHORT=on` measures whisper-base alone, once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from myna.engines.whisper import WhisperEngine
from myna.models.store import ModelStore
from myna.settings import Settings

SECONDS = 30
_TOKENS = 112
_AT_ONCE = 4
_RATE = 16_000
_RUNS = 3


def measure() -> dict[str, Any]:
    short = os.environ.get("MYNA_BENCH_SHORT") == "on"
    names = ("whisper-base",) if short else ("whisper-base", "whisper-small", "whisper-turbo")
    return {"rows": [alone("benchmarks.recognition", name, 1 if short else _RUNS) for name in names]}


def alone(module: str, *arguments: object) -> dict[str, Any]:
    """The row that a module prints when it runs in a process of its own, whose memory nothing else has used."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer.splitlines()[-1]))


def _row(name: str, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore(Path(folder, "models"))
        store.add(name, "whisper", built(Path(folder, "made"), name))
        before = psutil.Process().memory_info().rss
        settings = Settings(models_dir=store.folder, engine_processes=1)
        began = time.perf_counter()
        engine = WhisperEngine(settings)
        loading = time.perf_counter() - began
        sound = (0.1 * np.random.default_rng(0).standard_normal(SECONDS * _RATE)).astype(np.float32)
        times = [_windows(engine, sound, 1) for _ in range(runs + 1)][1:]
        memory = (psutil.Process().memory_info().rss - before) / 1e6
        together = sum(_windows(engine, sound, _AT_ONCE)) / _AT_ONCE
        engine.close()
    encoding, writing = (statistics.median(part) for part in zip(*times, strict=True))
    return {
        "model (int8)": name,
        "threads": settings.threads_per_process,
        "loading s": f"{loading:.2f}",
        "listening s": f"{encoding:.2f}",
        f"writing {_TOKENS} tokens s": f"{writing:.2f}",
        "share of real time": f"{(encoding + writing) / SECONDS:.3f}",
        f"the same, {_AT_ONCE} windows at once": f"{together / SECONDS:.3f}",
        "memory MB": f"{memory:.0f}",
    }


def _windows(engine: WhisperEngine, sound: np.ndarray, count: int) -> tuple[float, float]:
    """Seconds to take in so many windows in one call, and to write tokens of them with the engine's beam."""
    model = engine.model()
    began = time.perf_counter()
    features = np.stack([model.feature_extractor(sound)[:, : SECONDS * 100] for _ in range(count)])
    heard = model.encode(features)
    middle = time.perf_counter()
    token = model.hf_tokenizer.token_to_id
    prompt = [token(f"<|{name}|>") for name in ("startoftranscript", "en", "transcribe", "notimestamps")]
    beam = Settings().whisper_beam
    model.model.generate(heard, [prompt] * count, beam_size=beam, max_length=len(prompt) + _TOKENS)
    return middle - began, time.perf_counter() - middle


def built(folder: Path, name: str) -> Path:
    """In a process of its own: making a model takes much more memory than using it."""
    subprocess.run([sys.executable, "-m", "benchmarks.full_size_random", str(folder), name], check=True)
    return folder


if __name__ == "__main__":
    print(json.dumps(_row(sys.argv[1], int(sys.argv[2]))))

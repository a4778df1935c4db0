"""Kokoro at its true size over HTTP, against the package `kokoro-onnx` called in a loop on the same file and cores.

Needs a folder with a model, such as `benchmarks/full_size_kokoro.py` makes: `MYNA_BENCH_KOKORO=FOLDER`. With
`MYNA_BENCH_SHORT=on` it takes a minute or two and says little. The node's own settings (`MYNA_ENGINE_PROCESSES`,
`MYNA_ENGINE_THREADS`) hold as they are set.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.load import load
from benchmarks.node import Node, running_node
from myna.models.store import ModelStore

FOLDER, SHORT = "MYNA_BENCH_KOKORO", "MYNA_BENCH_SHORT"
SENTENCE = "The quick brown fox jumps over the lazy dog, and then it rests for twenty five minutes in the shade."
LONG = " ".join([SENTENCE] * 10)[:1000]
VOICE = "kokoro:af_heart"
RATE = 24_000

LOOP = """
import sys, time
from kokoro_onnx import Kokoro
network, voices, text, count = sys.argv[1:5]
kokoro = Kokoro(network, voices)
speak = lambda: len(kokoro.create(text, voice="af_heart", lang="en-us")[0])
speak()
began, samples = time.perf_counter(), sum(speak() for _ in range(int(count)))
print(samples / 24_000, time.perf_counter() - began)
"""


def measure() -> dict[str, Any]:
    short = os.environ.get(SHORT) == "on"
    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore(Path(folder))
        model = store.add("kokoro", "kokoro", _model_folder())
        before = _loop(model, SENTENCE, 2 if short else 10)
        with running_node(MYNA_ENGINES='["kokoro"]', MYNA_MODELS_DIR=folder) as node:
            spoken = _seconds_of_speech(node)
            requests = {1: 2, 4: 4} if short else {1: 12, 4: 24, 16: 32}
            seen = [_row(node, clients, count, spoken) for clients, count in requests.items()]
            first = statistics.median(_first_audio(node) for _ in range(1 if short else 5))
            memory = node.resident_mb()
        after = _loop(model, SENTENCE, 2 if short else 10)
        sentence = 1 / _per_second(model, SENTENCE, 2 if short else 6)
    package = max(before, after)
    return {
        "text characters": len(SENTENCE),
        "kokoro-onnx, seconds of speech per second": round(package, 3),
        "its first sentence ms": round(sentence * 1e3),
        "first audio of 1,000 characters ms": round(first * 1e3),
        "first audio of its first sentence": round(first / sentence, 2),
        "server MiB": round(memory["server"]),
        "engine processes MiB": round(memory["engines"]),
        "rows": [row | {"of kokoro-onnx": round(row["seconds of speech per second"] / package, 3)} for row in seen],
    }


def _row(node: Node, clients: int, requests: int, spoken: float) -> dict[str, Any]:
    body = {"model": "tts-1", "voice": VOICE, "input": SENTENCE}
    seen = load(f"{node.url}/v1/audio/speech", body, _headers(node), clients, requests)
    return {
        "clients": clients,
        "requests per second": round(seen.requests_per_second, 3),
        "seconds of speech per second": round(seen.requests_per_second * spoken, 3),
        "p50 ms": round(seen.p50_ms),
        "p95 ms": round(seen.p95_ms),
    }


def _seconds_of_speech(node: Node) -> float:
    """What an answer holds without the pause at its end. Both sides are compared by what they spoke: they do not read
    a text in equally many symbols, and the sound of the random model is as long as its symbols are many.
    """
    body = {"model": "tts-1", "voice": VOICE, "input": SENTENCE, "response_format": "pcm"}
    answer = httpx.post(f"{node.url}/v1/audio/speech", json=body, headers=_headers(node), timeout=300)
    answer.raise_for_status()
    return float(np.flatnonzero(np.frombuffer(answer.content, "<i2"))[-1] + 1) / RATE


def _first_audio(node: Node) -> float:
    """Seconds until the first sound of a long text is here."""
    body = {"model": "tts-1", "voice": VOICE, "input": LONG, "response_format": "pcm"}
    began = time.perf_counter()
    with httpx.stream("POST", f"{node.url}/v1/audio/speech", json=body, headers=_headers(node), timeout=300) as answer:
        answer.raise_for_status()
        next(answer.iter_raw())
        return time.perf_counter() - began


def _headers(node: Node) -> dict[str, str]:
    return {"Authorization": f"Bearer {node.key}"}


def _loop(model: Path, text: str, count: int) -> float:
    """Seconds of speech per second, of the package alone with all cores, as it comes."""
    spoken, seconds = _run_loop(model, text, count)
    return spoken / seconds


def _per_second(model: Path, text: str, count: int) -> float:
    return count / _run_loop(model, text, count)[1]


def _run_loop(model: Path, text: str, count: int) -> tuple[float, float]:
    arguments = [str(model / "kokoro-v1.0.onnx"), str(model / "voices-v1.0.bin"), text, str(count)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", LOOP, *arguments], check=True, capture_output=True, text=True, env=environment
    )
    spoken, seconds = ended.stdout.split()
    return float(spoken), float(seconds)


def _model_folder() -> Path:
    if not (folder := os.environ.get(FOLDER)):
        raise SystemExit(f"Set {FOLDER} to a folder with a Kokoro model; benchmarks/full_size_kokoro.py makes one.")
    return Path(folder)

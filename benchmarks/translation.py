"""Translation models of the true size with random weights, through the engine: one sentence, and batches of 8 and 32.

Random weights translate nothing and never end: a translation has three times the tokens of its source and some more,
which is the engine's limit, so real ones are quicker. `MYNA_BENCH_SHORT=on` measures the small model alone, once.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.recognition import alone, built
from myna.engines.ctranslate import CTranslateEngine
from myna.engines.translation import TranslationRequest
from myna.models.store import ModelStore
from myna.settings import Settings

_WORDS = 12
_BATCHES = (1, 8, 32)
_RUNS = 3


def measure() -> dict[str, Any]:
    short = os.environ.get("MYNA_BENCH_SHORT") == "on"
    cases = [("opus", 1)] if short else [("opus", 1), ("opus", 4), ("m2m100", 1), ("m2m100", 4)]
    return {"rows": [alone("benchmarks.translation", name, beam, 1 if short else _RUNS) for name, beam in cases]}


def _row(name: str, beam: int, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore(Path(folder, "models"))
        store.add(f"{name}-en-es", "ctranslate", built(Path(folder, "made"), name))
        before = psutil.Process().memory_info().rss
        settings = Settings(models_dir=store.folder, engine_processes=1, translation_beam=beam)
        engine = CTranslateEngine(settings)
        _seconds(engine, 1)
        times = {size: statistics.median(_seconds(engine, size) for _ in range(runs)) for size in _BATCHES}
        memory = (psutil.Process().memory_info().rss - before) / 1e6
        engine.close()
    figures = {f"ms a sentence, {size} at once": f"{1000 * spent / size:.0f}" for size, spent in times.items()}
    return {"model (int8)": name, "beam": beam, "threads": settings.threads_per_process, **figures} | {
        "memory MB": f"{memory:.0f}"
    }


def _seconds(engine: CTranslateEngine, size: int) -> float:
    words = (f"word{number}" for number in range(size * _WORDS))
    lines = tuple(" ".join(next(words) for _ in range(_WORDS)) for _ in range(size))
    began = time.perf_counter()
    engine.translate(TranslationRequest(lines, "en", "es"))
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(_row(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))

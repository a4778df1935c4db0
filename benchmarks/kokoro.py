"""Kokoro at its true size over HTTP, against the package `kokoro-onnx` called in a loop on the same file and cores.

Needs a folder with a model, such as `benchmarks/full_size_kokoro.py` makes: `MYNA_BENCH_KOKORO=FOLDER`. About five
minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.own_package import Looped, compare, looped
from myna.models.store import ModelStore

FOLDER = "MYNA_BENCH_KOKORO"
SENTENCE = "The quick brown fox jumps over the lazy dog, and then it rests for twenty five minutes in the shade."

LOOP = """
import json, sys, time
from kokoro_onnx import Kokoro
network, voices, text, count = sys.argv[1:]
kokoro = Kokoro(network, voices)
# The silence that it would add at marks costs nothing; Myna has its own.
speak = lambda: len(kokoro.create(text, voice="af_heart", lang="en-us", sentence_pause=0.0, clause_pause=0.0)[0])
speak()
began, samples = time.perf_counter(), sum(speak() for _ in range(int(count)))
print(json.dumps([samples / 24_000, time.perf_counter() - began]))
"""


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        model = ModelStore(Path(folder)).add("kokoro", "kokoro", _model_folder())

        def loop(text: str, count: int) -> Looped:
            return looped(sys.executable, LOOP, [model / "kokoro-v1.0.onnx", model / "voices-v1.0.bin", text], count)

        settings = {"MYNA_ENGINES": '["kokoro"]', "MYNA_MODELS_DIR": folder}
        return compare("kokoro-onnx", loop, settings, "kokoro:af_heart", SENTENCE)


def _model_folder() -> Path:
    if not (folder := os.environ.get(FOLDER)):
        raise SystemExit(f"Set {FOLDER} to a folder with a Kokoro model; benchmarks/full_size_kokoro.py makes one.")
    return Path(folder)

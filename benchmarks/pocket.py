"""pocket-tts at its true size over HTTP, against the package `pocket-tts` called in a loop on the same file and cores.

Needs `scripts/prepare-torch` (or `MYNA_BENCH_TORCH=PYTHON`, that of an environment with pocket-tts) and a folder with
an English model, such as `benchmarks/full_size_pocket.py` makes: `MYNA_BENCH_POCKET=FOLDER`. About five minutes.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.own_package import Looped, compare, looped
from myna.models.store import ModelStore

FOLDER, PYTHON = "MYNA_BENCH_POCKET", "MYNA_BENCH_TORCH"
SENTENCE = "The weather is fine today, and nobody wants to stay at home."

LOOP = """
import json, sys, tempfile, time
from pathlib import Path
import yaml
from pocket_tts import TTSModel
from pocket_tts.utils.config import CONFIGS_DIR
folder, text, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
found = yaml.safe_load((CONFIGS_DIR / "english.yaml").read_text())
found.pop("weights_path_without_voice_cloning")
found["weights_path"] = str(folder / "model.safetensors")
found["flow_lm"]["lookup_table"]["tokenizer_path"] = str(folder / "tokenizer.json")
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    file.write(yaml.safe_dump(found))
    file.flush()
    model = TTSModel.load_model(config=file.name)
voice = model.get_state_for_audio_prompt(folder / "voices" / "alba.safetensors")
speak = lambda: model.generate_audio(voice, text).shape[-1]
speak()
began, samples = time.perf_counter(), sum(speak() for _ in range(count))
print(json.dumps([samples / model.sample_rate, time.perf_counter() - began]))
"""


def measure() -> dict[str, Any]:
    python = os.environ.get(PYTHON) or str(Path(".venv-torch/bin/python").absolute())
    with tempfile.TemporaryDirectory() as folder:
        model = ModelStore(Path(folder)).add("pocket-english", "pocket", _model_folder())

        def loop(text: str, count: int) -> Looped:
            return looped(python, LOOP, [model, text], count)

        settings = {
            "MYNA_ENGINES": '["pocket"]',
            "MYNA_ENGINE_PYTHONS": json.dumps({"pocket": python}),
            "MYNA_MODELS_DIR": folder,
        }
        return compare("pocket-tts", loop, settings, "pocket:english.alba", SENTENCE)


def _model_folder() -> Path:
    if not (folder := os.environ.get(FOLDER)):
        raise SystemExit(f"Set {FOLDER} to a folder with a model; benchmarks/full_size_pocket.py makes one.")
    return Path(folder)

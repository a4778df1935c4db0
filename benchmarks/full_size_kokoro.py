"""Make a Kokoro model of the true size (82 million numbers) with random weights: honest speed, meaningless sound.

    PYTHON benchmarks/full_size_kokoro.py FOLDER

PYTHON is that of an environment with torch (for the CPU), transformers, attrs, loguru, onnx, kokoro-onnx, and
`kokoro==0.9.4` installed with `--no-deps`. kokoro-onnx ships a whole configuration, so nothing is fetched. The
durations are set to about three frames for each symbol, as in speech: by chance the model would speak far too slowly.
"""

from __future__ import annotations

import json
import sys
import types
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

PARTS = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
SYMBOLS = "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˈOvəɹ ðə lˈAzi dˈɔɡ, ænd ðˈɛn ɪt ɹˈɛsts fɔɹ twˈɛnti fˈIv mˈɪnəts."
FRAMES_BIAS = -2.75
"""50 · sigmoid(−2.75) = 3 frames."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    weights = folder / "kokoro.pth"
    torch.save({}, weights)  # no entry: every part keeps its random start
    model = _load(weights)
    durations = model.predictor.duration_proj.linear_layer
    with torch.no_grad():
        durations.weight.mul_(0.1)
        durations.bias.fill_(FRAMES_BIAS)
    _export(model, folder / "kokoro-v1.0.onnx")
    weights.unlink()
    style = 0.1 * np.random.default_rng(0).standard_normal((510, 1, 256)).astype(np.float32)
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, af_heart=style)
    print({path.name: f"{path.stat().st_size / 1e6:.1f} MB" for path in sorted(folder.iterdir())})


def _export(model: Any, path: Path) -> None:
    from kokoro.model import KModelForONNX

    ids = [model.vocab[symbol] for symbol in SYMBOLS if symbol in model.vocab]
    example = (torch.LongTensor([[0, *ids, 0]]), 0.2 * torch.randn(1, 256), torch.tensor([1.0]))
    axes = {"input_ids": {1: "tokens"}, "waveform": {0: "samples"}, "duration": {0: "tokens"}}
    torch.onnx.export(
        KModelForONNX(model).eval(),
        example,
        str(path),
        opset_version=17,
        dynamo=False,
        input_names=["input_ids", "style", "speed"],
        output_names=["waveform", "duration"],
        dynamic_axes=axes,
    )


def _load(weights: Path) -> Any:
    from kokoro.model import KModel

    return KModel(repo_id="local", config=_configuration(), model=str(weights), disable_complex=True).eval()


def _configuration() -> Any:
    found = find_spec("kokoro_onnx")
    assert found is not None
    assert found.submodule_search_locations
    return json.loads((Path(found.submodule_search_locations[0]) / "config.json").read_text(encoding="utf-8"))


def _without_reading() -> None:
    """The package's own `__init__` would import a reader of English, and with it spaCy."""
    found = find_spec("kokoro")
    assert found is not None
    assert found.submodule_search_locations
    package = types.ModuleType("kokoro")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["kokoro"] = package


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    _without_reading()
    main(Path(sys.argv[1]))

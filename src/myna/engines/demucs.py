"""Takes voices apart from music and noise with HTDemucs (S. Rouard, F. Massa and A. Défossez, "Hybrid Transformers for
Music Source Separation", ICASSP 2023). Runs in an environment with torch.

Only safetensors are read, and only classes of demucs are made of them: its other format is a pickle, which may hold any
program.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from myna.engines.overlap import OverlapAdd
from myna.engines.separation import SeparationCapabilities, SeparationEngine, Stems, Stereo
from myna.engines.tensors import device_of, usable_with_torch
from myna.errors import Canceled, EngineUnavailable
from myna.models.store import ModelStore, unusable
from myna.settings import Settings

_ENGINE = "demucs"
_KINDS = frozenset({"demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs"})
_SPEECH = "vocals"
_OVERLAP = 0.25
"""Of a segment with the next one, as demucs has it by default."""
_USUAL_STEMS = ("drums", "bass", "other", _SPEECH)
_USUAL_RATE, _USUAL_SEGMENT = 44_100, 7.8
_LONGEST_HEAD = 10_000_000
"""Bytes of the head of a safetensors file."""


class DemucsEngine(SeparationEngine):
    """One network, which looks at segments of some seconds."""

    name: ClassVar[str] = _ENGINE

    def __init__(self) -> None:
        import torch

        path = _file()
        _check(path)
        torch.set_num_threads(Settings().engine_threads or len(os.sched_getaffinity(0)))
        self._device = device_of(_ENGINE, "cpu")
        self._model = _load(path, self._device)
        self._stop = threading.Event()
        for module in self._model.modules():
            module.register_forward_pre_hook(self._give_up_when_canceled)
        self._length = int(self._model.samplerate * self._model.segment)
        self._blender = self._new_blender()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable_with_torch(_ENGINE, {"demucs": "demucs"}, lambda: _check(_file()), "cpu")

    @classmethod
    def describe(cls) -> SeparationCapabilities:
        """Without a model, what it could do with the usual one."""
        try:
            facts = _facts(_file())
        except EngineUnavailable:
            facts = {}
        segment = _seconds(facts.get("segment", _USUAL_SEGMENT))
        return SeparationCapabilities(
            name=cls.name,
            description="Voices apart from music and noise, with HTDemucs.",
            version=_version(),
            licence="MIT (demucs and its weights)",
            stems=tuple(facts.get("sources", _USUAL_STEMS)),
            speech=_SPEECH,
            sample_rate=int(facts.get("samplerate", _USUAL_RATE)),
            block_seconds=(1 - _OVERLAP) * segment,
            device=device_of(_ENGINE, "cpu"),
        )

    def begin(self) -> None:
        self._stop.clear()
        self._blender = self._new_blender()

    def separate(self, sound: Stereo, *, last: bool) -> Stems:
        stems = self._blender.process(sound, last)
        return stems if len(stems) else np.zeros((len(self._model.sources), 0, 2), np.float32)

    def interrupt(self) -> None:
        self._stop.set()

    def _new_blender(self) -> OverlapAdd:
        return OverlapAdd(self._length, int((1 - _OVERLAP) * self._length), self._segment)

    def _segment(self, sound: Stereo) -> Stems:
        import torch
        from demucs.apply import apply_model

        mix = torch.from_numpy(np.ascontiguousarray(sound.T))[None]
        stems = apply_model(self._model, mix, device=self._device, shifts=0, split=False)
        return np.asarray(stems[0].cpu().numpy().transpose(0, 2, 1), np.float32)

    def _give_up_when_canceled(self, _module: Any, _inputs: Any) -> None:
        """Before each layer: a segment takes seconds, a layer a hundredth of one."""
        if self._stop.is_set():
            raise Canceled


def _load(path: Path, device: str) -> Any:
    """Raises `EngineUnavailable` when the weights are others than the file says."""
    from demucs.hf import load_safetensors_model

    try:
        model = load_safetensors_model(path)
    except Exception as error:  # whatever torch, safetensors and demucs say of a wrong file
        raise unusable(path.parent.name, f"cannot be loaded: {type(error).__name__}: {error}") from error
    return model.to(device).eval()


def _file() -> Path:
    """The weights: those of the catalogue, else the first that somebody brought. Raises `EngineUnavailable`."""
    store = ModelStore.here()
    found = {model.name: model.folder for model in store.installed(_ENGINE)}
    folder = found.get(_ENGINE) or next(iter(found.values()), None) or store.require(_ENGINE)
    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        raise EngineUnavailable(f"The model in {folder} has {len(files)} files of weights (.safetensors), not one.")
    return files[0]


def _check(path: Path) -> None:
    """Nothing is made of a file but a network of demucs with voices among its stems. Raises `EngineUnavailable`."""
    metadata = _metadata(path)
    if metadata.get("klass") not in _KINDS or "structure" in metadata:
        raise EngineUnavailable(f"{path.name} is no model of demucs: it says `{metadata.get('klass', 'nothing')}`.")
    facts = _facts(path)
    if _SPEECH not in facts.get("sources", ()) or facts.get("audio_channels", 2) != 2:
        raise EngineUnavailable(f"{path.name} does not tell voices apart in stereo sound.")


def _facts(path: Path) -> dict[str, Any]:
    """What the network was made with."""
    try:
        facts = json.loads(_metadata(path).get("kwargs", "{}"))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _metadata(path: Path) -> Mapping[str, str]:
    """The head of a safetensors file: its length as 64 bits, then JSON. Empty when it is something else."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            head = json.loads(file.read(length)) if length < _LONGEST_HEAD else {}
    except (OSError, ValueError):
        return {}
    found = head.get("__metadata__") if isinstance(head, dict) else None
    return found if isinstance(found, dict) else {}


def _seconds(value: Any) -> float:
    """A number, or a fraction as demucs writes it."""
    if isinstance(value, Mapping):
        return float(value["numerator"]) / float(value["denominator"])
    return float(value)


def _version() -> str:
    try:
        return version("demucs")
    except PackageNotFoundError:  # asked where the library is not, for the documentation
        return ""

"""Takes noise out of speech with GTCRN (X. Rong et al., "GTCRN: A Speech Enhancement Model Requiring Ultralow
Computational Resources", ICASSP 2024), run by sherpa-onnx.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from myna.engines.base import Samples
from myna.engines.denoising import DenoisingCapabilities, DenoisingEngine
from myna.engines.needs import usable
from myna.errors import EngineUnavailable
from myna.models.store import ModelStore, unusable
from myna.settings import Settings

_RATE = 16_000
_MODEL = "gtcrn"
_TOLD = (
    *(b"gtcrn", b"sample_rate", b"version", b"n_fft", b"hop_length", b"window_length", b"window_type"),
    *(b"conv_cache_shape", b"tra_cache_shape", b"inter_cache_shape"),
)
"""What a file must say of itself: sherpa-onnx ends the whole process where one of these is missing."""
_TAIL = 65_536
"""Bytes at the end of the file in which it says that."""


class SherpaEngine(DenoisingEngine):
    """One network of half a megabyte, on one thread; it hears a recording a sixtieth of a second at a time."""

    name: ClassVar[str] = "sherpa"

    def __init__(self) -> None:
        self._denoiser = _load(_file())
        self._begun = False

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable(cls.name, {"sherpa_onnx": "sherpa-onnx"}, _file)

    @classmethod
    def describe(cls) -> DenoisingCapabilities:
        return DenoisingCapabilities(
            name=cls.name,
            description="Takes noise out of speech with GTCRN, up to 8 kHz.",
            version=_version(),
            licence="Apache-2.0 (sherpa-onnx), MIT (weights)",
            sample_rate=_RATE,
        )

    def begin(self) -> None:
        if self._begun:
            self._denoiser.flush()  # which also forgets what it has heard
        self._begun = True

    def denoise(self, samples: Samples, *, last: bool) -> Samples:
        ready = [_samples(self._denoiser.run(np.ascontiguousarray(samples, np.float32), _RATE))]
        if last:
            ready.append(_samples(self._denoiser.flush()))
            self._begun = False
        return np.concatenate(ready)


def _samples(made: Any) -> Samples:
    return np.array(made.samples, np.float32)


def _file() -> Path:
    """The network: that of the catalogue, else the first that somebody brought. Raises `EngineUnavailable`."""
    store = ModelStore.here()
    found = {model.name: model.folder for model in store.installed("sherpa")}
    folder = found.get(_MODEL) or next(iter(found.values()), None) or store.require(_MODEL)
    files = sorted(folder.glob("*.onnx"))
    if len(files) != 1:
        raise EngineUnavailable(f"The model in {folder} has {len(files)} files that end in .onnx instead of one.")
    return files[0]


def _load(path: Path) -> Any:
    """Raises `EngineUnavailable` for a file that is something else."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    if any(word not in tail for word in _TOLD):
        raise unusable(path.parent.name, f"cannot be used: {path.name} is no GTCRN as sherpa-onnx wants it")
    import sherpa_onnx

    network = sherpa_onnx.OfflineSpeechDenoiserModelConfig(
        gtcrn=sherpa_onnx.OfflineSpeechDenoiserGtcrnModelConfig(model=str(path)),
        num_threads=Settings().engine_threads or 1,
    )
    try:
        denoiser = sherpa_onnx.OnlineSpeechDenoiser(sherpa_onnx.OnlineSpeechDenoiserConfig(model=network))
    except RuntimeError as error:
        raise unusable(path.parent.name, f"cannot be loaded: {error}") from error
    if denoiser.sample_rate != _RATE:
        raise EngineUnavailable(f"{path.name} wants sound of {denoiser.sample_rate} Hz, not of {_RATE}.")
    return denoiser


def _version() -> str:
    try:
        return version("sherpa-onnx")
    except PackageNotFoundError:  # asked where the library is not, for the documentation
        return ""

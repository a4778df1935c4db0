"""What the engines with torch have in common: voices as tensors in a text, the device, the check of a recording.

torch and safetensors are imported within the functions, in the engine's process.
"""

from __future__ import annotations

import base64
import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from myna.engines.base import Samples
from myna.engines.needs import usable
from myna.errors import EngineUnavailable, ReferenceRefused
from myna.settings import Settings

_SHORTEST = 1.0
"""Seconds of a recording that a voice can be made from."""
_SILENCE = 10 ** (-50 / 20)
"""Root mean square of a recording in which nobody speaks; full scale is 1."""
_NVIDIA = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""What the driver of a graphics card shows: on Linux, and on Linux within Windows."""


def to_text(tensors: Mapping[str, Any]) -> str:
    """Tensors as safetensors in base64, for JSON."""
    from safetensors.torch import save

    return base64.b64encode(save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})).decode()


def from_text(text: str) -> dict[str, Any]:
    """The tensors that `to_text` was given. Raises `EngineUnavailable`."""
    from safetensors.torch import load

    try:
        found: dict[str, Any] = load(base64.b64decode(text, validate=True))
    except Exception as error:  # whatever the library says of a broken text
        raise EngineUnavailable(f"This voice cannot be read: {error}") from error
    return found


def checked_reference(reference: Samples, rate: int, longest: float) -> Samples:
    """The first `longest` seconds of a recording. Raises `ReferenceRefused` when nobody can be heard in them."""
    if len(reference) < _SHORTEST * rate:
        raise ReferenceRefused(f"The recording is shorter than {_SHORTEST:g} second.")
    used = reference[: round(longest * rate)]
    if float(np.sqrt(np.mean(np.square(used, dtype=np.float64)))) < _SILENCE:
        raise ReferenceRefused("There is no speech in the recording, it is as good as silent.")
    return used


def device_of(engine: str, usual: str) -> str:
    """Where an engine computes: `cpu`, `cuda` or `mps`."""
    return Settings().engine_devices.get(engine, usual)


def usable_with_torch(
    engine: str, library: Mapping[str, str], find_model: Callable[[], object], usual: str
) -> tuple[bool, str]:
    """As `needs.usable`, of an engine that computes with torch on the device `usual`, if the settings name no other."""
    _, problem = usable(engine, {**library, "torch": "torch"}, find_model)
    problem = problem or missing_device(engine, usual)
    return not problem, problem


def missing_device(engine: str, usual: str) -> str:
    """Why an engine cannot compute where it should; empty when it can. Cheap: torch is not asked."""
    if not device_of(engine, usual).startswith("cuda") or _has_graphics_card():
        return ""
    return (
        "it needs a graphics card of NVIDIA; slowly, it also runs on the processor: "
        f"""MYNA_ENGINE_DEVICES='{{"{engine}": "cpu"}}'"""
    )


def _has_graphics_card() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return any(path.exists() for path in _NVIDIA)

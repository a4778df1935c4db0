"""RNNoise through the shared library of the `pyrnnoise` wheel, whose Python side is never imported."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from myna.audio.resample import StreamResampler
from myna.engines.base import Samples

_RATE = 48_000
_FRAME = 480
_DELAY = 960
"""Samples by which RNNoise's output is late."""
_BLOCK = 240_000
"""Samples that are worked on at once."""
_SCALE = 32_768.0
_FLOATS = ctypes.POINTER(ctypes.c_float)
_LIBRARY_NAMES = ("librnnoise.so", "librnnoise.dylib", "rnnoise.dll", "librnnoise.dll")


def available() -> bool:
    return _library() is not None


def denoise(samples: Samples, rate: int) -> Samples:
    """Mono sound without its noise; same length, no delay. Only when `available()`.

    Safe in threads: each call has a state of its own, and the work is done outside Python's lock.
    """
    back = StreamResampler(_RATE, rate)
    parts = [back.process(part) for part in _denoised(_frames(samples, rate))]
    parts.append(back.process(np.zeros(0, np.float32), last=True))
    return _fitted(np.concatenate(parts), len(samples))


def _frames(samples: Samples, rate: int) -> Iterator[Samples]:
    """The sound at 48 kHz in blocks of whole frames, with silence after it that pushes its end through the delay."""
    there = StreamResampler(rate, _RATE)
    rest = np.zeros(0, np.float32)
    for start in range(0, len(samples), _BLOCK):
        last = start + _BLOCK >= len(samples)
        tail = np.zeros(_DELAY + _FRAME if last else 0, np.float32)
        rest = np.concatenate([rest, there.process(samples[start : start + _BLOCK], last=last), tail])
        whole = len(rest) - len(rest) % _FRAME
        yield rest[:whole] * np.float32(_SCALE)
        rest = rest[whole:]


def _denoised(blocks: Iterator[Samples]) -> Iterator[Samples]:
    library = _library()
    assert library is not None
    state = library.rnnoise_create(None)
    late = _DELAY
    try:
        for block in blocks:
            _process(library, state, block)
            yield block[late:] / np.float32(_SCALE)
            late = max(0, late - len(block))
    finally:
        library.rnnoise_destroy(state)


def _process(library: ctypes.CDLL, state: int, block: Samples) -> None:
    """Denoise whole frames in place."""
    address = block.ctypes.data
    for start in range(0, len(block), _FRAME):
        frame = ctypes.cast(address + start * block.itemsize, _FLOATS)
        library.rnnoise_process_frame(state, frame, frame)


@cache
def _library() -> ctypes.CDLL | None:
    path = _find()
    if path is None:
        return None
    try:
        library = ctypes.CDLL(str(path))
    except OSError:
        return None
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_create.argtypes = [ctypes.c_void_p]
    library.rnnoise_destroy.restype = None
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_process_frame.restype = ctypes.c_float
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, _FLOATS, _FLOATS]
    return library


def _find() -> Path | None:
    package = importlib.util.find_spec("pyrnnoise")
    folders = list(package.submodule_search_locations or []) if package else []
    return next((path for folder in folders for name in _LIBRARY_NAMES if (path := Path(folder, name)).exists()), None)


def _fitted(samples: Samples, length: int) -> Samples:
    """Resampling there and back may end a sample early or late."""
    return np.pad(samples, (0, max(0, length - len(samples))))[:length]

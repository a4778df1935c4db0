"""The network and its voices, loaded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples
from myna.engines.kokoro.files import ModelFiles, broken
from myna.engines.kokoro.voices import locale_of
from myna.engines.onnx import Stoppable, open_session
from myna.errors import EngineUnavailable, Unsupported

SAMPLE_RATE = 24_000
SLOWEST, FASTEST = 0.5, 2.0
"""Speeds that the network was made for."""
_STYLE_SIZE = 256
_REHEARSAL = "həlˈO."

Style = NDArray[np.float32]
"""How a voice sounds: one row for each number of symbols, shape [510, 1, 256]."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The sound of some symbols."""

    samples: Samples
    starts: tuple[float, ...]
    """When each symbol begins, in seconds. Empty when the network does not say."""


class Model:
    """Kokoro-82M by onnxruntime, through the package kokoro-onnx."""

    def __init__(self, files: ModelFiles) -> None:
        """Raises `EngineUnavailable` when a file is not what it should be."""
        self._files = files
        self._styles: dict[str, Style] = {}
        try:
            self.session = open_session(files.network, "kokoro")
            self._kokoro = _kokoro(self.session, files.voices)
            self._kokoro.has_timings = files.has_timings  # kokoro-onnx knows one name of that output only
        except EngineUnavailable:
            raise
        except Exception as error:  # kokoro-onnx and onnxruntime have a dozen ways to say it
            raise broken(files.name, _in_a_line(error)) from error

    @property
    def vocabulary(self) -> frozenset[str]:
        """The symbols that the network knows."""
        return frozenset(self._kokoro.tokenizer.vocab)

    def style(self, weights: Mapping[str, float]) -> Style:
        """A voice, or several blended: the mean of their tables by weight. Raises `Unsupported`."""
        total = sum(weights.values())
        tables = [np.float32(weight / total) * self._table(name) for name, weight in weights.items()]
        rows = min(len(table) for table in tables)
        blended: Style = np.sum([table[:rows] for table in tables], axis=0, dtype=np.float32)
        return blended

    def rehearse(self) -> None:
        """Speak once, with the first voice. Raises `EngineUnavailable` when the network is none of Kokoro's."""
        style = self.style({next(name for name in self._files.voice_names if locale_of(name)): 1.0})
        try:
            sound = self.speak(_REHEARSAL, style, 1.0).samples
        except Exception as error:  # inputs of other names or shapes, a vocabulary of another size
            raise broken(self._files.name, f"its network is none of Kokoro's ({_in_a_line(error)})") from error
        if not np.isfinite(sound).all():
            raise broken(self._files.name, "its network gives no numbers")

    def speak(self, symbols: str, style: Style, speed: float) -> Spoken:
        """At most 510 symbols that the network knows, without the silence at both ends; `speed` 0.5 to 2."""
        samples, _, timings = self._kokoro.create_timed(
            symbols, style, speed=speed, is_phonemes=True, trim=True, sentence_pause=0.0, clause_pause=0.0
        )
        return Spoken(np.asarray(samples, np.float32), tuple(timing.start for timing in timings))

    def _table(self, name: str) -> Style:
        if name not in self._styles:
            if name not in self._files.voice_names:
                raise Unsupported(f"The model `{self._files.name}` has no voice `{name}`.")
            self._styles[name] = self._read(name)
        return self._styles[name]

    def _read(self, name: str) -> Style:
        try:
            table = self._raw(name)
        except Exception as error:  # numpy's readers raise whatever the bytes lead them to
            raise broken(self._files.name, f"the voice `{name}` cannot be read ({error})") from error
        if table.ndim != 3 or not len(table) or table.shape[1:] != (1, _STYLE_SIZE) or not np.isfinite(table).all():
            raise broken(self._files.name, f"the voice `{name}` is no table of styles, its shape is {table.shape}")
        return table

    def _raw(self, name: str) -> Style:
        if self._files.voices.is_dir():
            flat = np.fromfile(self._files.voices / f"{name}.bin", np.float32)
            return flat.reshape(-1, 1, _STYLE_SIZE)
        return np.asarray(self._kokoro.voices[name], np.float32)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _kokoro(session: Stoppable, voices: Path) -> Any:
    import kokoro_onnx

    if voices.is_file():
        return kokoro_onnx.Kokoro.from_session(session, str(voices))
    # kokoro-onnx knows archives only. It gets an empty one: styles are given to it as they are.
    descriptor, path = tempfile.mkstemp(suffix=".npz")
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file)
        return kokoro_onnx.Kokoro.from_session(session, path)
    finally:
        os.unlink(path)

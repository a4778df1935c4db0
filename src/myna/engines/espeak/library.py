"""The espeak-ng library, through ctypes. Not thread-safe: one library in one process, one thread at a time."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from myna.engines.base import Samples
from myna.errors import EngineFailed

SAMPLE_RATE = 22_050
_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_POSITION_IS_CHARACTER = 1
_UTF8 = 0x1
_END_PAUSE = 0x1000
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7
_WORD_EVENT = 1
_SLOT = "slot"
_FOLDER_PREFIX = "myna-espeak-"
_IN_IPA, _WITH_TIES = 0x02, 0x80
TIE = "^"
"""Stands in phonemes between the letters of one sound, as in `a^ɪ`."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a clause is spoken."""

    words_per_minute: int = 175
    """80 to 900."""
    pitch: int = 50
    """0 to 100; 50 is the voice's own."""
    range: int = 50
    """0 is a monotone, 100 the liveliest."""
    word_gap: int = 0
    """More silence between words, in units of 10 ms at 175 words per minute."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    position: int
    """Index of its first character."""
    length: int
    sample: int


@dataclass(frozen=True, slots=True)
class SpokenClause:
    samples: Samples
    words: tuple[SpokenWord, ...]


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Library:
    """Loaded once per process, with a data folder of its own in which one voice variant is rewritten at will."""

    def __init__(self) -> None:
        import espeakng_loader

        self._folder = _private_folder(Path(espeakng_loader.get_data_path()))
        self._library = ctypes.CDLL(_own_copy(Path(espeakng_loader.get_library_path()), self._folder))
        self._library.espeak_Synth.argtypes = [
            *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p),
        ]
        self._library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(self._folder).encode(), _DO_NOT_EXIT)
        if rate != SAMPLE_RATE:
            raise EngineFailed(f"espeak-ng did not start: it answered {rate} instead of {SAMPLE_RATE}.")
        self._blocks: list[bytes] = []
        self._words: list[SpokenWord] = []
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        self._variants = frozenset(path.name for path in (self._folder / "voices/!v").iterdir())
        self._selected: tuple[str, str, str] | None = None

    def select(self, language: str, variant: str = "", recipe: str = "") -> None:
        """Speak `language` (a path such as `gmw/en-US`) with a stock variant or with one written by `voices.py`."""
        wanted = (language, variant, recipe)
        if wanted == self._selected:
            return
        if not variant:
            (self._folder / "voices/!v" / _SLOT).write_text(f"language variant\nname {_SLOT}\n{recipe}")
        elif variant not in self._variants:
            raise EngineFailed(f"espeak-ng has no variant `{variant}`.")
        self._selected = None
        if self._library.espeak_SetVoiceByName(f"{language}+{variant or _SLOT}".encode()) != 0:
            raise EngineFailed(f"espeak-ng has no voice file `{language}`.")
        self._selected = wanted

    def speak(self, text: str, delivery: Delivery, *, end_pause: bool = True) -> SpokenClause:
        """The sound of a clause, and where its words begin."""
        self._blocks, self._words = [], []
        for parameter, value in (
            (_RATE, delivery.words_per_minute),
            (_PITCH, delivery.pitch),
            (_RANGE, delivery.range),
            (_WORD_GAP, delivery.word_gap),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        flags = _UTF8 | (_END_PAUSE if end_pause else 0)
        self._library.espeak_Synth(data, len(data), 0, _POSITION_IS_CHARACTER, 0, flags, None, None)
        samples = np.frombuffer(b"".join(self._blocks), np.int16).astype(np.float32)
        samples /= 32_768
        return SpokenClause(samples, tuple(self._words))

    def phonemes(self, text: str) -> str:
        """A clause in the International Phonetic Alphabet: stress before the vowel, a space between words that are
        said apart. There are as many of these as `speak` has words for the same text.
        """
        data = ctypes.create_string_buffer(text.encode())  # must live for as long as the place in it
        place = ctypes.c_void_p(ctypes.addressof(data))
        mode = _IN_IPA | _WITH_TIES | ord(TIE) << 8
        parts: list[str] = []
        while place.value:  # espeak-ng may see more clauses in it than we
            said = self._library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, mode)
            parts.append((said or b"").decode(errors="replace"))
        return " ".join(" ".join(parts).split())

    def close(self) -> None:
        self._library.espeak_Terminate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, wave: Any, count: int, events: Any) -> int:
        if count and wave:
            self._blocks.append(ctypes.string_at(wave, count * 2))
        index = 0
        while (event := events[index]).type:
            if event.type == _WORD_EVENT:
                self._words.append(SpokenWord(event.text_position - 1, event.length, event.sample))
            index += 1
        return 0


def _private_folder(source: Path) -> Path:
    """A data folder made of links to the package's, so that its list of variants is short and ours to change.

    espeak-ng knows at most 349 languages and variants together; with more, no voice is found at all.
    """
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
    variants = folder / "voices/!v"
    variants.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name != "voices":
            (folder / entry.name).symlink_to(entry)
    for entry in (source / "voices/!v").iterdir():
        (variants / entry.name).symlink_to(entry)
    (variants / _SLOT).write_text(f"language variant\nname {_SLOT}\n")
    return folder


def _own_copy(library: Path, folder: Path) -> str:
    """espeak-ng keeps everything in global variables; a copy of its file has its own, so two engines do not meet."""
    return str(shutil.copy(library, folder / library.name))


def _remove_abandoned() -> None:
    """Delete the folders of processes that were killed before they could do so."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        with contextlib.suppress(ValueError, OSError):
            owner = int(folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0])
            if folder.owner() == Path.home().owner() and not psutil.pid_exists(owner):
                shutil.rmtree(folder, ignore_errors=True)

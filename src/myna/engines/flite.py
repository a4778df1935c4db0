"""Speaks English with `flite` (Carnegie Mellon University), through ctypes on Debian's libraries, when installed."""

from __future__ import annotations

import ctypes
import os
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, Gender, Samples, StockVoice, SynthesisRequest, Word
from myna.errors import EngineFailed, Unsupported

SAMPLE_RATE = 16_000
_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")
_CHUNK = SAMPLE_RATE // 2
_AUDIBLE = 1e-2
_SENTENCE = re.compile(r".+?(?:(?:[!?;:]|(?<=\w{3})[.])+[\"')\]]*(?=\s)|$)", re.DOTALL)
_SHORTEST, _LONGEST = 25, 300
"""Characters of a sentence. Shorter ones stay with the next; a longer run is cut at a space, so that it starts soon."""
_WORD_START = b"R:Token.daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": ".", "\u00a0": " "}


_Spoken = tuple[int, int, float]
"""A word: its index in the sentence, its length, and the second at which it begins."""


@dataclass(frozen=True, slots=True)
class _Speaker:
    name: str
    gender: Gender
    pitch_spread: float
    """Hz; the standard deviation of the voice's own pitch."""
    stretch: float = 1.0
    pitch: float | None = None
    """Hz; only of voices that take their pitch as a number."""


_SPEAKERS = {
    "rms": _Speaker("RMS, American", "male", 12.0),
    "slt": _Speaker("SLT, American", "female", 12.0),
    "awb": _Speaker("AWB, Scottish", "male", 15.0),
    "kal16": _Speaker("KAL, American, by diphones", "male", 11.0, stretch=1.1, pitch=95.0),
}


class FliteEngine(Engine):
    """Flite 2.2: four English voices at 16 kHz."""

    name: ClassVar[str] = "flite"

    def __init__(self) -> None:
        self._library = _Library()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if _library_path("libflite.so.1") and _speakers():
            return True, ""
        return False, "the libraries of `flite` are not installed (Debian: apt-get install flite)"

    @classmethod
    def describe(cls) -> Capabilities:
        return Capabilities(
            name=cls.name,
            description="Clear synthetic English, sentence by sentence, without any model.",
            version="2.2",
            licence="BSD-like (CMU)",
            languages=("en-US", "en-GB"),
            sample_rate=SAMPLE_RATE,
            streaming=True,
            word_timestamps=True,
            options=frozenset({"speed", "temperature", "seed"}),
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return tuple(
            StockVoice(
                id=name,
                name=f"Flite {speaker.name}",
                language="en-GB" if name == "awb" else "en-US",
                gender=speaker.gender,
                description=f"The voice cmu_us_{name} of flite.",
                settings={"voice": name},
            )
            for name, speaker in _speakers().items()
        )

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        if request.language and request.language.partition("-")[0].lower() != "en":
            raise Unsupported(f"The engine `flite` speaks English only, not `{request.language}`.")
        name = str(request.voice_settings.get("voice", ""))
        if name not in _speakers():
            raise Unsupported(f"The engine `flite` has no voice `{name}` here.")
        text, positions = _plain(request.text)
        chance = random.Random(f"{request.seed}/{request.text}")
        done, audible = 0, False
        for start, sentence in _sentences(text):
            self._library.prepare(name, request, chance)
            samples, words = self._library.speak(name, sentence)
            audible = audible or bool(np.abs(samples).max(initial=0.0) > _AUDIBLE)
            yield from _chunks(samples, list(_placed(words, positions[start:], done / SAMPLE_RATE)))
            done += len(samples)
        if not audible:
            raise EngineFailed("There is nothing to say in this text.")
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * SAMPLE_RATE), np.float32), SAMPLE_RATE)


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for match in _SENTENCE.finditer(text):
        if match.end() - start >= _SHORTEST or match.end() == len(text):
            yield from _not_too_long(text, start, match.end())
            start = match.end()


def _not_too_long(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    while end - start > _LONGEST:
        space = text.rfind(" ", start + 1, start + _LONGEST)
        cut = space if space > 0 else start + _LONGEST
        yield start, text[start:cut]
        start = cut
    yield start, text[start:end]


def _placed(words: list[_Spoken], positions: list[int], seconds: float) -> Iterator[tuple[float, Word]]:
    """The words of a sentence at their places in the original text; a picture is one word, whatever its name."""
    before = -1
    for place, length, begin in words:
        start, last = positions[place], positions[place + length - 1]
        if start > before:
            yield begin, Word(start, last - start + 1, seconds + begin)
            before = start


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in ASCII, pictures by their names, and for each of its characters the index of the original one."""
    plain, positions = "", list[int]()
    for index, letter in enumerate(text):
        said = letter if " " <= letter <= "~" else _PLAIN.get(letter, _approximately(letter))
        plain += said
        positions += [index] * len(said)
    return plain, positions


def _approximately(letter: str) -> str:
    if unicodedata.category(letter) == "So":
        return f" {unicodedata.name(letter, '').lower()} "
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or " "


def _chunks(samples: Samples, words: list[tuple[float, Word]]) -> Iterator[AudioChunk]:
    for begin in range(0, len(samples), _CHUNK):
        end = begin + _CHUNK
        here = tuple(word for seconds, word in words if begin <= round(seconds * SAMPLE_RATE) < end)
        yield AudioChunk(samples[begin:end], SAMPLE_RATE, here)


@cache
def _speakers() -> dict[str, _Speaker]:
    """The speakers whose libraries are installed."""
    return {name: speaker for name, speaker in _SPEAKERS.items() if _library_path(f"libflite_cmu_us_{name}.so.1")}


@cache
def _library_path(name: str) -> Path | None:
    """Found by looking, not by loading: this is asked in the server's process."""
    folders = [Path(folder) for folder in (*os.environ.get("LD_LIBRARY_PATH", "").split(":"), *_FOLDERS) if folder]
    candidates = (path for folder in folders for path in (folder / name, *folder.glob(f"*-linux-*/{name}")))
    return next((path for path in candidates if path.exists()), None)


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class _Library:
    """The functions of libflite that are used here. Not thread-safe."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(str(_library_path("libflite.so.1")), ctypes.RTLD_GLOBAL)
        self._library.flite_init()
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float
        self._synthesize = self._function("flite_synth_text", pointer, text, pointer)
        self._wave = self._function("utt_wave", ctypes.POINTER(_Wave), pointer)
        self._delete = self._function("delete_utterance", None, pointer)
        self._set = self._function("flite_feat_set_float", None, pointer, text, number)
        self._remove = self._function("feat_remove", ctypes.c_int, pointer, text)
        self._relation = self._function("utt_relation", pointer, pointer, text)
        self._head = self._function("relation_head", pointer, pointer)
        self._next = self._function("item_next", pointer, pointer)
        self._string = self._function("ffeature_string", text, pointer, text)
        self._float = self._function("ffeature_float", number, pointer, text)
        self._voices: dict[str, Any] = {}

    def prepare(self, name: str, request: SynthesisRequest, chance: random.Random) -> None:
        """Set pace and pitch for one sentence: the voice's own at temperature 0, else by chance.

        At temperature 1 the pitch moves by up to ±15 % and its spread by ±60 %, the pace by ±10 %. The voice `rms` has
        its pitch in its model: only its pace moves.
        """
        speaker, features = _SPEAKERS[name], self._voice(name).contents.features
        temperature = min(1.0, max(0.0, request.temperature))
        pitch, spread, pace = (2 * chance.random() - 1 for _ in range(3))
        speed = max(0.1, request.speed) * (1 + 0.1 * pace * temperature)
        self._set(features, b"duration_stretch", speaker.stretch / speed)
        if speaker.pitch:
            self._set(features, b"int_f0_target_mean", speaker.pitch * (1 + 0.15 * pitch * temperature))
        else:
            self._set(features, b"f0_shift", 1 + 0.15 * pitch * temperature)
        if temperature:
            self._set(features, b"int_f0_target_stddev", speaker.pitch_spread * (1 + 0.6 * spread * temperature))
        elif speaker.pitch:
            self._set(features, b"int_f0_target_stddev", speaker.pitch_spread)
        else:
            self._remove(features, b"int_f0_target_stddev")

    def speak(self, name: str, text: str) -> tuple[Samples, list[_Spoken]]:
        """The sound of a sentence, and its words."""
        utterance = self._synthesize(text.encode("ascii"), self._voice(name))
        if not utterance:
            raise EngineFailed("flite could not speak this text.")
        try:
            wave = self._wave(utterance).contents
            if wave.sample_rate != SAMPLE_RATE or wave.num_channels != 1:
                raise EngineFailed(f"flite returned {wave.num_channels} channels at {wave.sample_rate} Hz.")
            data = ctypes.string_at(wave.samples, wave.num_samples * 2)
            samples = np.frombuffer(data, np.int16).astype(np.float32) / np.float32(32_768)
            return samples, list(self._words(utterance, text))
        finally:
            self._delete(utterance)

    def _words(self, utterance: int, text: str) -> Iterator[_Spoken]:
        place, before = 0, -1.0
        token = self._head(self._relation(utterance, b"Token"))
        while token:
            word = self._string(token, b"name").decode("ascii", "replace")
            start = self._float(token, _WORD_START)
            found = text.find(word, place)
            if found >= 0 and start > before:
                yield found, len(word), start
                place, before = found + len(word), start
            token = self._next(token)

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            path = _library_path(f"libflite_cmu_us_{name}.so.1")
            register = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)[f"register_cmu_us_{name}"]
            register.restype, register.argtypes = ctypes.POINTER(_Voice), (ctypes.c_char_p,)
            self._voices[name] = register(None)
        return self._voices[name]

    def _function(self, name: str, result: Any, *arguments: Any) -> Any:
        function = self._library[name]
        function.restype, function.argtypes = result, arguments
        return function

"""The engine contract.

An engine turns text and a voice into sound. It knows no HTTP, no database, no accounts and no files.
It runs in a child process of its own (`host.py`), one request at a time, so it may crash, hang or grow.
Register a class under the entry-point group `myna.engines`.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from myna.errors import Unsupported

Samples = NDArray[np.float32]
"""Mono sound: float32, shape `[n]`, full scale ±1."""

Gender = Literal["female", "male", "neutral"]
Ability = TypeVar("Ability")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, as data."""

    name: str
    """The name under which it is registered."""
    description: str
    version: str
    licence: str
    """Of the code and of the weights."""
    languages: tuple[str, ...]
    """BCP 47 tags, such as `en-US` or `ar`."""
    sample_rate: int
    """Hz of the sound it returns."""
    streaming: bool = False
    """Sound comes before the whole text is spoken."""
    word_timestamps: bool = False
    cloning: bool = False
    voice_format: str = ""
    """Names the form of what `prepare_voice` returns, such as `match/1`. A voice of another form is never spoken."""
    clone_quality: str = ""
    """How near a clone comes, in an honest word: `matched` or `neural`."""
    dialects: tuple[str, ...] = ()
    diacritics: Literal["needed", "helpful", "harmful", "unused"] = "unused"
    """What vowel marks on Arabic text do for this engine."""
    options: frozenset[str] = frozenset()
    """Fields of `SynthesisRequest` that it honours, of: `speed`, `temperature`, `seed`, `stability`, `similarity`."""
    one_language: bool = False
    """Each of its stock voices speaks its own language only; else any of them speaks all that the engine speaks."""
    blending: bool = False
    """Speaks blends of its stock voices: `voice_settings` is `{"blend": {voice id: weight, …}}`, weights above 0."""
    device: str = "cpu"
    max_characters: int = 2_000
    """The longest text of one request; longer ones are split before."""
    passes_on: bool = False
    """A sentence may take so long that listeners get its sound while it comes. When it breaks off after they have heard
    some of it, it is spoken again only by an engine that honours `seed`, which says the same again."""
    at_once: int | None = None
    """Requests that it takes at once when it is not the cores of this machine that bound them; each has a process of
    its own. None: `MYNA_ENGINE_PROCESSES`."""


@dataclass(frozen=True, slots=True)
class StockVoice:
    """A voice that an engine brings along."""

    id: str
    """Unique within the engine and stable over versions, such as `en-us/f3`."""
    name: str
    language: str
    """BCP 47 tag."""
    gender: Gender = "neutral"
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the engine needs to know to speak with it; given back in `SynthesisRequest.voice_settings`. JSON."""


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """One piece of text to speak, usually a sentence."""

    text: str
    """Normalised text, not empty."""
    language: str
    """BCP 47 tag of the text."""
    voice_settings: Mapping[str, Any]
    """`StockVoice.settings` of the chosen voice, or what `prepare_voice` returned."""
    speed: float = 1.0
    """2.0 speaks twice as fast."""
    temperature: float = 0.0
    """0 is the steady reading of the voice; 1 varies pitch, range and pace the most."""
    seed: int = 0
    """The same seed and text give the same prosody."""
    stability: float | None = None
    """0 is lively and different each time, 1 is steady. None: `temperature` alone decides."""
    similarity: float = 1.0
    """Of a cloned voice: 1 comes as near to the reference as the engine can, 0 stays with the engine's own voice."""
    dialect: str | None = None
    """One of `Capabilities.dialects`."""
    pause_after: float | None = None
    """Seconds of silence after the text, or the engine's own."""
    hops: int = 0
    """Servers of speech that have passed this on before."""


@dataclass(frozen=True, slots=True)
class Word:
    """When a word is spoken."""

    text_position: int
    """Index of its first character in the text of the request."""
    length: int
    """Characters; an engine may merge short words into one event."""
    start: float
    """Seconds from the start of the request's sound."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of sound, in order."""

    samples: Samples
    sample_rate: int
    words: tuple[Word, ...] = ()
    """Words that begin in this piece."""


class BaseEngine(abc.ABC, Generic[Ability]):
    """What engines of all kinds have in common. Heavy libraries are imported inside the methods, never at import."""

    name: ClassVar[str]

    @classmethod
    @abc.abstractmethod
    def available(cls) -> tuple[bool, str]:
        """Whether it can run here, and if not, why and what to do. Cheap; called in the server's process."""

    @classmethod
    @abc.abstractmethod
    def describe(cls) -> Ability:
        """What it can do here. Cheap; called in the server's process."""

    def interrupt(self) -> None:
        """Nobody wants the current request any more: have the long step in progress fail soon.

        Called from another thread, only while a request is worked on. Whatever that raises then is forgotten.
        """

    def close(self) -> None:
        """Let go of everything. The process ends right after."""


class Engine(BaseEngine[Capabilities]):
    """Base class of engines that speak."""

    @classmethod
    @abc.abstractmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        """The voices it brings along. Called in the server's process; must not load models."""

    @abc.abstractmethod
    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        """Speak. Called in the child process; closing the iterator stops the work at once.

        Raises `EngineFailed` (or any exception, which is reported as `EngineFailed`), or `InvalidRequest` for what the
        client has to change.
        """

    def prepare_voice(
        self, reference: Samples, sample_rate: int, transcript: str | None = None, language: str | None = None
    ) -> dict[str, Any]:
        """Make a voice from a recording; the result becomes `voice_settings`. Only engines that clone have this.

        The result is JSON of at most 8 MB; its key `format` equals `Capabilities.voice_format`. `transcript` is what
        is said in the recording, word for word, and `language` its BCP 47 tag, each when known. Raises
        `ReferenceRefused`.
        """
        raise Unsupported(f"The engine `{self.name}` cannot clone voices.")

"""The contract of engines that turn sound into text. They run in child processes, as all engines do."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from myna.engines.base import BaseEngine, Samples


@dataclass(frozen=True, slots=True)
class RecognitionCapabilities:
    """What a recogniser can do, as data."""

    name: str
    description: str
    version: str
    licence: str
    """Of the code and of the weights."""
    languages: tuple[str, ...]
    """BCP 47 tags."""
    detects_language: bool = False
    word_timestamps: bool = True
    exact_timestamps: bool = True
    """Its words begin and end where it says, to some hundredths of a second; else to some tenths."""
    alignment: bool = False
    """It can find the words of a known text in a recording."""
    vocabulary: bool = False
    """It listens for words that it is told may be said."""
    window_seconds: float = 0.0
    """It looks at windows of so many seconds, and works as long on one in which little is said: what is said in one
    is best heard together. 0: it works as long as the sound is."""
    models: tuple[str, ...] = ()
    """The models that it has here, the best first, for engines that have several."""
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word, and when it is said: seconds from the start of the sound."""

    text: str
    start: float
    end: float
    confidence: float = 1.0
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """One stretch of speech, up to a minute or so."""

    language: str | None = None
    """BCP 47 tag; None asks an engine that can to find out."""
    transcript: str | None = None
    """What is said, when it is known: then its words are only found in the sound."""
    vocabulary: tuple[str, ...] = ()
    """Words that may be said, such as names, for engines that listen for them."""
    model: str = ""
    """One of `RecognitionCapabilities.models`; empty: the best one for the language."""


@dataclass(frozen=True, slots=True)
class Recognised:
    language: str
    words: tuple[HeardWord, ...]
    language_probability: float = 1.0
    """How sure the engine is of a language that it found out: 0 to 1."""


class RecognitionEngine(BaseEngine[RecognitionCapabilities]):
    """Base class of recognisers."""

    @abc.abstractmethod
    def recognise(self, samples: Samples, sample_rate: int, request: RecognitionRequest) -> Recognised:
        """The words in mono sound. Called in the child process. No words is an answer, not an error."""

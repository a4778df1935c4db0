"""The contract of engines that turn text into text of another language. They run in child processes, as all do."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TranslationCapabilities:
    """What a translator can do, as data."""

    name: str
    description: str
    version: str
    licence: str
    """Of the code and of the models."""
    pairs: tuple[tuple[str, str], ...] = ()
    """From and to, BCP 47 tags, of what is installed here, direct and by way of a third language."""
    any_pair: bool = False
    """It takes any pair of languages, as a language model does."""
    fits_length: bool = False
    """It can make a translation shorter when it is asked to."""
    glossary: bool = False
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class TranslationRequest:
    """Lines that belong together, in order."""

    lines: tuple[str, ...]
    source: str
    """BCP 47 tag."""
    target: str
    glossary: Mapping[str, str] = field(default_factory=dict)
    """Words that are always translated so."""
    seconds: tuple[float | None, ...] = ()
    """How long each line may take to be said, for engines that can fit a length; as many as lines, or none."""
    shorten: bool = False
    """The lines were translated before and are too long: say the same in fewer words."""


class TranslationEngine(abc.ABC):
    """Base class of translators."""

    name: ClassVar[str]

    @classmethod
    @abc.abstractmethod
    def available(cls) -> tuple[bool, str]:
        """Whether it can run here, and if not, why and what to install. Cheap; called in the server's process."""

    @classmethod
    @abc.abstractmethod
    def describe(cls) -> TranslationCapabilities:
        """What it can do here. Cheap; called in the server's process."""

    @abc.abstractmethod
    def translate(self, request: TranslationRequest) -> tuple[str, ...]:
        """As many lines as were given. Called in the child process. Raises `EngineFailed`, `Unsupported`."""

    def close(self) -> None:  # noqa: B027 - an engine without resources need not override it
        """Let go of everything. The process ends right after."""

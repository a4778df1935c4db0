"""The contract of engines that turn text into text of another language. They run in child processes, as all do."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from myna.engines.base import BaseEngine


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
    groups: tuple[tuple[str, ...], ...] = ()
    """Of each group of languages, it translates any into any other, besides `pairs`."""
    any_pair: bool = False
    """It takes any pair of languages, as a language model does."""
    fits_length: bool = False
    """It can make a translation shorter when it is asked to."""
    glossary: bool = False
    models: tuple[tuple[str, str], ...] = ()
    """The names of the models that it has here, and the licences of their weights."""
    device: str = "cpu"

    def serves(self, source: str, target: str) -> bool:
        """Whether it translates from one language to another."""
        return (
            self.any_pair
            or fitting_pair(self.pairs, source, target) is not None
            or any(fitting_in(group, source, target) for group in self.groups)
        )

    def serves_target(self, target: str) -> bool:
        """Whether it translates into a language from any other."""
        targets = [*(pair[1] for pair in self.pairs), *(tag for group in self.groups for tag in group)]
        return self.any_pair or fitting_tag(targets, target) is not None


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


class TranslationEngine(BaseEngine[TranslationCapabilities]):
    """Base class of translators."""

    @abc.abstractmethod
    def translate(self, request: TranslationRequest) -> tuple[str, ...]:
        """As many lines as were given. Called in the child process. Raises `EngineFailed`, `Unsupported`."""


_SAME = {"cmn": "zh", "no": "nb", "iw": "he"}
_EXACT, _WIDER, _NARROWER = range(3)


def fitting_pair(pairs: Iterable[tuple[str, str]], source: str, target: str) -> tuple[str, str] | None:
    """Of pairs of BCP 47 tags, the one that serves two languages best; None when none does.

    A tag without a region serves all of its regions, and is served by any: `pt` fits `pt-PT` and, when there is nothing
    nearer, `pt-BR` fits `pt`. One region never stands in for another.
    """
    fitting = [
        (_nearness(offered[1], target), _nearness(offered[0], source), offered)
        for offered in pairs
        if _nearness(offered[0], source) is not None and _nearness(offered[1], target) is not None
    ]
    return min(fitting)[2] if fitting else None


def fitting_tag(tags: Iterable[str], wanted: str) -> str | None:
    """Of BCP 47 tags, the one that serves a language best; None when none does."""
    fitting = [(near, tag) for tag in tags if (near := _nearness(tag, wanted)) is not None]
    return min(fitting)[1] if fitting else None


def fitting_in(group: Iterable[str], source: str, target: str) -> tuple[str, str] | None:
    """Of languages any of which is translated into any other, the two that serve best; None when they do not."""
    tags = tuple(group)
    start, end = fitting_tag(tags, source), fitting_tag(tags, target)
    return (start, end) if start and end and base_language(start) != base_language(end) else None


def base_language(tag: str) -> str:
    """The language of a BCP 47 tag, without region and script: `pt` of `pt-BR`."""
    language = tag.replace("_", "-").lower().partition("-")[0]
    return _SAME.get(language, language)


def _nearness(offered: str, wanted: str) -> int | None:
    if base_language(offered) != base_language(wanted):
        return None
    has, wants = (tag.replace("_", "-").lower().partition("-")[2] for tag in (offered, wanted))
    if has == wants:
        return _EXACT
    if not has:
        return _WIDER
    return _NARROWER if not wants else None

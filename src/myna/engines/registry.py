"""Which engines there are. All of them, built-in or not and of every kind, come through one door: the entry points
`myna.engines`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

from myna.engines.base import Capabilities, Engine, StockVoice
from myna.engines.kinds import AnyCapabilities, AnyEngine, Kind, kind_of
from myna.engines.recognition import RecognitionCapabilities
from myna.engines.translation import TranslationCapabilities
from myna.errors import EngineUnavailable

GROUP = "myna.engines"
_FIRST = ("espeak", "flite", "chat")
"""The order of engines when nobody states one; others follow by name."""
_ONLY_WHEN_NAMED = frozenset({"fake", "fake-recognition", "fake-translation"})
_DOES = {Capabilities: "speak", RecognitionCapabilities: "hear", TranslationCapabilities: "translate"}

Able = TypeVar("Able", Capabilities, RecognitionCapabilities, TranslationCapabilities)


@dataclass(frozen=True, slots=True)
class _Probed:
    """What an engine says about itself."""

    kind: Kind
    capabilities: AnyCapabilities
    voices: tuple[StockVoice, ...] = ()


@dataclass(frozen=True, slots=True)
class _Absent:
    """Why an engine cannot be used. One that cannot even be loaded counts as one that should have spoken."""

    reason: str
    kind: Kind = "speech"


class EngineRegistry:
    """The engines that may be used here. An engine's module is imported when it is first asked about."""

    def __init__(
        self,
        entries: Mapping[str, EntryPoint],
        missing: Iterable[str] = (),
        others: Mapping[str, EntryPoint] | None = None,
    ) -> None:
        """`others` are used for a kind of which neither `entries` nor `missing` has an engine."""
        self._entries = dict(entries)
        self._missing = tuple(missing)
        self._others = dict(others or {})

    @classmethod
    def load(cls, preference: Sequence[str] = ()) -> EngineRegistry:
        """The engines named in `preference`, in its order. Of a kind of which it names none: all that are installed,
        except those for tests.
        """
        installed = {entry.name: entry for entry in entry_points(group=GROUP)}
        wanted = list(dict.fromkeys(preference))
        return cls(
            {name: installed[name] for name in wanted if name in installed},
            [name for name in wanted if name not in installed],
            {name: installed[name] for name in _default_order(installed) if name not in wanted},
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The engines that can speak here, the preferred first."""
        return self.names_of("speech")

    @property
    def recognisers(self) -> tuple[str, ...]:
        """The engines that can hear here, the preferred first."""
        return self.names_of("recognition")

    @property
    def translators(self) -> tuple[str, ...]:
        """The engines that can translate here, the preferred first."""
        return self.names_of("translation")

    def names_of(self, kind: Kind) -> tuple[str, ...]:
        """The engines of a kind that can run here, the preferred first."""
        return tuple(name for name, found in self._probes.items() if isinstance(found, _Probed) and found.kind == kind)

    @property
    def unavailable(self) -> dict[str, str]:
        """The engines that should speak but cannot run here, and why."""
        return self.unavailable_of("speech")

    def unavailable_of(self, kind: Kind) -> dict[str, str]:
        """The engines of a kind that cannot run here, and why."""
        absent = ((name, found) for name, found in self._probes.items() if isinstance(found, _Absent))
        return {name: found.reason for name, found in absent if found.kind == kind}

    def describe(self, name: str) -> Capabilities:
        """What an engine that speaks can do. Raises `EngineUnavailable`."""
        return self._described(name, Capabilities)

    def describe_recogniser(self, name: str) -> RecognitionCapabilities:
        """What an engine that hears can do. Raises `EngineUnavailable`."""
        return self._described(name, RecognitionCapabilities)

    def describe_translator(self, name: str) -> TranslationCapabilities:
        """What an engine that translates can do. Raises `EngineUnavailable`."""
        return self._described(name, TranslationCapabilities)

    def voices(self, name: str) -> tuple[StockVoice, ...]:
        """The voices that the engine brings along. Raises `EngineUnavailable`."""
        return self._probed(name).voices

    def check(self, name: str) -> None:
        """Raises `EngineUnavailable` when there is no such engine of any kind."""
        self._probed(name)

    def _described(self, name: str, form: type[Able]) -> Able:
        found = self._probed(name).capabilities
        if not isinstance(found, form):
            raise EngineUnavailable(f"The engine `{name}` cannot {_DOES[form]}; it can {_DOES[type(found)]}.")
        return found

    def _probed(self, name: str) -> _Probed:
        found = self._probes.get(name)
        if not isinstance(found, _Probed):
            reason = found.reason if found else "it is not installed, or `MYNA_ENGINES` does not name it"
            raise EngineUnavailable(f"The engine `{name}` cannot be used here: {reason}")
        return found

    @cached_property
    def _probes(self) -> dict[str, _Probed | _Absent]:
        unknown = f"no installed package has an engine of this name ({GROUP})"
        named: dict[str, _Probed | _Absent] = {name: _Absent(unknown) for name in self._missing}
        named |= {name: _probe(name, entry) for name, entry in self._entries.items()}
        return named | dict(self._filled({found.kind for found in named.values()}))

    def _filled(self, kinds: set[Kind]) -> Iterator[tuple[str, _Probed | _Absent]]:
        """The engines of all other kinds than these."""
        for name, entry in self._others.items():
            if _kind(entry) not in kinds:
                yield name, _probe(name, entry)


def load_engine(name: str) -> type[AnyEngine]:
    """The class of an engine of any kind, by its name or as `module:Class`. Raises `EngineUnavailable`."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        found = getattr(importlib.import_module(module), attribute)
    else:
        entries = list(entry_points(group=GROUP, name=name))
        if not entries:
            raise EngineUnavailable(f"No installed package has an engine called `{name}`.")
        found = entries[0].load()
    return _checked(found)[0]


def find_engine(name: str) -> type[Engine]:
    """The class of an engine that speaks, as `load_engine`. Raises `EngineUnavailable`."""
    found = load_engine(name)
    if not issubclass(found, Engine):
        raise EngineUnavailable(f"The engine `{name}` cannot speak.")
    return found


def _checked(found: object) -> tuple[type[AnyEngine], Kind]:
    kind = kind_of(found)
    if kind is None:
        raise EngineUnavailable(
            f"`{found!r}` is not a subclass of Engine, RecognitionEngine or TranslationEngine (myna.engines)."
        )
    return cast(type[AnyEngine], found), kind


def _kind(entry: EntryPoint) -> Kind:
    try:
        return _checked(entry.load())[1]
    except Exception:  # what is wrong is said when it is probed
        return "speech"


def _probe(name: str, entry: EntryPoint) -> _Probed | _Absent:
    """What an engine says about itself, or why it cannot be used. Foreign code: whatever it raises is a reason."""
    kind: Kind = "speech"
    try:
        engine, kind = _checked(entry.load())
        if engine.name != name:
            return _Absent(f"its class calls itself `{engine.name}`", kind)
        usable, reason = engine.available()
        if not usable:
            return _Absent(reason, kind)
        return _Probed(kind, engine.describe(), engine.voices() if issubclass(engine, Engine) else ())
    except EngineUnavailable as error:
        return _Absent(error.message, kind)
    except Exception as error:
        return _Absent(f"it cannot be loaded: {type(error).__name__}: {error}", kind)


def _default_order(installed: Iterable[str]) -> list[str]:
    names = sorted(set(installed) - _ONLY_WHEN_NAMED)
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))

"""Which engines there are. All of them, built-in or not and of every kind, come through one door: the entry points
`myna.engines`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TypeVar

from myna.engines.base import Capabilities, Engine, StockVoice
from myna.engines.denoising import DenoisingCapabilities
from myna.engines.elsewhere import Program, ask_all
from myna.engines.kinds import AnyEngine, Kind
from myna.engines.probing import Absent, Probed, checked, probe
from myna.engines.recognition import RecognitionCapabilities
from myna.engines.separation import SeparationCapabilities
from myna.engines.translation import TranslationCapabilities
from myna.errors import EngineUnavailable
from myna.kit.installing import without_folders

GROUP = "myna.engines"
_FIRST = ("kokoro", "piper", "espeak", "flite", "whisper", "sphinx", "chat", "ctranslate", "apertium")
"""The order of engines when nobody states one; others follow by name."""
_ONLY_WHEN_NAMED = frozenset({"fake", "fake-recognition", "fake-translation", "fake-separation", "fake-denoising"})
_DOES = {
    Capabilities: "speak",
    RecognitionCapabilities: "hear",
    TranslationCapabilities: "translate",
    SeparationCapabilities: "separate",
    DenoisingCapabilities: "denoise",
}

Able = TypeVar(
    "Able",
    Capabilities,
    RecognitionCapabilities,
    TranslationCapabilities,
    SeparationCapabilities,
    DenoisingCapabilities,
)


class EngineRegistry:
    """The engines that may be used here. An engine's module is imported when it is first asked about."""

    def __init__(
        self,
        entries: Mapping[str, EntryPoint | None],
        missing: Iterable[str] = (),
        others: Mapping[str, EntryPoint | None] | None = None,
        pythons: Mapping[str, Path] | None = None,
    ) -> None:
        """`others` are used for a kind of which neither `entries` nor `missing` has an engine. An engine in `pythons`
        lives in that environment; one without an entry point is known there alone.
        """
        self._entries = dict(entries)
        self._missing = tuple(missing)
        self._others = dict(others or {})
        self._pythons = dict(pythons or {})

    @classmethod
    def load(cls, preference: Sequence[str] = (), pythons: Mapping[str, Path] | None = None) -> EngineRegistry:
        """The engines named in `preference`, in its order. Of a kind of which it names none: all that are installed,
        here or in an environment of `pythons`, except those for tests.
        """
        known: dict[str, EntryPoint | None] = dict.fromkeys(pythons or {})
        known |= {entry.name: entry for entry in entry_points(group=GROUP)}
        wanted = list(dict.fromkeys(preference))
        return cls(
            {name: known[name] for name in wanted if name in known},
            [name for name in wanted if name not in known],
            {name: known[name] for name in _default_order(known) if name not in wanted},
            pythons,
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

    @property
    def separators(self) -> tuple[str, ...]:
        """The engines that can take a sound apart here, the preferred first."""
        return self.names_of("separation")

    @property
    def denoisers(self) -> tuple[str, ...]:
        """The engines that can take noise out of speech here, the preferred first."""
        return self.names_of("denoising")

    def names_of(self, kind: Kind) -> tuple[str, ...]:
        """The engines of a kind that can run here, the preferred first."""
        return tuple(name for name, found in self._probes.items() if isinstance(found, Probed) and found.kind == kind)

    def preferred(self, kind: Kind) -> str | None:
        """The engine of a kind that is taken when nobody names one; None when there is none.

        Raises `EngineUnavailable` when the operator names some of this kind, and none of them can run: nothing else
        stands in for them.
        """
        if able := self.names_of(kind):
            return able[0]
        if absent := next((name for name in self._entries if name in self.unavailable_of(kind)), None):
            self._probed(absent)
        return None

    @property
    def left_out(self) -> dict[str, str]:
        """The engines of any kind that the operator names and that cannot run here, and why."""
        named = ((name, self._probes[name]) for name in (*self._entries, *self._missing))
        return {name: found.reason for name, found in named if isinstance(found, Absent)}

    @property
    def unavailable(self) -> dict[str, str]:
        """The engines that should speak but cannot run here, and why."""
        return self.unavailable_of("speech")

    def unavailable_of(self, kind: Kind) -> dict[str, str]:
        """The engines of a kind that cannot run here, and why."""
        absent = ((name, found) for name, found in self._probes.items() if isinstance(found, Absent))
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

    def describe_separator(self, name: str) -> SeparationCapabilities:
        """What an engine that takes a sound apart can do. Raises `EngineUnavailable`."""
        return self._described(name, SeparationCapabilities)

    def describe_denoiser(self, name: str) -> DenoisingCapabilities:
        """What an engine that takes noise out of speech can do. Raises `EngineUnavailable`."""
        return self._described(name, DenoisingCapabilities)

    def voices(self, name: str) -> tuple[StockVoice, ...]:
        """The voices that the engine brings along. Raises `EngineUnavailable`."""
        return self._probed(name).voices

    def knows(self, name: str) -> bool:
        """Whether an engine of whatever kind is called so, though it may not be able to run here."""
        return name in {*self._entries, *self._missing, *self._others, *_ONLY_WHEN_NAMED}

    def check(self, name: str) -> None:
        """Raises `EngineUnavailable` when there is no such engine of any kind."""
        self._probed(name)

    def _described(self, name: str, form: type[Able]) -> Able:
        found = self._probed(name).capabilities
        if not isinstance(found, form):
            raise EngineUnavailable(f"The engine `{name}` cannot {_DOES[form]}; it can {_DOES[type(found)]}.")
        return found

    def _probed(self, name: str) -> Probed:
        found = self._probes.get(name)
        if not isinstance(found, Probed):
            reason = found.reason if found else self._why_not(name)
            raise EngineUnavailable(f"The engine `{name}` cannot be used here: {without_folders(reason)}")
        return found

    def _why_not(self, name: str) -> str:
        """Of an engine that was not even asked."""
        if self.knows(name):
            named = ",".join([*self._entries, *self._missing])
            return f"`MYNA_ENGINES` does not name it ({f'it is {named}' if named else 'it is for tests'})"
        return "there is none of this name; `myna engines` shows which there are"

    def program(self, name: str) -> Program:
        """How the process of an engine is started."""
        entry = self._entries.get(name) or self._others.get(name)
        if (python := self._pythons.get(name)) is None:
            return Program(name)
        return Program(entry.value if entry else name, python)

    @cached_property
    def _probes(self) -> dict[str, Probed | Absent]:
        unknown = f"no installed package has an engine of this name ({GROUP})"
        named: dict[str, Probed | Absent] = {name: Absent(unknown) for name in self._missing}
        named |= self._asked(self._entries)
        kinds = {found.kind for found in named.values()}
        filled = self._asked(
            {name: entry for name, entry in self._others.items() if not entry or _kind(entry) not in kinds}
        )
        return named | {name: found for name, found in filled.items() if found.kind not in kinds}

    def _asked(self, entries: Mapping[str, EntryPoint | None]) -> dict[str, Probed | Absent]:
        """What each says about itself, in their order."""
        away = {name: (self.program(name), _kind(entry)) for name, entry in entries.items() if name in self._pythons}
        answers = ask_all(away)
        here = {name: entry for name, entry in entries.items() if entry and name not in answers}
        answers |= {name: probe(entry.load, name) for name, entry in here.items()}
        return {name: answers[name] for name in entries}


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
    return checked(found)[0]


def find_engine(name: str) -> type[Engine]:
    """The class of an engine that speaks, as `load_engine`. Raises `EngineUnavailable`."""
    found = load_engine(name)
    if not issubclass(found, Engine):
        raise EngineUnavailable(f"The engine `{name}` cannot speak.")
    return found


def _kind(entry: EntryPoint | None) -> Kind:
    if entry is None:
        return "speech"
    try:
        return checked(entry.load())[1]
    except Exception:  # what is wrong is said when it is probed
        return "speech"


def _default_order(installed: Iterable[str]) -> list[str]:
    names = sorted(set(installed) - _ONLY_WHEN_NAMED)
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))

"""Which engines there are. All of them, built-in or not, come through one door: the entry points `myna.engines`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from myna.engines.base import Capabilities, Engine, StockVoice
from myna.errors import EngineUnavailable

GROUP = "myna.engines"
_FIRST = ("espeak", "flite")
"""The order of engines when nobody states one; others follow by name."""
_ONLY_WHEN_NAMED = frozenset({"fake"})


@dataclass(frozen=True, slots=True)
class _Probed:
    """What an engine says about itself."""

    capabilities: Capabilities
    voices: tuple[StockVoice, ...]


class EngineRegistry:
    """The engines that may be used here. An engine's module is imported when it is first asked about."""

    def __init__(self, entries: Mapping[str, EntryPoint], missing: Iterable[str] = ()) -> None:
        self._entries = dict(entries)
        self._missing = tuple(missing)

    @classmethod
    def load(cls, preference: Sequence[str] = ()) -> EngineRegistry:
        """The engines named in `preference`, in its order; all that are installed, except `fake`, when it is empty."""
        installed = {entry.name: entry for entry in entry_points(group=GROUP)}
        if not preference:
            return cls({name: installed[name] for name in _default_order(installed)})
        wanted = list(dict.fromkeys(preference))
        return cls(
            {name: installed[name] for name in wanted if name in installed},
            [name for name in wanted if name not in installed],
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The engines that can run here, the preferred first."""
        return tuple(self._available)

    @property
    def unavailable(self) -> dict[str, str]:
        """The engines that cannot run here, and why."""
        return dict(self._probes[1])

    def describe(self, name: str) -> Capabilities:
        """What the engine can do. Raises `EngineUnavailable`."""
        return self._probed(name).capabilities

    def voices(self, name: str) -> tuple[StockVoice, ...]:
        """The voices that the engine brings along. Raises `EngineUnavailable`."""
        return self._probed(name).voices

    def _probed(self, name: str) -> _Probed:
        try:
            return self._available[name]
        except KeyError:
            reason = self._probes[1].get(name, "it is not installed, or `MYNA_ENGINES` does not name it")
            raise EngineUnavailable(f"The engine `{name}` cannot be used here: {reason}") from None

    @property
    def _available(self) -> dict[str, _Probed]:
        return self._probes[0]

    @cached_property
    def _probes(self) -> tuple[dict[str, _Probed], dict[str, str]]:
        available: dict[str, _Probed] = {}
        reasons = dict.fromkeys(self._missing, f"no installed package has an engine of this name ({GROUP})")
        for name, entry in self._entries.items():
            found = _probe(name, entry)
            if isinstance(found, str):
                reasons[name] = found
            else:
                available[name] = found
        return available, reasons


def find_engine(name: str) -> type[Engine]:
    """The class of an engine, by its name or as `module:Class`. Raises `EngineUnavailable`."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        found = getattr(importlib.import_module(module), attribute)
    else:
        entries = list(entry_points(group=GROUP, name=name))
        if not entries:
            raise EngineUnavailable(f"No installed package has an engine called `{name}`.")
        found = entries[0].load()
    return _checked(found)


def _checked(found: object) -> type[Engine]:
    if not isinstance(found, type) or not issubclass(found, Engine):
        raise EngineUnavailable(f"`{found!r}` is not a subclass of myna.engines.base.Engine.")
    return found


def _probe(name: str, entry: EntryPoint) -> _Probed | str:
    """What an engine says about itself, or why it cannot be used. Foreign code: whatever it raises is a reason."""
    try:
        engine = _checked(entry.load())
        if engine.name != name:
            return f"its class calls itself `{engine.name}`"
        usable, reason = engine.available()
        return _Probed(engine.describe(), engine.voices()) if usable else reason
    except EngineUnavailable as error:
        return error.message
    except Exception as error:
        return f"it cannot be loaded: {type(error).__name__}: {error}"


def _default_order(installed: Iterable[str]) -> list[str]:
    names = sorted(set(installed) - _ONLY_WHEN_NAMED)
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))

"""What a new model, or its loss, changes for who asks for a vendor's name, or only for a language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from myna.cli.local import load_settings

if TYPE_CHECKING:
    from myna.engines.registry import EngineRegistry

_MOST_NAMED = 6
"""Languages that are named."""


@dataclass(frozen=True)
class Spoken:
    """Who speaks for whom."""

    engines: tuple[str, ...]
    """Those that can speak, the preferred first."""
    names: Mapping[tuple[str, str], str]
    """By API and vendor's name, the id of its voice."""
    languages: Mapping[str, str]
    """By language, the id of its default voice."""


@contextmanager
def told_of_changes(engines: Iterable[str]) -> Iterator[None]:
    """Say what has changed at the end, when these engines, or models of them, come or go.

    Nothing is looked at, which takes a second or two, where they do not speak or `MYNA_ENGINES` does not name them.
    """
    from myna.models.catalogue import known

    used = load_settings().engines
    speak = {model.engine for model in known().values() if model.kind == "speech"}
    if not any(engine in speak and (engine in used or not used) for engine in engines):
        yield
        return
    before = _now()
    yield
    for line in changes(before, _now()):
        print(line)


def changes(before: Spoken, after: Spoken) -> list[str]:
    """In words; empty when nothing changes."""
    names = {name: voice for name, voice in after.names.items() if before.names.get(name, voice) != voice}
    languages = {tag: voice for tag, voice in after.languages.items() if before.languages.get(tag, voice) != voice}
    if not names and not languages:
        return []
    parts = []
    if names:
        some = f"{len(names)} of the {len(after.names)} names" if len(names) < len(after.names) else "all names"
        parts.append(f"{some} that vendors' clients know, such as `{next(iter(names))[1]}`")
    if languages:
        parts.append(f"texts of which only the language is said ({_listed([*languages])})")
    by = dict.fromkeys(voice.partition(":")[0] for voice in (*names.values(), *languages.values()))
    lines = [f"From the next start {' and '.join(map(_quoted, by))} will speak {', and '.join(parts)}."]
    as_before = (*before.engines, *(engine for engine in after.engines if engine not in before.engines))
    if as_before not in (before.engines, after.engines):
        own = sum(voice.partition(":")[2] == name for (_, name), voice in names.items())
        besides = f" (but for {own} that are the names of its own voices)" if own else ""
        lines.append(f"To keep them as they are: MYNA_ENGINES={','.join(as_before)}{besides}.")
    return lines


def order(registry: EngineRegistry) -> str:
    """Who comes first, in words."""
    return (
        f"Who names no engine is heard by {', '.join(registry.names)}, in this order: so vendors' names, such as "
        "`alloy`, get their voices. MYNA_ENGINES sets it."
    )


def _now() -> Spoken:
    from myna.engines.registry import EngineRegistry
    from myna.voices.catalogue import VoiceCatalogue
    from myna.voices.languages import base_language
    from myna.voices.slots import APIS

    settings = load_settings()
    registry = EngineRegistry.load(settings.engines, settings.resolved_engine_pythons)
    catalogue = VoiceCatalogue(registry)
    names = {
        (api, alias.name): alias.voice_id
        for api in APIS
        for alias in catalogue.aliases(api)
        if settings.voice_aliases.keys().isdisjoint({f"{api}:{alias.name}", f"{api}:{alias.key}"})
    }
    languages = {base_language(voice.language): voice.id for voice in catalogue.defaults()}
    return Spoken(registry.names, names, languages)


def _listed(languages: list[str]) -> str:
    shown = ", ".join(languages[:_MOST_NAMED])
    return f"{shown} and {len(languages) - _MOST_NAMED} more" if len(languages) > _MOST_NAMED else shown


def _quoted(name: str) -> str:
    return f"`{name}`"

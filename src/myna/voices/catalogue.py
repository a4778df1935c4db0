"""The stock voices of this node, and the vendors' names for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from myna.engines.base import StockVoice
from myna.engines.registry import EngineRegistry
from myna.errors import StartupError
from myna.voices.blends import name_of, parts_of
from myna.voices.languages import base_language, speaks, usual_rank
from myna.voices.schemas import Alias, Voice
from myna.voices.slots import choose, fixed_choices, slots


class VoiceCatalogue:
    """All stock voices of the engines that run here. Read when it is first asked for."""

    def __init__(self, registry: EngineRegistry, bindings: Mapping[str, str] | None = None) -> None:
        """`bindings` gives a vendor's name another voice: `{"magichour:Label": "espeak:en-us.f3"}`."""
        self._registry = registry
        self._bindings = dict(bindings or {})

    @cached_property
    def voices(self) -> tuple[Voice, ...]:
        """The voices of the preferred engine first."""
        return tuple(voice for voices in self._by_engine.values() for voice in voices)

    def get(self, voice_id: str) -> Voice | None:
        """By its id: `engine:voice`, or `engine:one(2)+other(1)` for a blend, of an engine that makes them."""
        if voice_id in self._by_id:
            return self._by_id[voice_id]
        engine, _, name = voice_id.partition(":")
        return self._blend(engine, name)

    def named(self, name: str) -> Voice | None:
        """By its name or its id without the engine, whatever the case, or a blend by what is in it; of the preferred
        engine that has it.
        """
        blends = (self._blend(engine, name) for engine in self._by_engine)
        return self._by_name.get(name.casefold()) or next((blend for blend in blends if blend), None)

    def default(self, language: str) -> Voice | None:
        """The voice for who asks for a language only: of the preferred engine that speaks it, with the usual accent."""
        for voices in self._by_engine.values():
            if fitting := [voice for voice in voices if speaks(voice, language)]:
                return min(fitting, key=usual_rank)
        return None

    def defaults(self) -> list[Voice]:
        """One voice for each language, by language."""
        languages = sorted({base_language(voice.language) for voice in self.voices})
        return [voice for language in languages if (voice := self.default(language))]

    def aliases(self, api: str) -> list[Alias]:
        """The names that a vendor's clients may use."""
        return list(self._aliases.get(api, {}).values())

    def alias(self, api: str, name: str) -> Alias | None:
        """By key, else by name."""
        known = self._aliases.get(api, {})
        return known.get(name) or next((alias for alias in known.values() if alias.name == name), None)

    @cached_property
    def _by_engine(self) -> dict[str, tuple[Voice, ...]]:
        return {
            name: tuple(_voice(name, stock) for stock in self._registry.voices(name)) for name in self._registry.names
        }

    @cached_property
    def _by_id(self) -> dict[str, Voice]:
        return {voice.id: voice for voice in self.voices}

    @cached_property
    def _by_name(self) -> dict[str, Voice]:
        voices = self.voices[::-1]
        ids = {voice.id.partition(":")[2].casefold(): voice for voice in voices}
        return ids | {voice.name.casefold(): voice for voice in voices}

    def _blend(self, engine: str, name: str) -> Voice | None:
        """A voice between others. It speaks the language of the one with the most weight."""
        parts = parts_of(name)
        if parts is None or engine not in self._by_engine or not self._registry.describe(engine).blending:
            return None
        voices = {part: self._by_id.get(f"{engine}:{part}") for part in parts}
        main = voices[max(parts, key=lambda part: parts[part])]
        if main is None or None in voices.values():
            return None
        return replace(
            main,
            id=f"{engine}:{name_of(parts)}",
            name=name_of(parts),
            description=f"A blend of {', '.join(voice.name for voice in voices.values() if voice)}.",
            settings={"blend": dict(parts)},
        )

    @cached_property
    def _aliases(self) -> dict[str, dict[str, Alias]]:
        found: dict[str, dict[str, Alias]] = {}
        chosen = self._chosen | self._bindings
        for slot in slots():
            voice_id = chosen.get(f"{slot.api}:{slot.name}") or chosen.get(slot.id)
            if voice_id is not None:
                alias = Alias(slot.api, slot.key, slot.name, voice_id, slot.locale, slot.details)
                found.setdefault(slot.api, {})[slot.key] = alias
        for binding, voice_id in self._bindings.items():
            self._bind(found, binding, voice_id)
        return found

    @cached_property
    def _chosen(self) -> dict[str, str]:
        """Slot id → voice id. Slots that the preferred engine has no voice for go on to the next one."""
        chosen = dict(self._namesakes)
        taken: set[str] = set()
        for engine, voices in self._by_engine.items():
            fixed = {slot: voice for slot, voice in fixed_choices(engine).items() if slot not in chosen}
            chosen |= {slot: voice for slot, voice in fixed.items() if self.get(voice)}
            taken.update(chosen.values())
            chosen |= choose([slot for slot in slots() if slot.id not in chosen], voices, taken)
        left = [slot for slot in slots() if slot.id not in chosen]
        return chosen | choose(left, self.voices, taken, repeat=True)

    @cached_property
    def _namesakes(self) -> dict[str, str]:
        """Slots that are called by the very id of a voice that is here, such as `af_heart`: they are that voice."""
        ids = {voice.id.partition(":")[2]: voice.id for voice in reversed(self.voices)}
        return {slot.id: ids[slot.key] for slot in slots() if slot.key in ids}

    def _bind(self, found: dict[str, dict[str, Alias]], binding: str, voice_id: str) -> None:
        """Check a binding, and add it when the vendor's name is new."""
        api, colon, name = binding.partition(":")
        voice = self.get(voice_id)
        if not colon or voice is None:
            raise StartupError(
                f"The setting voice_aliases binds `{binding}` to `{voice_id}`. The left side is `api:name`, the right "
                "side the id of a voice of this node; `myna voices list` shows them."
            )
        known = found.setdefault(api, {})
        if not any(name in (alias.key, alias.name) for alias in known.values()):
            known[name] = Alias(api, name, name, voice.id, voice.language)


def _voice(engine: str, stock: StockVoice) -> Voice:
    return Voice(
        id=f"{engine}:{stock.id}",
        name=stock.name,
        engine=engine,
        languages=(stock.language,),
        gender=stock.gender,
        description=stock.description,
        settings=stock.settings,
    )

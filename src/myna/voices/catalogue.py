"""The stock voices of this node, and the vendors' names for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from myna.engines.base import StockVoice
from myna.engines.registry import EngineRegistry
from myna.errors import StartupError
from myna.voices.blends import name_of, parts_of
from myna.voices.choice import Choice, choice_of
from myna.voices.languages import base_language, speaks, usual_rank
from myna.voices.schemas import Alias, Voice
from myna.voices.slots import choose, fixed_choices, slots


class VoiceCatalogue:
    """All stock voices of the engines that run here. Read when it is first asked for."""

    def __init__(self, registry: EngineRegistry, bindings: Mapping[str, str] | None = None) -> None:
        """`bindings` gives a vendor's name another voice: `{"magichour:Label": "espeak:en-us.f3"}`."""
        self._registry = registry
        self._bindings = dict(bindings or {})
        self._slots_of: dict[Choice, dict[str, str]] = {}

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

    def named(self, name: str, choice: Choice | None = None) -> Voice | None:
        """By its name or its id without the engine, whatever the case, or a blend by what is in it; of the preferred
        engine that has it, or of the one that is chosen.
        """
        if choice:
            own = (voice for voice in self._voices_of(choice) if name.casefold() in _names(voice))
            return next(own, None) or self._blend(choice.engine, name)
        blends = (self._blend(engine, name) for engine in self._by_engine)
        return self._by_name.get(name.casefold()) or next((blend for blend in blends if blend), None)

    def default(self, language: str, choice: Choice | None = None) -> Voice | None:
        """The voice for who asks for a language only: of the engine that is chosen, else of the preferred one that
        speaks it, with the usual accent.
        """
        for voices in [self._voices_of(choice)] if choice else self._by_engine.values():
            if fitting := [voice for voice in voices if speaks(voice, language)]:
                return min(fitting, key=usual_rank)
        return None

    def slot(self, api: str, name: str, choice: Choice) -> Voice | None:
        """The voice by which an engine speaks a vendor's name. None when it has none for it, and when the operator has
        bound the name to a voice of another engine.
        """
        alias = self.alias(api, name)
        if alias and not self._bindings.keys().isdisjoint({f"{api}:{alias.key}", f"{api}:{alias.name}"}):
            bound = self.get(alias.voice_id)
            return bound if bound and choice.includes(bound) else None
        if choice not in self._slots_of:
            voices = self._voices_of(choice)
            self._slots_of[choice] = self._choose({choice.engine: voices} if voices else {})
        found = next((slot for slot in slots() if slot.api == api and name in (slot.key, slot.name)), None)
        return self.get(self._slots_of[choice].get(found.id, "")) if found else None

    def choice(self, name: str) -> Choice | None:
        """The engine that is named, by its name or by that of a model. Raises `EngineUnavailable`, as `choice_of`."""
        return choice_of(name, self._registry, self.models)

    @cached_property
    def models(self) -> dict[str, str]:
        """Of engines with several models, the names of those by which voices speak here, and their engines."""
        return {str(name): voice.engine for voice in self.voices if (name := voice.settings.get("model"))}

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

    def _voices_of(self, choice: Choice) -> tuple[Voice, ...]:
        return tuple(voice for voice in self._by_engine.get(choice.engine, ()) if choice.includes(voice))

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
        chosen = self._choose(self._by_engine) | self._bindings
        for slot in slots():
            voice_id = chosen.get(f"{slot.api}:{slot.name}") or chosen.get(slot.id)
            if voice_id is not None:
                alias = Alias(slot.api, slot.key, slot.name, voice_id, slot.locale, slot.details)
                found.setdefault(slot.api, {})[slot.key] = alias
        for binding, voice_id in self._bindings.items():
            self._bind(found, binding, voice_id)
        return found

    def _choose(self, by_engine: Mapping[str, Sequence[Voice]]) -> dict[str, str]:
        """Slot id → voice id. Slots that the preferred engine has no voice for go on to the next one."""
        every = tuple(voice for voices in by_engine.values() for voice in voices)
        chosen = _namesakes(every)
        taken: set[str] = set()
        for engine, voices in by_engine.items():
            fixed = {slot: voice for slot, voice in fixed_choices(engine).items() if slot not in chosen}
            chosen |= {slot: voice for slot, voice in fixed.items() if self.get(voice)}
            taken.update(chosen.values())
            chosen |= choose([slot for slot in slots() if slot.id not in chosen], voices, taken)
        left = [slot for slot in slots() if slot.id not in chosen]
        return chosen | choose(left, every, taken, repeat=True)

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


def _namesakes(voices: Sequence[Voice]) -> dict[str, str]:
    """Slots that are called by the very id of a voice that is here, such as `af_heart`: they are that voice."""
    ids = {voice.id.partition(":")[2]: voice.id for voice in reversed(voices)}
    return {slot.id: ids[slot.key] for slot in slots() if slot.key in ids}


def _names(voice: Voice) -> tuple[str, str]:
    return voice.name.casefold(), voice.id.partition(":")[2].casefold()


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

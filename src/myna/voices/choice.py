"""Which engine shall speak, when a client names one: by its name, or by that of one of its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from myna.engines.registry import EngineRegistry
from myna.errors import EngineUnavailable, VoiceOfOtherEngine
from myna.models.catalogue import load
from myna.models.store import ModelStore
from myna.voices.schemas import Alias, Voice

_REMEDY = (
    "Name a voice of `{wanted.name}`, as `myna voices list --engine {wanted.engine}` shows them, or name no engine: "
    "then the voice decides."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that speaks here, and one of its models when a model was named."""

    engine: str
    model: str = ""

    def includes(self, voice: Voice) -> bool:
        """A cloned voice belongs to all models of its engine."""
        of_model = voice.kind == "cloned" or self.model in ("", voice.settings.get("model"))
        return voice.engine == self.engine and of_model

    @property
    def name(self) -> str:
        """As it was named."""
        return self.model or self.engine


def choice_of(name: str, registry: EngineRegistry, models: Mapping[str, str]) -> Choice | None:
    """What a name means; None when neither an engine nor a model is called so.

    `models` are those by which voices speak here, with their engines. Raises `EngineUnavailable`, which says what to
    do, for an engine or a model that is known and cannot speak here.
    """
    if not registry.knows(name) and name not in models:
        name = name.lower()  # as those are that come with Myna: `Kokoro` is not to be spoken by another engine
    if registry.knows(name):
        registry.describe(name)
        return Choice(name)
    if engine := models.get(name):
        return Choice(engine, name)
    engine = _engine_of(name)
    return _by_its_engine(name, engine, registry, models) if engine else None


def _engine_of(name: str) -> str:
    """Of a model that could be pulled, or is in the store under a name of its own; empty when there is none."""
    store = ModelStore.here()
    if model := load().get(name):
        if model.kind != "speech":
            raise EngineUnavailable(f"The model `{name}` cannot speak; it is for {model.kind}.")
        store.require(name)
        return model.engine
    installed = store.look(name)
    return installed.manifest.engine if installed else ""


def _by_its_engine(name: str, engine: str, registry: EngineRegistry, models: Mapping[str, str]) -> Choice:
    """A model that is in the store, and by whose name no voice is known."""
    if registry.describe(engine).cloning:
        return Choice(engine)
    if engine in models.values():
        raise EngineUnavailable(f"The model `{name}` came after this server was started. Start it again.")
    others = [model.name for model in ModelStore.here().installed(engine) if model.name != name]
    if others:
        raise EngineUnavailable(
            f"The engine `{engine}` speaks with one model at a time, and has `{name}` and `{'`, `'.join(others)}`. "
            "Name the engine."
        )
    return Choice(engine)


def of_other_engine(voice: Voice, called: str, wanted: Choice) -> VoiceOfOtherEngine:
    """What is wrong with a voice, which was `called` so, of another engine than the one that was named."""
    spoken_by = voice.engine if voice.engine != wanted.engine else voice.settings.get("model", voice.engine)
    which = f"The voice `{called}`" if called == voice.id else f"`{called[:100]}` is the voice `{voice.id}`, which"
    return VoiceOfOtherEngine(
        f"{which} is spoken by `{spoken_by}`, not by `{wanted.name}`. {_REMEDY.format(wanted=wanted)}",
        field="voice",
        voice=voice.id,
        engine=spoken_by,
    )


def without_voice(alias: Alias, wanted: Choice) -> VoiceOfOtherEngine:
    """What is wrong with a vendor's name for which the engine that was named has no voice."""
    return VoiceOfOtherEngine(
        f"`{wanted.name}` has no voice for `{alias.name}` (`{alias.locale}`), which here is the voice "
        f"`{alias.voice_id}`. {_REMEDY.format(wanted=wanted)}",
        field="voice",
        voice=alias.voice_id,
        engine=alias.voice_id.partition(":")[0],
    )

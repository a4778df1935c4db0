"""Models and speakers: Stablecog's own table, and a second model with the voices of this server."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from myna.errors import StartupError
from myna.settings import Settings
from myna.voices.languages import base_language
from myna.voices.own import spoken_languages
from myna.voices.schemas import ClonedVoice
from myna.voices.service import VoiceService

BARK_ID = "0f442a3e-cf53-490b-b4a9-b0dda63e9523"
"""The only model that Stablecog ever had."""
FIRST_SPEAKER_ID = "0140c5dc-af12-4643-bfec-650d3cd03c56"
"""The default speaker of the vendor's documentation."""
_NAMESPACE = uuid.UUID(BARK_ID)
OWN_MODEL_NAME = "myna"


def own_id(name: str) -> str:
    """The id under which something of ours appears: the same on every server."""
    return str(uuid.uuid5(_NAMESPACE, name))


OWN_MODEL_ID = own_id("model")


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice under the id and the name that Stablecog's clients know."""

    id: str
    name: str
    locale: str
    voice_id: str


def own_speaker(voice_id: str, language: str) -> Speaker:
    """The speaker that stands for one of this server's voices."""
    return Speaker(own_id(voice_id), voice_id, base_language(language), voice_id)


def cloned_speaker(cloned: ClonedVoice) -> Speaker:
    """The speaker that stands for a voice of the account's own."""
    language = spoken_languages(cloned.languages, cloned.report.get("language"), None)[0]
    return Speaker(cloned.record_id, cloned.name, base_language(language), cloned.id)


@dataclass(frozen=True)
class Model:
    id: str
    name: str
    speakers: tuple[Speaker, ...]

    @cached_property
    def by_id(self) -> dict[str, Speaker]:
        return {speaker.id: speaker for speaker in self.speakers}


class Models:
    """All models, the default one first."""

    def __init__(self, models: Sequence[Model], default_speaker_id: str) -> None:
        self.all = tuple(models)
        self.default = self.all[0]
        self.default_speaker_id = default_speaker_id
        self._by_id = {model.id: model for model in self.all}

    def find(self, model_id: str) -> Model | None:
        return self._by_id.get(model_id)

    def speaker(self, speaker_id: str) -> Speaker | None:
        """A speaker of whichever model."""
        return next((found for model in self.all if (found := model.by_id.get(speaker_id))), None)


def load_models(voices: VoiceService, settings: Settings) -> Models:
    """Stablecog's speakers as the voices of this node, and this node's own default voices.

    Raises `StartupError` when the default speaker was set to one that is not there.
    """
    known = [Speaker(alias.key, alias.name, alias.locale, alias.voice_id) for alias in voices.aliases("stablecog")]
    own = [own_speaker(voice.id, voice.language) for voice in voices.defaults()]
    bark = Model(BARK_ID, settings.stablecog_model_name, tuple(known))
    return Models([bark, Model(OWN_MODEL_ID, OWN_MODEL_NAME, tuple(own))], _default_speaker_id(bark, settings))


def _default_speaker_id(model: Model, settings: Settings) -> str:
    """The one of the settings; the first one when this node has no voice for that."""
    wanted = settings.stablecog_default_speaker
    if wanted in model.by_id:
        return wanted
    if wanted != FIRST_SPEAKER_ID:
        raise StartupError(
            f"MYNA_STABLECOG_DEFAULT_SPEAKER is `{wanted}`, which is none of the speakers of `{model.name}`. "
            f"Choose one that `GET /v1/audio/voiceover/models` lists, or leave it unset."
        )
    return model.speakers[0].id if model.speakers else wanted

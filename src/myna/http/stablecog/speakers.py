"""Models and speakers: Stablecog's own table, and a second model with the voices of this server."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

BARK_ID = "0f442a3e-cf53-490b-b4a9-b0dda63e9523"
"""The only model that Stablecog ever had."""
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
    return Speaker(own_id(voice_id), voice_id, language.partition("-")[0].lower(), voice_id)


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
        self._by_id = {model.id: model for model in self.all}
        self.default_speaker = self.default.by_id.get(default_speaker_id) or self.default.speakers[0]

    def find(self, model_id: str) -> Model | None:
        return self._by_id.get(model_id)

    def speaker(self, speaker_id: str) -> Speaker | None:
        """A speaker of whichever model."""
        return next((found for model in self.all if (found := model.by_id.get(speaker_id))), None)

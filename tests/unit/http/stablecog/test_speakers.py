"""Models and speakers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from myna.engines.registry import EngineRegistry
from myna.errors import StartupError
from myna.http.stablecog.speakers import (
    BARK_ID,
    OWN_MODEL_ID,
    Model,
    Models,
    Speaker,
    _default_speaker_id,
    load_models,
    own_id,
    own_speaker,
)
from myna.settings import Settings
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.service import VoiceService
from tests.unit.http.stablecog.examples import BRYAN, FRITZ, MODELS, OWN

VOICES = VoiceService(VoiceCatalogue(EngineRegistry.load(["fake"])))


def test_models_and_speakers_are_found_by_id() -> None:
    assert MODELS.default.id == BARK_ID
    assert MODELS.default_speaker_id == BRYAN.id
    assert MODELS.find(OWN_MODEL_ID) is MODELS.all[1]
    assert MODELS.find(BRYAN.id) is None
    assert MODELS.speaker(OWN.id) == OWN
    assert MODELS.speaker(FRITZ.id) == FRITZ
    assert MODELS.speaker(BARK_ID) is None


def test_our_own_ids_are_uuids_that_stay() -> None:
    assert own_id("fake:en-GB.2") == own_id("fake:en-GB.2") != own_id("fake:en-GB.3")
    assert uuid.UUID(own_id("x")).version == 5


def test_our_voices_as_speakers() -> None:
    speaker = own_speaker("espeak:pt-br", "pt-BR")
    assert (speaker.name, speaker.locale, speaker.voice_id) == ("espeak:pt-br", "pt", "espeak:pt-br")


def load(**values: Any) -> Models:
    return load_models(VOICES, Settings(**values))


def test_all_44_speakers_have_a_voice_of_their_language() -> None:
    models = load()
    bark = models.default
    assert (bark.id, bark.name, len(bark.speakers)) == (BARK_ID, "bark", 44)
    assert models.default_speaker_id == BRYAN.id
    assert bark.by_id[FRITZ.id].voice_id.startswith("fake:de-DE.")
    assert len({speaker.voice_id for speaker in bark.speakers}) == 44
    assert "en" in {speaker.locale for speaker in models.all[1].speakers}


def test_default_speaker_and_name_can_be_set() -> None:
    models = load(stablecog_default_speaker=FRITZ.id, stablecog_model_name="dog")
    assert (models.default_speaker_id, models.default.name) == (FRITZ.id, "dog")


def test_the_default_speaker_must_be_one_of_the_default_model() -> None:
    with pytest.raises(StartupError, match="MYNA_STABLECOG_DEFAULT_SPEAKER"):
        load(stablecog_default_speaker=OWN.id)


@pytest.mark.parametrize(("speakers", "default"), [((FRITZ,), FRITZ.id), ((), BRYAN.id)])
def test_a_node_without_that_voice_takes_the_first(speakers: tuple[Speaker, ...], default: str) -> None:
    assert _default_speaker_id(Model(BARK_ID, "bark", speakers), Settings()) == default

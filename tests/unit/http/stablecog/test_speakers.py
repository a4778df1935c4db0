"""Models and speakers."""

from __future__ import annotations

import uuid

import pytest

from myna.errors import StartupError
from myna.http.stablecog.speakers import BARK_ID, OWN_MODEL_ID, Model, Models, own_id, own_speaker
from tests.unit.http.stablecog.examples import BRYAN, FRITZ, MODELS, OWN


def test_models_and_speakers_are_found_by_id() -> None:
    assert MODELS.default.id == BARK_ID
    assert MODELS.default_speaker == BRYAN
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


def test_the_default_speaker_must_be_one_of_the_default_model() -> None:
    with pytest.raises(StartupError, match="MYNA_STABLECOG_DEFAULT_SPEAKER"):
        Models([Model(BARK_ID, "bark", (BRYAN,))], FRITZ.id)

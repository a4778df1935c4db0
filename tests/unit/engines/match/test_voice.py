"""A prepared voice as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from myna.audio.matching.regression import fit_regression
from myna.audio.matching.spectrum import BANDS, ORDER
from myna.audio.matching.statistics import Melody
from myna.audio.matching.transform import Transform
from myna.engines.match.bases import Base
from myna.engines.match.voice import FORMAT, Match, MatchedVoice, from_settings, to_settings
from myna.errors import Unsupported


def some_voice() -> MatchedVoice:
    chance = np.random.default_rng(1)
    rows = chance.standard_normal((800, ORDER))
    bands = chance.standard_normal(BANDS)
    plain = Transform(1.05, 8_000.0, 7_400.0, bands, bands, bands, np.zeros(ORDER), np.ones(ORDER), bands, -0.3)
    learned = Transform(
        1.0, 7_400.0, 7_400.0, bands, bands, bands, np.zeros(ORDER), np.ones(ORDER), bands, 0.1,
        fit_regression(rows, 1.1 * rows),
    )  # fmt: skip
    own = Melody(4.6, 0.2)
    return MatchedVoice(
        own,
        "en-US",
        Match(Base("espeak", "f3"), "en-US", Melody(5.3, 0.1), plain),
        Match(Base("flite", "slt"), "en-US", Melody(5.1, 0.1), learned),
    )


def test_there_and_back_through_json() -> None:
    voice = some_voice()
    text = json.dumps(to_settings(voice))
    back = from_settings(json.loads(text))
    assert len(text) < 300_000
    assert (back.melody, back.language, back.everywhere.base) == (voice.melody, voice.language, voice.everywhere.base)
    assert back.english is not None
    assert back.english.transform.regression is not None
    assert voice.english is not None
    assert voice.english.transform.regression is not None
    assert back.english.transform.regression.maps == pytest.approx(voice.english.transform.regression.maps, rel=1e-5)
    assert json.dumps(to_settings(back)) == text


def test_english_has_its_own_match() -> None:
    voice = some_voice()
    assert voice.match("en-GB") is voice.english
    assert voice.match("") is voice.english
    assert voice.match("es-ES") is voice.everywhere


@pytest.mark.parametrize("settings", [{}, {"format": "match/2"}, {"format": "fake/1", "pitch": 3}])
def test_another_form_is_not_spoken(settings: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match=FORMAT):
        from_settings(settings)


@pytest.mark.parametrize(
    "path", ["melody", "everywhere", "everywhere.transform.rest", "english.transform.regression.maps"]
)
@pytest.mark.parametrize("value", [None, "nonsense", {"shape": [3], "data": "AAAA"}])
def test_a_damaged_voice_says_so(path: str, value: Any) -> None:
    settings = json.loads(json.dumps(to_settings(some_voice())))
    *folders, name = path.split(".")
    place = settings
    for folder in folders:
        place = place[folder]
    place[name] = value
    with pytest.raises(Unsupported, match="damaged"):
        from_settings(settings)

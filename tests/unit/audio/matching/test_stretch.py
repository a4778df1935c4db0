"""The length of the vocal tract, on voices of which it is known."""

from __future__ import annotations

import pytest

from myna.audio.matching.statistics import sample_of
from myna.audio.matching.stretch import LONGEST, SHORTEST, stretch_between
from tests.fixtures.speakers import OTHER, frames


@pytest.mark.parametrize("formants", [92, 100, 108])
@pytest.mark.parametrize("pitch", [100, 180])
def test_it_is_found_whatever_the_pitch_and_the_words(formants: int, pitch: int) -> None:
    source, target = sample_of(frames()), sample_of(frames(formants, pitch, OTHER))
    assert stretch_between(source, target) == pytest.approx(formants / 100, abs=0.03)


@pytest.mark.parametrize(("formants", "limit"), [(80, SHORTEST), (125, LONGEST)])
def test_it_never_leaves_what_can_be_understood(formants: int, limit: float) -> None:
    assert stretch_between(sample_of(frames()), sample_of(frames(formants, 100, OTHER))) == limit

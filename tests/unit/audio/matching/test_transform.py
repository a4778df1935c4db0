from __future__ import annotations

import numpy as np
import pytest

from myna.audio.matching.fitting import fit
from myna.audio.matching.statistics import Melody, melody
from myna.audio.matching.transform import moved_pitch, transformed
from tests.fixtures.speakers import OTHER, frames

LOW, HIGH = Melody(float(np.log(100)), 0.1), Melody(float(np.log(180)), 0.2)
CONTOUR = np.array([0.0, 90.0, 100.0, 110.0, 0.0])


def test_the_middle_goes_to_the_middle_and_the_spread_to_the_spread() -> None:
    contour = frames().pitch
    own = melody(contour)
    target = Melody(float(np.log(180)), 1.3 * own.spread)
    moved = melody(moved_pitch(contour, own, target))
    assert np.exp(moved.middle) == pytest.approx(180, rel=0.001)
    assert moved.spread == pytest.approx(target.spread, rel=0.05)
    assert ((moved_pitch(contour, own, target) > 0) == (contour > 0)).all()


def test_similarity_moves_the_pitch_step_by_step() -> None:
    heights = [moved_pitch(CONTOUR, LOW, HIGH, step)[2] for step in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert heights == sorted(heights)
    assert heights[0] == pytest.approx(100)
    assert heights[-1] == pytest.approx(180)


def test_the_width_widens_around_the_middle() -> None:
    narrow, wide = (moved_pitch(CONTOUR, LOW, LOW, 1.0, width) for width in (0.8, 1.3))
    assert narrow[2] == wide[2] == pytest.approx(100)
    assert wide[1] < narrow[1] < narrow[3] < wide[3]


def test_no_pitch_leaves_the_voice() -> None:
    wild = moved_pitch(np.array([20.0, 3_000.0]), LOW, HIGH, 1.0, 1.3)
    assert (wild >= 55).all()
    assert (wild <= 620).all()


def test_nothing_happens_at_similarity_0_and_more_at_each_step() -> None:
    source = frames()
    transform = fit(source, frames(112, 180, OTHER))
    changes = [
        np.abs(transformed(source, transform, step).envelope - source.envelope).mean()
        for step in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert changes[0] == 0.0
    assert changes == sorted(changes)
    assert changes[-1] > 0.5
    shares = transformed(source, transform).aperiodicity
    assert (shares > 0).all()
    assert (shares < 1).all()

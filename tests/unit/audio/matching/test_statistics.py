from __future__ import annotations

import numpy as np
import pytest

from myna.audio.matching.statistics import audible, bandwidth, melody, sample_of, voiced_seconds
from myna.audio.matching.vocoder import RATE, analyse
from myna.audio.resample import resample
from tests.fixtures.speakers import frames, spoken


def test_pauses_are_not_audible() -> None:
    sound = np.concatenate([spoken(), np.zeros(RATE, np.float32)])
    heard = audible(analyse(sound))
    assert heard[:-210].mean() > 0.6
    assert not heard[-180:].any()


def test_the_middle_is_the_median_and_single_errors_do_not_spread_it() -> None:
    contour = np.tile([0.0, 90.0, 95.0, 100.0, 105.0, 110.0], 40)
    clean = melody(contour)
    contour[5::60] = 220.0
    broken = melody(contour)
    assert np.exp(clean.middle) == pytest.approx(100.0)
    assert broken.spread == pytest.approx(clean.spread, rel=0.05)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_the_bandwidth_of_a_recording_is_found(rate: int) -> None:
    narrow = resample(resample(spoken(), RATE, rate), rate, RATE)
    assert 0.8 * rate / 2 < bandwidth(analyse(narrow)) <= rate / 2
    assert bandwidth(frames()) > bandwidth(analyse(narrow))


def test_voiced_seconds_and_sample() -> None:
    assert 1.5 < voiced_seconds(frames()) < 5.5
    assert len(sample_of(frames())) <= 400

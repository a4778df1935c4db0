"""Sound → frames → sound."""

from __future__ import annotations

import numpy as np
import pytest

from myna.audio.matching.vocoder import BINS, COARSE, RATE, analyse, pitch_of, synthesise
from tests.fixtures.sound import pitch, timbre
from tests.fixtures.speakers import frames, spoken


def test_frames_come_every_5_ms_and_have_all_parts() -> None:
    found = frames()
    assert len(found) == pytest.approx(len(spoken()) / RATE / 0.005, abs=2)
    assert found.envelope.shape == found.aperiodicity.shape == (len(found), BINS)
    assert np.isfinite(found.envelope).all()
    assert (found.pitch > 0).mean() > 0.4


@pytest.mark.parametrize("step", [0.005, COARSE])
def test_there_and_back_the_sound_keeps_length_pitch_and_colour(step: float) -> None:
    sound = spoken()
    back = synthesise(analyse(sound, step=step))
    assert back.dtype == np.float32
    assert len(back) == pytest.approx(len(sound), abs=2 * step * RATE)
    assert pitch(back, RATE) == pytest.approx(pitch(sound, RATE), rel=0.02)
    assert np.abs(timbre(back, RATE) - timbre(sound, RATE)).mean() < 2.5


@pytest.mark.parametrize("height", [75, 150, 260])
def test_the_pitch_is_found_without_errors_by_an_octave(height: int) -> None:
    found = pitch_of(spoken(pitch=height))
    voiced = found[found > 0]
    assert np.percentile(voiced, 95) / np.percentile(voiced, 5) < 2.2
    assert np.median(voiced) == pytest.approx(pitch(spoken(pitch=height), RATE), rel=0.05)


def test_silence_and_noise_have_no_pitch() -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    for sound in (np.zeros(RATE, np.float32), noise):
        found = analyse(sound)
        assert (found.pitch > 0).mean() < 0.1
        assert np.isfinite(synthesise(found)).all()

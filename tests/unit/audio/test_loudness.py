from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyloudnorm import Meter

from myna.audio.limiter import true_peak
from myna.audio.loudness import (
    Weighting,
    integrated_loudness,
    loudness_of_blocks,
    loudness_of_power,
    normalise_loudness,
)
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, speech_like

RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000)


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_the_reference_tone_of_the_standard(rate: int):
    """BS.1770: a full-scale sine of 997 Hz in one channel measures −3.01 LKFS."""
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate).astype(np.float32)
    assert integrated_loudness(tone, rate) == pytest.approx(-3.01, abs=0.04)


@pytest.mark.parametrize("rate", RATES)
def test_it_agrees_with_pyloudnorm(rate: int):
    sound = speech_like(7.3, rate)
    expected = Meter(rate, filter_class="DeMan").integrated_loudness(sound.astype(np.float64))
    assert integrated_loudness(sound, rate) == pytest.approx(expected, abs=0.05)


def test_pauses_do_not_count():
    sound = speech_like(6, 24_000)
    paused = np.concatenate([sound, np.zeros(10 * 24_000, np.float32), sound])
    assert integrated_loudness(paused, 24_000) == pytest.approx(integrated_loudness(sound, 24_000), abs=0.2)


def test_reading_in_blocks_changes_nothing():
    sound = speech_like(45, 24_000)
    expected = Meter(24_000, filter_class="DeMan").integrated_loudness(sound.astype(np.float64))
    assert integrated_loudness(sound, 24_000) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(10), np.zeros(24_000), np.full(24_000, 1e-6)])
def test_silence_has_no_loudness_and_stays(sound: np.ndarray):
    silence = sound.astype(np.float32)
    assert integrated_loudness(silence, 24_000) == -np.inf
    assert normalise_loudness(silence, 24_000) is silence


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.39, 0.4, 0.41])
def test_a_short_sound_is_as_loud_as_a_long_one(seconds: float):
    tone = (0.1 * np.sin(2 * np.pi * 500 * np.arange(24_000) / 24_000)).astype(np.float32)
    short = tone[: round(seconds * 24_000)]
    assert integrated_loudness(short, 24_000) == pytest.approx(integrated_loudness(tone, 24_000), abs=0.1)
    assert integrated_loudness(normalise_loudness(short, 24_000), 24_000) == pytest.approx(-16, abs=0.1)


@pytest.mark.parametrize("gain", [0.01, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "de+m3", "es+klatt2", "en-us+whisper"])
def test_speech_meets_the_target_below_the_ceiling(espeak: Speak, voice: str, gain: float):
    sound = espeak(SENTENCES, voice) * np.float32(gain)
    levelled = normalise_loudness(sound, ESPEAK_RATE)
    assert levelled.shape == sound.shape
    assert Meter(ESPEAK_RATE).integrated_loudness(levelled.astype(np.float64)) == pytest.approx(-16, abs=0.3)
    assert true_peak(levelled) <= -1.0


@pytest.mark.parametrize(("target", "ceiling"), [(-23.0, -1.0), (-17.0, -2.0), (-19.0, -6.0)])
def test_other_targets(target: float, ceiling: float):
    levelled = normalise_loudness(speech_like(5, 24_000), 24_000, target, ceiling)
    assert integrated_loudness(levelled, 24_000) == pytest.approx(target, abs=0.1)
    assert true_peak(levelled) <= ceiling


def test_doing_it_again_changes_next_to_nothing(espeak: Speak):
    once = normalise_loudness(espeak(SENTENCES, "en-us"), ESPEAK_RATE)
    twice = normalise_loudness(once, ESPEAK_RATE)
    assert np.abs(twice - once).max() < 0.02


def test_clicks_are_left_quieter_rather_than_crushed():
    clicks = np.zeros(48_000, np.float32)
    clicks[::6_000] = 0.9
    levelled = normalise_loudness(clicks, 24_000)
    assert true_peak(levelled) <= -1.0
    assert integrated_loudness(levelled, 24_000) < -17


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 30_000),
    scale=st.floats(1e-5, 4.0),
    rate=st.sampled_from([8_000, 24_000, 48_000]),
)
def test_never_nan_never_above_the_ceiling(seed: int, count: int, scale: float, rate: int):
    chance = np.random.default_rng(seed)
    sound = (scale * chance.standard_normal(count) * chance.uniform(0, 1, count) ** 4).astype(np.float32)
    levelled = normalise_loudness(sound, rate)
    assert levelled.shape == sound.shape
    assert levelled.dtype == np.float32
    assert np.isfinite(levelled).all()
    if np.isfinite(integrated_loudness(sound, rate)):
        assert true_peak(levelled) <= -1.0
        assert integrated_loudness(levelled, rate) <= -15.9
    else:
        np.testing.assert_array_equal(levelled, sound)


def test_several_sounds_are_measured_as_one():
    sound = speech_like(9, 24_000)
    assert loudness_of_blocks(np.split(sound, [10, 50_000, 50_001]), 24_000) == integrated_loudness(sound, 24_000)
    assert loudness_of_blocks([], 24_000) == -np.inf


def test_two_channels_are_weighted_as_each_alone():
    rate = 48_000
    left, right = speech_like(2, rate), speech_like(2, rate, pitch=200.0)
    alone = Weighting(rate).process(left), Weighting(rate).process(right)
    both = Weighting(rate, (2,))
    stereo = np.stack([left, right], axis=1)
    pieces = np.concatenate([both.process(piece) for piece in np.split(stereo, [7, 30_000])])
    np.testing.assert_allclose(pieces, np.stack(alone, axis=1), atol=1e-12)


def test_the_loudness_of_a_power_is_that_of_the_standard():
    rate = 48_000
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate).astype(np.float32)
    power = float(np.mean(np.square(Weighting(rate).process(tone)[rate:])))
    assert loudness_of_power(power) == pytest.approx(-3.01, abs=0.04)
    assert loudness_of_power(0.0) == -np.inf

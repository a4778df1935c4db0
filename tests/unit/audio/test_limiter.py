from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from myna.audio.limiter import GENTLE, QUICK, StreamLimiter, limit, peak_envelope, true_peak
from tests.fixtures.speech import speech_like

CEILING = 10 ** (-1 / 20)


def another_true_peak(samples: np.ndarray) -> float:
    """With another filter and eightfold oversampling: what somebody else's meter would say."""
    return float(np.abs(resample_poly(samples.astype(np.float64), 8, 1)).max())


@pytest.mark.parametrize("rate", [22_050, 24_000, 48_000])
@pytest.mark.parametrize("reach", [GENTLE, QUICK])
def test_other_meters_agree_on_speech(rate: int, reach: float):
    speech = speech_like(4, rate)
    limited = limit(speech, peak_envelope(speech), rate, gain=3.0, ceiling=CEILING, reach=reach)
    assert another_true_peak(limited) == pytest.approx(CEILING, rel=0.015)


def test_a_peak_between_the_samples_is_found():
    quarter = np.sin(np.pi / 2 * np.arange(2_000) + np.pi / 4).astype(np.float32)
    assert np.abs(quarter).max() == pytest.approx(0.7071, abs=1e-4)
    inner = peak_envelope(quarter)[200:-200]
    assert inner.min() == pytest.approx(1.0, abs=0.01)
    assert inner.max() == pytest.approx(1.0, abs=0.01)


def test_the_envelope_covers_the_samples_across_blocks():
    sound = np.random.default_rng(5).uniform(-1, 1, 1_000_003).astype(np.float32)
    envelope = peak_envelope(sound)
    assert len(envelope) == len(sound)
    assert (envelope >= np.abs(sound) - 1e-5).all()
    around = peak_envelope(sound[479_000:481_000])
    np.testing.assert_allclose(envelope[479_400:480_600], around[400:1_600], atol=1e-4)


def test_silence_has_no_peak():
    assert true_peak(np.zeros(100, np.float32)) == -np.inf
    assert true_peak(np.zeros(0, np.float32)) == -np.inf


def test_quiet_sound_passes_untouched():
    sound = speech_like(2, 24_000) * np.float32(0.5)
    np.testing.assert_array_equal(
        limit(sound, peak_envelope(sound), 24_000, gain=1.0, ceiling=CEILING, reach=GENTLE), sound
    )


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    gain=st.floats(0.5, 20),
    count=st.integers(1, 6_000),
    rate=st.sampled_from([8_000, 16_000, 24_000, 48_000]),
    reach=st.sampled_from([GENTLE, QUICK]),
)
def test_no_true_peak_passes_the_ceiling(seed: int, gain: float, count: int, rate: int, reach: float):
    chance = np.random.default_rng(seed)
    sound = (chance.standard_normal(count) * chance.choice([0.01, 0.1, 1.0], count)).astype(np.float32)
    limited = limit(sound, peak_envelope(sound), rate, gain=gain, ceiling=CEILING, reach=reach)
    assert limited.shape == sound.shape
    assert limited.dtype == np.float32
    assert true_peak(limited) <= -1 + 1e-3


def test_blocks_meet_without_a_step():
    rate = 48_000
    tone = np.sin(2 * np.pi * 100 * np.arange(11 * rate) / rate).astype(np.float32)
    limited = limit(tone, peak_envelope(tone), rate, gain=2.0, ceiling=CEILING, reach=GENTLE)
    assert np.abs(np.diff(limited)).max() < 1.05 * CEILING * 2 * np.pi * 100 / rate


def test_what_is_far_from_a_peak_keeps_its_gain():
    rate = 24_000
    sound = (0.1 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)).astype(np.float32)
    sound[rate // 2] = 1.0
    limited = limit(sound, peak_envelope(sound), rate, gain=2.0, ceiling=CEILING, reach=GENTLE)
    far = slice(0, rate // 2 - rate // 20)
    np.testing.assert_allclose(limited[far], 2 * sound[far], rtol=1e-5)


def streamed(sound: np.ndarray, cuts: list[int], rate: int = 48_000, reach: float = GENTLE) -> np.ndarray:
    limiter = StreamLimiter(rate, CEILING, reach=reach)
    pieces = [limiter.process(piece) for piece in np.split(sound, sorted(cuts))]
    return np.concatenate([*pieces, limiter.process(sound[:0], last=True)])


def two_channels(seconds: float, rate: int = 48_000) -> np.ndarray:
    """Speech at the left that is far too loud, and something quiet at the right."""
    left = 3 * speech_like(seconds, rate)
    return np.stack([left, 0.05 * left[::-1]], axis=1)


@pytest.mark.parametrize("reach", [GENTLE, QUICK])
def test_a_stream_stays_below_the_ceiling_by_other_meters(reach: float):
    limited = streamed(two_channels(3), [50_000, 100_000], reach=reach)
    assert limited.shape == (144_000, 2)
    assert true_peak(limited[:, 0]) <= -1
    assert another_true_peak(limited[:, 0]) <= CEILING * 1.015


def test_all_channels_of_a_stream_are_turned_down_together():
    sound = two_channels(2)
    limited = streamed(sound, [30_000])
    heard = np.abs(sound).min(axis=1) > 1e-3
    gains = limited[heard] / sound[heard]
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-4)
    assert gains.min() < 0.7
    assert np.corrcoef(limited[:, 0], sound[:, 0])[0, 1] > 0.8


def test_a_quiet_stream_passes_untouched():
    sound = two_channels(2) * np.float32(0.1)
    assert np.array_equal(streamed(sound, [1, 2, 40_000]), sound)


@settings(deadline=None, max_examples=25)
@given(cuts=st.lists(st.integers(0, 24_000), max_size=8), count=st.integers(0, 24_000))
def test_blocks_of_a_stream_change_nothing(cuts: list[int], count: int):
    sound = two_channels(1, 24_000)[:count]
    whole = streamed(sound, [], 24_000)
    assert whole.shape == sound.shape
    np.testing.assert_allclose(streamed(sound, [min(cut, count) for cut in cuts], 24_000), whole, atol=2e-5)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.resample import StreamResampler, resample

RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


def tone(rate: int, seconds: float = 0.5, frequency: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def test_the_same_rate_changes_nothing():
    sound = tone(24_000)
    assert resample(sound, 24_000, 24_000) is sound


@pytest.mark.parametrize("source", RATES)
@pytest.mark.parametrize("target", RATES)
def test_a_tone_stays_in_step_at_every_rate(source: int, target: int):
    got, expected = resample(tone(source), source, target), tone(target)
    assert got.dtype == np.float32
    assert abs(len(got) - len(expected)) <= 1
    inner = slice(target // 20, -target // 20)
    assert np.abs(got[: len(expected)][inner] - expected[: len(got)][inner]).max() < 1e-3


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 3_000),
    cuts=st.lists(st.integers(0, 3_000), max_size=5),
    source=st.sampled_from(RATES),
    target=st.sampled_from(RATES),
)
def test_a_stream_in_pieces_is_the_whole(count: int, cuts: list[int], source: int, target: int):
    sound = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    whole = resample(sound, source, target)
    resampler = StreamResampler(source, target)
    parts = [resampler.process(part) for part in np.split(sound, sorted(cut for cut in cuts if cut < count))]
    parts.append(resampler.process(np.zeros(0, np.float32), last=True))
    joined = np.concatenate(parts)
    assert len(joined) == len(whole) == (count if source == target else round(count * target / source))
    np.testing.assert_allclose(joined, whole, atol=1e-5)


def test_the_last_piece_may_come_with_samples():
    resampler = StreamResampler(24_000, 48_000)
    sound = tone(24_000)
    first, last = resampler.process(sound[:5_000]), resampler.process(sound[5_000:], last=True)
    assert len(first) + len(last) == 2 * len(sound)


def test_an_empty_stream_ends_empty():
    assert len(StreamResampler(24_000, 48_000).process(np.zeros(0, np.float32), last=True)) == 0

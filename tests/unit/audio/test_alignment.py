"""One reading laid along another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.alignment import FRAMES_PER_SECOND, cepstra, warp
from tests.fixtures.speech import speech_like

RATE = 16_000


def test_a_reading_lies_on_itself() -> None:
    features = cepstra(speech_like(3.0, RATE), RATE)
    earliest, latest = warp(features, features)
    assert (earliest == np.arange(len(features))).all()
    assert (latest == earliest).all()


def test_cepstra_come_a_hundred_times_a_second_whatever_the_rate() -> None:
    for rate in (16_000, 48_000):
        features = cepstra(speech_like(2.0, rate), rate)
        assert len(features) == pytest.approx(2 * FRAMES_PER_SECOND, abs=1)
        assert np.isfinite(features).all()
    assert cepstra(np.zeros(0, np.float32), RATE).shape == (0, features.shape[1])
    assert np.isfinite(cepstra(np.zeros(RATE, np.float32), RATE)).all()


def test_a_pause_in_the_second_one_is_stepped_over() -> None:
    speech = speech_like(1.4, RATE)
    paused = np.concatenate([speech[: RATE // 2], np.zeros(RATE, np.float32), speech[RATE // 2 :]])
    earliest, latest = warp(cepstra(speech, RATE), cepstra(paused, RATE))
    assert earliest[30] == pytest.approx(30, abs=3)
    assert latest[80] == pytest.approx(180, abs=3)
    assert (np.diff(earliest) >= 0).all()
    assert (np.diff(latest) >= 0).all()


def test_long_readings_are_found_as_well_within_a_corridor() -> None:
    speech = speech_like(40.0, RATE, seed=3)
    slower = np.concatenate([np.zeros(3 * RATE, np.float32), speech[: 20 * RATE], np.zeros(2 * RATE, np.float32)])
    slower = np.concatenate([slower, speech[20 * RATE :]])
    _, latest = warp(cepstra(speech, RATE), cepstra(slower, RATE))
    assert np.median(np.abs(latest[200:1900] - np.arange(200, 1900) - 300)) <= 5
    assert np.median(np.abs(latest[2100:3900] - np.arange(2100, 3900) - 500)) <= 5


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 900), st.integers(0, 900), st.integers(0, 2**31))
def test_every_frame_lies_somewhere_and_time_never_runs_back(first: int, second: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    one, other = (chance.standard_normal((count, 13)).astype(np.float32) for count in (first, second))
    earliest, latest = warp(one, other)
    assert len(earliest) == len(latest) == first
    if first and second:
        assert (earliest <= latest).all()
        assert (np.diff(earliest) >= 0).all()
        assert (np.diff(latest) >= 0).all()
        assert (earliest[0], latest[-1]) == (0, second - 1)

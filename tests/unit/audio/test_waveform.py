from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from myna.audio.waveform import waveform
from tests.fixtures.speech import speech_like


def test_three_samples_of_each_window_in_decibels():
    sound = np.zeros(8, np.float32)
    sound[1:4] = 0.1
    sound[5:8] = (0.02, 0.01, 0.0)
    assert waveform(sound, points=2) == pytest.approx((1.0, 0.0))
    assert waveform(np.concatenate([sound, np.full(4, 0.03162278, np.float32)]), points=3) == pytest.approx(
        (1.0, 0.0, 0.5), abs=1e-3
    )


def test_speech_has_fifty_points_from_zero_to_one():
    values = waveform(speech_like(4, 24_000))
    assert len(values) == 50
    assert min(values) == 0.0
    assert max(values) == 1.0
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(1), np.zeros(500), np.full(500, 0.5), np.full(500, -1e-7)])
def test_sound_without_shape_is_flat(sound: np.ndarray):
    assert waveform(sound.astype(np.float32)) == (0.0,) * 50


@settings(deadline=None)
@given(
    sound=arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)),
    points=st.integers(1, 60),
)
def test_always_finite_numbers_from_zero_to_one(sound: np.ndarray, points: int):
    values = waveform(sound, points)
    assert len(values) == points
    assert all(math.isfinite(value) and 0 <= value <= 1 for value in values)

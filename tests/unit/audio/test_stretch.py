from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.resample import resample
from myna.audio.stretch import fit_take, stretch, trimmed
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, level, speech_like

RATE = 24_000


def beeps(onsets: list[float], rate: int, seconds: float) -> np.ndarray:
    sound = np.zeros(round(seconds * rate), np.float32)
    for onset in onsets:
        at, count = round(onset * rate), round(0.1 * rate)
        sound[at : at + count] = 0.5 * np.sin(2 * np.pi * 220 * np.arange(count) / rate)
    return sound


@settings(deadline=None, max_examples=60)
@given(count=st.integers(0, 30_000), factor=st.floats(0.5, 2), rate=st.sampled_from([8_000, 16_000, 22_050, 48_000]))
def test_the_length_is_exact(count: int, factor: float, rate: int):
    sound = np.random.default_rng(count).uniform(-0.5, 0.5, count).astype(np.float32)
    stretched = stretch(sound, rate, factor)
    assert len(stretched) == round(count / factor)
    assert stretched.dtype == np.float32


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
@pytest.mark.parametrize("factor", [0.8, 1.1, 1.25, 1.5])
def test_moments_come_when_they_should(rate: int, factor: float):
    onsets = [0.3, 1.0, 1.7, 2.4, 3.1, 3.6]
    stretched = np.abs(stretch(beeps(onsets, rate, 4), rate, factor)) > 0.1
    for onset in onsets:
        first = round((onset / factor - 0.1) * rate)
        assert np.flatnonzero(stretched[first:])[0] / rate - 0.1 == pytest.approx(0, abs=0.010)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_the_pitch_stays(factor: float):
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    middle = stretch(tone, RATE, factor)[RATE // 2 : RATE]
    assert np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * RATE / len(middle) == pytest.approx(
        440, abs=2
    )
    assert level(middle) == pytest.approx(level(tone), abs=1)


def test_the_same_sound_gives_the_same_samples():
    sound = speech_like(2, RATE)
    assert np.array_equal(stretch(sound, RATE, 1.2), stretch(sound, RATE, 1.2))
    assert np.array_equal(stretch(sound, RATE, 1.0), sound)


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.2, 4.1, float("nan"), float("inf")])
def test_factors_that_make_no_sense_are_refused(factor: float):
    with pytest.raises(ValueError, match="stretch"):
        stretch(np.zeros(100, np.float32), RATE, factor)


@pytest.mark.parametrize("voice", ["en-us", "es+f3", "de"])
def test_a_take_is_trimmed_to_what_is_heard(espeak: Speak, voice: str):
    spoken = trimmed(espeak(SENTENCES, voice), ESPEAK_RATE)
    silence = np.zeros(ESPEAK_RATE, np.float32)
    again = trimmed(np.concatenate([silence, spoken, silence]), ESPEAK_RATE)
    assert len(again) == pytest.approx(len(spoken), abs=0.06 * ESPEAK_RATE)
    loudest = np.abs(spoken).max()
    assert np.flatnonzero(np.abs(again) > 0.02 * loudest)[0] < 0.03 * ESPEAK_RATE


def test_noise_of_a_room_is_trimmed():
    noise = np.random.default_rng(1).standard_normal(3 * RATE).astype(np.float32) * np.float32(0.0001)
    noise[RATE : 2 * RATE] += speech_like(1, RATE)
    assert len(trimmed(noise, RATE)) == pytest.approx(RATE, abs=0.1 * RATE)


@pytest.mark.parametrize("count", [0, 1, 100, RATE])
def test_silence_is_trimmed_to_nothing(count: int):
    assert len(trimmed(np.zeros(count, np.float32), RATE)) == 0


def test_a_take_that_fits_is_followed_by_silence():
    take = speech_like(1, RATE)
    fitted = fit_take(take, RATE, 48_000, factor=1.0, seconds=1.5)
    assert len(fitted) == 72_000
    assert np.array_equal(fitted[:48_000], resample(take, RATE, 48_000))
    assert not fitted[48_000:].any()


def test_a_take_that_is_too_long_is_cut_under_a_fade():
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    fitted = fit_take(tone, RATE, 48_000, factor=1.0, seconds=0.5)
    assert len(fitted) == 24_000
    assert np.abs(fitted[-48:]).max() < 0.001
    assert np.array_equal(fitted[:20_000], resample(tone, RATE, 48_000)[:20_000])


def test_a_take_that_is_a_hair_too_long_is_not_faded():
    tone = np.full(RATE, 0.5, np.float32)
    fitted = fit_take(tone, RATE, RATE, factor=1.0, seconds=0.995)
    assert (fitted == 0.5).all()

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio import rnnoise
from myna.audio.denoise import denoise
from myna.engines.base import Samples
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, level, speech_like, with_noise

RATE = 24_000


def white(count: int, seed: int = 3) -> Samples:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


def ratio(speech: Samples, heard: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio in dB."""
    wanted = (heard @ speech) / (speech @ speech) * speech
    return level(wanted) - level(heard - wanted)


def frame_levels(sound: Samples, rate: int) -> np.ndarray:
    step = rate // 10
    return np.array([level(part) for part in sound[: len(sound) // step * step].reshape(-1, step)])


def largest_drop(speech: Samples, before: Samples, after: Samples, rate: int) -> float:
    """In dB, over all tenths of a second in which somebody speaks."""
    speaking = frame_levels(speech, rate) > level(speech) - 10
    return float((frame_levels(before, rate) - frame_levels(after, rate))[speaking].max())


@pytest.fixture(params=["rnnoise", "wiener"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "wiener":
        monkeypatch.setattr(rnnoise, "available", lambda: False)
    return request.param


def test_the_library_of_the_wheel_is_found():
    assert rnnoise.available()


def test_white_noise_at_five_decibels_goes(espeak: Speak):
    speech = espeak(SENTENCES, "en-us")
    noisy = with_noise(speech, white(len(speech)), 5)
    clean = denoise(noisy, ESPEAK_RATE)
    assert ratio(speech, clean) - ratio(speech, noisy) > 5
    assert largest_drop(speech, noisy, clean, ESPEAK_RATE) < 10


def test_the_fallback_takes_steady_noise_down_too(espeak: Speak, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rnnoise, "available", lambda: False)
    speech = espeak(SENTENCES, "en-us")
    noisy = with_noise(speech, white(len(speech)), 5)
    clean = denoise(noisy, ESPEAK_RATE)
    assert ratio(speech, clean) - ratio(speech, noisy) > 2
    assert level(noisy) - level(clean) < 3


def test_noise_alone_is_taken_away(method: str):
    noise = white(3 * RATE) * np.float32(0.02)
    assert level(noise) - level(denoise(noise, RATE)) > 8


def test_babble_does_not_take_the_speech_with_it(espeak: Speak):
    """RNNoise alone turns this speech down by as much as 18 dB."""
    speech = espeak(SENTENCES, "en-us")
    text = "We were away a year ago, while he was reading a book about the moon and nobody noticed."
    voices = [f"en-us+{sex}{number}" for sex in "mf" for number in range(1, 5)]
    talkers = [np.roll(np.resize(espeak(text, voice), len(speech)), 7_000 * n) for n, voice in enumerate(voices)]
    noisy = with_noise(speech, np.sum(talkers, axis=0), 5)
    assert largest_drop(speech, noisy, rnnoise.denoise(noisy, ESPEAK_RATE), ESPEAK_RATE) > 10
    assert largest_drop(speech, noisy, denoise(noisy, ESPEAK_RATE), ESPEAK_RATE) < 10


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "es+klatt2", "en-us+croak", "en-us+whisper", "ja"])
def test_synthetic_voices_keep_their_level(espeak: Speak, voice: str, method: str):
    speech = espeak(SENTENCES, voice)
    clean = denoise(speech, ESPEAK_RATE)
    assert level(speech) - level(clean) < 3
    assert largest_drop(speech, speech, clean, ESPEAK_RATE) < 10


@pytest.mark.parametrize("frequency", [100, 150, 220, 440, 1_000])
@pytest.mark.parametrize("harmonics", [1, 6])
def test_tones_are_kept(frequency: int, harmonics: int, method: str):
    time = np.arange(2 * RATE) / RATE
    sound = sum(np.sin(2 * np.pi * frequency * n * time) / n for n in range(1, harmonics + 1))
    tone = (0.3 * sound).astype(np.float32)
    assert level(tone) - level(denoise(tone, RATE)) < 1


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_it_is_not_late(rate: int, method: str):
    speech = speech_like(3, rate)
    noisy = with_noise(speech, white(len(speech)), 20)
    clean = denoise(noisy, rate)
    lags = range(-rate // 50, rate // 50)
    inner = slice(rate, 2 * rate)
    best = max(lags, key=lambda lag: float(speech[inner] @ clean[rate + lag : 2 * rate + lag]))
    assert abs(best) <= rate / 4_000


@settings(deadline=None, max_examples=25)
@given(
    count=st.integers(0, 5_000),
    scale=st.floats(0, 2),
    rate=st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]),
    seed=st.integers(0, 2**32 - 1),
    fallback=st.booleans(),
)
def test_length_is_kept_and_nothing_is_nan(count: int, scale: float, rate: int, seed: int, fallback: bool):
    sound = white(count, seed) * np.float32(scale)
    with pytest.MonkeyPatch.context() as patch:
        if fallback:
            patch.setattr(rnnoise, "available", lambda: False)
        clean = denoise(sound, rate)
    assert clean.shape == sound.shape
    assert clean.dtype == np.float32
    assert np.isfinite(clean).all()


def test_long_sound_is_worked_on_in_blocks_without_a_seam():
    speech = speech_like(18, 16_000)
    noisy = with_noise(speech, white(len(speech)), 15)
    whole = rnnoise.denoise(noisy, 16_000)
    start = 10 * 16_000
    part = rnnoise.denoise(noisy[start:], 16_000)
    settled = slice(3 * 16_000, -100)
    assert ratio(whole[start:][settled], part[settled]) > 15


def test_silence_stays_silent(method: str):
    assert np.abs(denoise(np.zeros(RATE, np.float32), RATE)).max() < 1e-6


def test_each_call_has_a_state_of_its_own():
    sounds = [with_noise(speech_like(2, RATE, seed=seed), white(2 * RATE, seed), 10) for seed in range(4)]
    alone = [denoise(sound, RATE) for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda sound: denoise(sound, RATE), sounds))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_the_library_the_fallback_works(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "librnnoise.so").write_bytes(b"not a library")
    for found in (None, tmp_path / "librnnoise.so"):
        monkeypatch.setattr(rnnoise, "_find", lambda found=found: found)
        rnnoise._library.cache_clear()
        assert not rnnoise.available()
        assert len(denoise(speech_like(1, RATE), RATE)) == RATE
    rnnoise._library.cache_clear()

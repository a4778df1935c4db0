from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from myna.audio.gain import StreamGain, soft_limit
from myna.audio.loudness import integrated_loudness
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, speech_like

CEILING = 10 ** (-1 / 20)


def streamed(sound: np.ndarray, rate: int, pieces: int, loudness: float | None = -16.0) -> np.ndarray:
    gain = StreamGain(loudness, rate)
    return np.concatenate([gain.process(piece) for piece in np.array_split(sound, pieces)])


def test_no_loudness_leaves_the_sound_as_it_is():
    sound = speech_like(1, 24_000)
    assert StreamGain(None, 24_000).process(sound) is sound


@pytest.mark.parametrize("pieces", [1, 3, 40])
@pytest.mark.parametrize("scale", [0.2, 1.0])
def test_speech_comes_near_the_loudness(espeak: Speak, pieces: int, scale: float):
    speech = espeak(SENTENCES, "en-us") * np.float32(scale)
    levelled = streamed(speech, ESPEAK_RATE, pieces)
    assert levelled.shape == speech.shape
    assert levelled.dtype == np.float32
    assert np.abs(levelled).max() <= CEILING
    assert integrated_loudness(levelled, ESPEAK_RATE) == pytest.approx(-16, abs=3)


def test_the_gain_moves_by_one_decibel_at_most_from_piece_to_piece():
    rate = 24_000
    tone = (0.01 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype(np.float32)
    gain = StreamGain(-40.0, rate)
    first = gain.process(tone)
    second = gain.process(10 * tone)
    change = 20 * np.log10(np.abs(second[rate // 2 :]).max() / 10 / np.abs(first).max())
    assert change == pytest.approx(-1, abs=0.05)


def test_silence_first_does_not_set_the_gain():
    gain = StreamGain(-16.0, 24_000)
    silence = np.zeros(24_000, np.float32)
    assert gain.process(silence) is silence
    speech = speech_like(3, 24_000)
    assert np.abs(gain.process(speech)).max() > np.abs(speech).max()


@pytest.mark.parametrize("seconds", [0.2, 0.6])
def test_silence_before_a_short_beginning_does_not_make_it_loud(seconds: float):
    rate = 24_000
    tone = (0.1 * np.sin(2 * np.pi * 500 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    begin = np.concatenate([np.zeros(round(0.3 * rate), np.float32), tone])
    alone = StreamGain(-20.0, rate).process(np.concatenate([tone] * 3))
    assert np.abs(StreamGain(-20.0, rate).process(begin)).max() == pytest.approx(np.abs(alone).max(), rel=0.45)
    if seconds > 0.4:
        assert np.abs(StreamGain(-20.0, rate).process(begin)).max() == pytest.approx(np.abs(alone).max(), rel=0.02)


def test_a_whisper_is_not_made_to_roar():
    whisper = speech_like(2, 24_000) * np.float32(0.01)
    louder = StreamGain(-16.0, 24_000).process(whisper)
    assert np.abs(louder).max() == pytest.approx(10 * np.abs(whisper).max(), rel=0.01)


def test_an_empty_piece_is_nothing():
    assert len(StreamGain(-16.0, 24_000).process(np.zeros(0, np.float32))) == 0


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 200), elements=st.floats(-100, 100, width=32)))
def test_soft_limiting_keeps_order_and_sign_and_never_passes_the_ceiling(sound: np.ndarray):
    limited = soft_limit(sound)
    assert np.abs(limited).max() <= CEILING + 1e-6
    assert (np.sign(limited) == np.sign(sound)).all()
    assert (np.diff(limited[np.argsort(sound)]) >= -1e-6).all()
    quiet = np.abs(sound) < 0.63
    np.testing.assert_array_equal(limited[quiet], sound[quiet])

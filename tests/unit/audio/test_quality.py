from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, lfilter, sosfilt

from myna.audio.activity import speech_segments
from myna.audio.quality import BEST_RATIO, WORST_RATIO, bandwidth, clipped, clipping, signal_to_noise
from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.media.decode import decode
from myna.media.encode import encode
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, with_noise

RATE = ESPEAK_RATE


def noise(kind: str, count: int) -> Samples:
    white = np.random.default_rng(5).standard_normal(count)
    return (white if kind == "white" else lfilter([1], [1, -0.95], white)).astype(np.float32)


def full_scale(sound: Samples) -> Samples:
    return sound / np.abs(sound).max()


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("decibels", [5, 15, 25])
@pytest.mark.parametrize("pauses", [True, False])
def test_noise_is_measured_with_and_without_pauses(espeak: Speak, kind: str, decibels: int, pauses: bool):
    speech = espeak(SENTENCES, "en-us")
    if pauses:
        quiet = np.zeros(RATE, np.float32)
        speech = np.concatenate([quiet, speech, quiet])
    segments = speech_segments(speech, RATE)
    noisy = with_noise(speech, noise(kind, len(speech)), decibels)
    assert signal_to_noise(noisy, RATE, segments) == pytest.approx(decibels, abs=5 if pauses else 6)


def test_clean_speech_has_little_noise_and_a_muted_pause_hides_none(espeak: Speak):
    speech = espeak(SENTENCES, "en-us")
    segments = speech_segments(speech, RATE)
    assert signal_to_noise(speech, RATE, segments) > 40
    noisy = with_noise(speech, noise("white", len(speech)), 10)
    pause = np.zeros(RATE, np.float32)
    gated = np.concatenate([pause, noisy, pause])
    assert signal_to_noise(gated, RATE, speech_segments(gated, RATE)) < 20


def test_without_speech_there_is_nothing_but_noise():
    assert signal_to_noise(noise("white", RATE), RATE, []) == WORST_RATIO
    assert signal_to_noise(np.zeros(0, np.float32), RATE, []) == WORST_RATIO
    assert WORST_RATIO < BEST_RATIO


@pytest.mark.parametrize("over", [3, 6, 12, 20])
def test_clipped_samples_are_counted(espeak: Speak, over: int):
    loud = full_scale(espeak(SENTENCES, "en-us")) * np.float32(10 ** (over / 20))
    true = float(np.mean(np.abs(loud) > 1))
    assert clipping(np.clip(loud, -1, 1)) == pytest.approx(true, rel=0.35, abs=5e-4)
    quieter = np.clip(loud, -1, 1) * np.float32(0.3) + np.float32(0.1)
    assert clipping(quieter) == pytest.approx(true, rel=0.35, abs=5e-4)


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-us+klatt4", "de"])
@pytest.mark.parametrize("gain", [1.0, 0.2])
def test_speech_that_was_not_clipped_is_not_taken_for_it(espeak: Speak, voice: str, gain: float):
    assert clipping(full_scale(espeak(SENTENCES, voice)) * np.float32(gain)) < 0.001


def test_clipping_is_seen_through_mp3(espeak: Speak):
    loud = np.clip(full_scale(espeak(SENTENCES, "en-us")) * 4, -1, 1) * np.float32(0.9)
    heard, _ = decode(encode(loud, RATE, "mp3"))
    assert clipping(heard) > 0.01


def test_silence_and_nothing_are_not_clipped():
    assert clipping(np.zeros(0, np.float32)) == 0
    assert clipping(np.zeros(1_000, np.float32)) == 0
    assert not clipped(np.zeros(1_000, np.float32)).any()


@pytest.mark.parametrize("cutoff", [3_400, 6_000])
def test_the_bandwidth_is_where_sound_ends(espeak: Speak, cutoff: int):
    speech = resample(espeak(SENTENCES, "en-us"), RATE, 48_000)
    narrow = sosfilt(butter(16, cutoff, fs=48_000, output="sos"), speech).astype(np.float32)
    assert cutoff * 0.9 < bandwidth(narrow, 48_000) < cutoff * 1.5
    assert bandwidth(resample(narrow, 48_000, 8_000), 8_000) <= 4_000


def test_silence_has_no_bandwidth():
    assert bandwidth(np.zeros(RATE, np.float32), RATE) == 0
    assert bandwidth(np.zeros(0, np.float32), RATE) == 0

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio import activity
from myna.audio.activity import BLOCK, RATE, speech_probabilities, speech_segments
from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.errors import Unavailable
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak


def silence(seconds: float, rate: int) -> Samples:
    return np.zeros(round(seconds * rate), np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_speech_is_found_between_silences_at_any_rate(espeak: Speak, rate: int):
    speech = resample(espeak("The quick brown fox jumps over the lazy dog.", "en-us"), ESPEAK_RATE, rate)
    sound = np.concatenate([silence(1, rate), speech, silence(2, rate), speech, silence(1, rate)])
    first, second = speech_segments(sound, rate)
    duration = len(speech) / rate
    assert first.start == pytest.approx(1, abs=0.2)
    assert first.end == pytest.approx(1 + duration, abs=0.3)
    assert second.start == pytest.approx(3 + duration, abs=0.2)
    assert second.end == pytest.approx(3 + 2 * duration, abs=0.3)


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "melody", "drums"])
def test_other_sound_is_no_speech(kind: str):
    time = np.arange(6 * RATE) / RATE
    chance = np.random.default_rng(1)
    notes = np.repeat(chance.choice([220, 262, 330, 392], 24), RATE // 4)
    beat = np.exp(-20 * (time % 0.25))
    sound = {
        "silence": 0 * time,
        "noise": 0.1 * chance.standard_normal(len(time)),
        "tone": 0.3 * np.sin(2 * np.pi * 220 * time),
        "melody": 0.1 * sum(np.sin(2 * np.pi * notes * part * time) / part for part in range(1, 8)) * beat**0.2,
        "drums": 0.4 * chance.standard_normal(len(time)) * beat,
    }[kind]
    assert speech_segments(np.asarray(sound, np.float32), RATE) == []


def test_short_pauses_do_not_part_and_long_ones_do(espeak: Speak):
    word = espeak("Everybody knows the answer", "en-us")
    loud = np.flatnonzero(np.abs(word) > 0.01)
    word = word[loud[0] : loud[-1]]
    near = np.concatenate([word, silence(0.12, ESPEAK_RATE), word])
    far = np.concatenate([word, silence(0.8, ESPEAK_RATE), word])
    assert len(speech_segments(near, ESPEAK_RATE)) == 1
    assert len(speech_segments(far, ESPEAK_RATE)) == 2


def test_long_sound_is_worked_on_in_blocks_without_a_seam(espeak: Speak):
    speech = resample(espeak(SENTENCES, "en-us"), ESPEAK_RATE, RATE)
    long = np.concatenate([speech] * 6)
    assert len(long) > 2 * activity._BLOCKS_AT_ONCE * BLOCK
    whole = speech_probabilities(long, RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activity, "_BLOCKS_AT_ONCE", 7)
        np.testing.assert_allclose(speech_probabilities(long, RATE), whole, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(count=st.integers(0, 3_000), rate=st.sampled_from([8_000, 16_000, 48_000]), seed=st.integers(0, 99))
def test_there_is_a_probability_for_each_block(count: int, rate: int, seed: int):
    sound = (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
    probabilities = speech_probabilities(sound, rate)
    assert len(probabilities) == -(-round(count * RATE / rate) // BLOCK)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    for segment in speech_segments(sound, rate):
        assert 0 <= segment.start < segment.end <= count / rate


def test_threads_do_not_disturb_each_other(espeak: Speak):
    sounds = [espeak(SENTENCES, voice) for voice in ("en-us", "en-us+f3", "es", "de")]
    alone = [speech_segments(sound, ESPEAK_RATE) for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda sound: speech_segments(sound, ESPEAK_RATE), sounds)) == alone


def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(activity.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Unavailable, match="silero-vad"):
        activity._file()

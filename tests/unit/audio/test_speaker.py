from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from myna.audio import speaker, speakers
from myna.audio.resample import resample
from myna.audio.speaker import mean_embedding, similarity, speaker_embedding, window_embeddings
from myna.engines.base import Samples
from myna.errors import Unavailable
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, speech_like

RATE = speaker.RATE
OTHER = "Rice is often served in round bowls. The juice of lemons makes fine punch, and the box was thrown away."


def test_it_gives_what_resemblyzer_gives():
    """The file holds what Resemblyzer 0.1.4 on PyTorch 2.13 makes of this sound at −30 dBFS."""
    golden = np.array(json.loads(Path(__file__).with_name("speaker_embedding.json").read_text()))
    made = mean_embedding(window_embeddings(speech_like(6, RATE), RATE))
    assert similarity(made, golden) > 0.9999
    assert np.abs(made - golden).max() < 2e-4


def test_a_voice_is_like_itself_and_unlike_others(espeak: Speak):
    voices = ("en-us", "en-us+f5", "en-us+croak")
    first = [speaker_embedding(espeak(SENTENCES, voice), ESPEAK_RATE) for voice in voices]
    second = [speaker_embedding(espeak(OTHER, voice), ESPEAK_RATE) for voice in voices]
    for number, one in enumerate(first):
        for other_number, other in enumerate(second):
            likeness = similarity(one, other)
            assert likeness > 0.85 if number == other_number else likeness < similarity(one, second[number])


def test_loudness_and_pauses_do_not_change_a_voice(espeak: Speak):
    speech = espeak(SENTENCES, "en-us")
    own = speaker_embedding(speech, ESPEAK_RATE)
    assert own.shape == (256,)
    assert np.linalg.norm(own) == pytest.approx(1, abs=1e-5)
    for gain in (0.01, 0.3, 2.0):
        assert similarity(own, speaker_embedding(speech * np.float32(gain), ESPEAK_RATE)) > 0.97
    pause = np.zeros(3 * ESPEAK_RATE, np.float32)
    assert similarity(own, speaker_embedding(np.concatenate([pause, speech, pause]), ESPEAK_RATE)) > 0.97
    assert similarity(own, speaker_embedding(resample(speech, ESPEAK_RATE, 48_000), 48_000)) > 0.97


@pytest.mark.parametrize("count", [0, 1, 100, RATE])
def test_silence_is_nobody(count: int):
    nobody = speaker_embedding(np.zeros(count, np.float32), RATE)
    assert nobody.shape == (256,)
    assert similarity(nobody, nobody) in (0.0, pytest.approx(1, abs=1e-5))
    assert np.isfinite(nobody).all()


@pytest.mark.parametrize(("seconds", "windows"), [(0.5, 1), (1.6, 1), (2.0, 2), (3.0, 3), (6.0, 7)])
def test_windows_are_as_in_resemblyzer(seconds: float, windows: int):
    made = window_embeddings(speech_like(seconds, RATE), RATE)
    assert made.shape == (windows, 256)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)


def test_threads_do_not_disturb_each_other():
    sounds = [speech_like(3, RATE, pitch=pitch) for pitch in (90, 120, 160, 220)]
    alone = [window_embeddings(sound, RATE) for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda sound: window_embeddings(sound, RATE), sounds))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_neither_torch_nor_resemblyzer_is_loaded():
    speaker_embedding(speech_like(2, RATE), RATE)
    assert not {"torch", "resemblyzer", "librosa"} & set(sys.modules)


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch):
    speaker._weights.cache_clear()
    monkeypatch.setattr(speaker.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Unavailable, match="resemblyzer"):
        speaker._weights()


def windows_of(*sounds: Samples) -> np.ndarray:
    return window_embeddings(np.concatenate(sounds), ESPEAK_RATE, 0.8)


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-us+croak", "es", "de", "ja"])
def test_one_voice_is_one_speaker(espeak: Speak, voice: str):
    assert not speakers.seems_two_speakers(windows_of(espeak(SENTENCES, voice), espeak(OTHER, voice)))


def test_two_voices_are_two_speakers_also_when_they_take_turns(espeak: Speak):
    texts = [f"{sentence}." for sentence in (SENTENCES + OTHER).split(".")[:-1]]
    first, second = ([espeak(text, voice) for text in texts] for voice in ("en-us+klatt4", "en-us+linda"))
    assert speakers.seems_two_speakers(windows_of(*first[:2], *second[2:]))
    turns = [pair[number % 2] for number, pair in enumerate(zip(first, second, strict=True))]
    assert speakers.seems_two_speakers(windows_of(*turns))


def test_too_few_windows_tell_nothing():
    assert speakers.likeness_of_parts(np.eye(3, 256, dtype=np.float32)) is None
    assert not speakers.seems_two_speakers(np.eye(3, 256, dtype=np.float32))

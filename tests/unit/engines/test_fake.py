"""The tones that stand in for speech."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.engines.base import AudioChunk, Samples, SynthesisRequest
from myna.engines.fake import SAMPLE_RATE, FakeEngine
from myna.errors import EngineFailed, ReferenceRefused
from tests.fixtures.sound import joined, pitch, seconds, words_of
from tests.fixtures.speech import speech_like

ENGINE = FakeEngine()


def speak(text: str, frequency: float = 150.0, **options: float) -> list[AudioChunk]:
    request = SynthesisRequest(text, "en-US", {"frequency": frequency}, **options)  # type: ignore[arg-type]
    return list(ENGINE.synthesize(request))


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=300).filter(lambda text: "fake" not in text), st.sampled_from([0.25, 0.5, 1, 2, 4]))
def test_the_length_follows_the_text_and_the_speed(text: str, speed: float) -> None:
    assert seconds(speak(text, speed=speed)) == pytest.approx(len(text) * 0.06 / speed, abs=1e-4)


@pytest.mark.parametrize("frequency", [85.0, 150.0, 270.0])
def test_the_pitch_follows_the_voice(frequency: float) -> None:
    assert pitch(joined(speak("ma" * 30, frequency)), SAMPLE_RATE) == pytest.approx(frequency, rel=0.02)


@pytest.mark.parametrize(("similarity", "expected"), [(1.0, 240.0), (0.0, 150.0), (0.5, 189.7)])
def test_a_voice_has_the_pitch_of_its_recording(similarity: float, expected: float) -> None:
    made = ENGINE.prepare_voice(speech_like(4.0, 16_000, pitch=240.0), 16_000)
    assert made["format"] == ENGINE.describe().voice_format
    request = SynthesisRequest("ma" * 30, "en-US", made, similarity=similarity)
    assert pitch(joined(list(ENGINE.synthesize(request))), SAMPLE_RATE) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.float32), np.zeros(100, np.float32), np.zeros(0, np.float32)])
def test_no_voice_without_a_pitch(samples: Samples) -> None:
    with pytest.raises(ReferenceRefused):
        ENGINE.prepare_voice(samples, 16_000)


def test_it_is_the_same_every_time() -> None:
    first, second = (joined(speak("Hello there.", temperature=0.7, seed=3)) for _ in range(2))
    assert (first == second).all()


def test_pieces_fit_together() -> None:
    sound = joined(speak("mamamamama" * 5))
    assert np.abs(np.diff(sound)).max() < 0.2


def test_spaces_and_marks_are_quiet() -> None:
    sound = joined(speak("aaaa . . . aaaa"))
    middle = len(sound) // 2
    assert np.abs(sound[middle - 2_000 : middle + 2_000]).max() < 1e-3
    assert np.abs(sound).max() > 0.2


def test_words() -> None:
    words = words_of(speak("Hello, dear world.", speed=2.0))
    assert [(word.text_position, word.length) for word in words] == [(0, 6), (7, 4), (12, 6)]
    assert [word.start for word in words] == pytest.approx([0, 0.21, 0.36])


def test_there_are_hundreds_of_voices_well_apart() -> None:
    voices = FakeEngine.voices()
    assert len(voices) >= 300
    english = [voice.settings["frequency"] for voice in voices if voice.language == "en-US"]
    assert len(set(english)) == len(english)
    assert {voice.gender for voice in voices} == {"female", "male"}


def test_commands_are_not_spoken_and_act_where_they_stand() -> None:
    chunks = speak("Hello fake:pause=1 world")
    assert seconds(chunks) == pytest.approx(1 + len("Hello world") * 0.06)
    assert [word.text_position for word in words_of(chunks)] == [0, 6]


def test_nan_and_rate() -> None:
    assert any(np.isnan(chunk.samples).any() for chunk in speak("Hello fake:nan"))
    assert {chunk.sample_rate for chunk in speak("Hello fake:rate")} == {SAMPLE_RATE, SAMPLE_RATE // 2}


def test_empty_and_silence() -> None:
    assert speak("Hello fake:empty") == []
    assert not joined(speak("fake:silence Hello")).any()


def test_fail() -> None:
    with pytest.raises(EngineFailed, match="out of breath"):
        speak("Hello fake:fail=out_of_breath")
    with pytest.raises(EngineFailed, match="told to fail"):
        speak("fake:fail")
    with pytest.raises(EngineFailed, match="needs a number"):
        speak("fake:pause=long")


def test_crash_once_crashes_no_second_time() -> None:
    token = f"test-{uuid.uuid4()}"
    marker = Path(tempfile.gettempdir()) / f"myna-fake-{token}"
    marker.touch()
    try:
        assert seconds(speak(f"Hello fake:crash-once={token}")) == pytest.approx(0.3)
    finally:
        marker.unlink()


def test_slow_and_grow() -> None:
    engine = FakeEngine()
    request = SynthesisRequest("Hi fake:slow=0.1 fake:grow=1", "en-US", {})
    assert len(list(engine.synthesize(request))) >= 20


def test_a_text_of_commands_alone_has_some_sound() -> None:
    assert seconds(speak("fake:silence")) == pytest.approx(4 * 0.06)


def test_commands_in_a_transcript() -> None:
    reference = speech_like(4.0, 16_000)
    assert ENGINE.prepare_voice(reference, 16_000, "Hello fake:form=other")["format"] == "other"
    with pytest.raises(ReferenceRefused, match="too faint"):
        ENGINE.prepare_voice(reference, 16_000, "Hello fake:refuse=too_faint")
    with pytest.raises(EngineFailed, match="told to fail"):
        ENGINE.prepare_voice(reference, 16_000, "fake:fail")
    assert ENGINE.prepare_voice(reference, 16_000, "fake:slow=0.01") == ENGINE.prepare_voice(reference, 16_000)

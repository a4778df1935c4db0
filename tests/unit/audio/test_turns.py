"""Who speaks when, with speakers that differ in pitch and in the length of the vocal tract."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from myna.audio.activity import Segment, speech_segments
from myna.audio.resample import resample
from myna.audio.turns import Turn, VoiceWindow, speaker_turns, turns_known_in_part, turns_of, windows_of
from myna.engines.base import Samples
from tests.fixtures.speakers import OTHER, TEXT, spoken

RATE = 16_000
LOW, HIGH, MIDDLE = (88, 85), (118, 210), (100, 130)
"""Formants in percent and pitch in Hz."""


@dataclass(frozen=True)
class Conversation:
    samples: Samples
    parts: tuple[tuple[float, float, int], ...]
    """Start, end, and who speaks."""


@cache
def conversation(speakers: tuple[tuple[int, int], ...], order: tuple[int, ...], gap: float) -> Conversation:
    pieces, parts, at = [], [], 0.0
    for turn, who in enumerate(order):
        sound = resample(spoken(*speakers[who], TEXT if turn % 2 else OTHER), 22_050, RATE)
        loud = np.flatnonzero(np.abs(sound) > 0.01)
        sound = sound[loud[0] : loud[-1] + 1]
        parts.append((at, at + len(sound) / RATE, who))
        pieces += [sound, np.zeros(round(gap * RATE), np.float32)]
        at += (len(sound) + round(gap * RATE)) / RATE
    return Conversation(np.concatenate(pieces), tuple(parts))


def wrong(talk: Conversation, turns: tuple[object, ...]) -> float:
    """The share of time that goes to another speaker than it should; speakers count in the order of their coming."""
    wrong_frames = frames = 0
    for start, end, who in talk.parts:
        for moment in np.arange(start, end, 0.01):
            found = [turn.speaker for turn in turns if turn.start <= moment < turn.end]  # type: ignore[attr-defined]
            frames += bool(found)
            wrong_frames += bool(found) and found[0] != who + 1
    assert frames > 500
    return wrong_frames / frames


@pytest.mark.parametrize(
    ("speakers", "order"),
    [((LOW, HIGH), (0, 1, 0, 1)), ((LOW, HIGH, MIDDLE), (0, 1, 2, 0, 2, 1))],
    ids=["two", "three"],
)
@pytest.mark.parametrize("known", [False, True])
def test_speakers_are_told_apart(speakers: tuple[tuple[int, int], ...], order: tuple[int, ...], known: bool) -> None:
    talk = conversation(speakers, order, 0.5)
    segments = speech_segments(talk.samples, RATE)
    found = speaker_turns(talk.samples, RATE, segments, len(speakers) if known else None)
    assert len(found.pitches) == len(found.seconds) == len(speakers)
    assert wrong(talk, found.turns) < 0.05
    assert np.argmax(found.pitches) == 1
    assert sum(found.seconds) == pytest.approx(sum(segment.duration for segment in segments), rel=0.1)


def test_one_speaker_stays_one() -> None:
    talk = conversation((MIDDLE,), (0, 0, 0), 0.5)
    found = speaker_turns(talk.samples, RATE, speech_segments(talk.samples, RATE))
    assert {turn.speaker for turn in found.turns} == {1}
    assert 130 < found.pitches[0] < 1.4 * 130


def test_windows_of_pieces_are_those_of_the_whole() -> None:
    talk = conversation((LOW, HIGH), (0, 1, 0, 1), 0.5)
    segments = speech_segments(talk.samples, RATE)
    whole = windows_of(talk.samples, RATE, segments)
    pieces: list[VoiceWindow] = []
    for segment in segments:
        sound = talk.samples[round(segment.start * RATE) : round(segment.end * RATE)]
        pieces += windows_of(sound, RATE, [Segment(0.0, segment.duration)], offset=segment.start)
    assert len(pieces) == len(whole)
    assert [piece.start for piece in pieces] == pytest.approx([window.start for window in whole])
    assert turns_of(pieces, 2).pitches == pytest.approx(turns_of(whole, 2).pitches, rel=0.02)


def test_no_speech_has_no_speakers() -> None:
    found = speaker_turns(np.zeros(RATE, np.float32), RATE, [])
    assert (found.turns, found.pitches, found.seconds) == ((), (), ())
    assert speaker_turns(np.zeros(RATE, np.float32), RATE, [Segment(0.0, 0.1)]).turns == ()


def test_silence_and_a_single_word_are_one_speaker_of_unknown_pitch() -> None:
    found = speaker_turns(np.zeros(RATE, np.float32), RATE, [Segment(0.0, 1.0)])
    assert ({turn.speaker for turn in found.turns}, found.pitches) == ({1}, (0.0,))
    assert len(speaker_turns(np.zeros(RATE, np.float32), RATE, [Segment(0.0, 1.0)], count=3).pitches) == 1


def window(at: float, voice: int, pitch: float) -> VoiceWindow:
    direction = np.zeros(256, np.float32)
    direction[voice] = 1.0
    return VoiceWindow(at, at + 1.6, direction, pitch, at // 20)


def test_many_windows_are_grouped_by_a_sample_of_them() -> None:
    windows = [window(index * 0.4, index // 100 % 2, 100.0 + 100 * (index // 100 % 2)) for index in range(4_000)]
    found = turns_of(windows)
    assert found.pitches == (100.0, 200.0)
    assert sum(found.seconds) == pytest.approx(1_601.2, abs=1.0)
    assert all(before.end <= after.start + 1e-9 for before, after in zip(found.turns, found.turns[1:], strict=False))


def test_turns_are_whole_and_do_not_overlap() -> None:
    talk = conversation((LOW, HIGH), (0, 1, 0, 1), 0.1)
    found = speaker_turns(talk.samples, RATE, speech_segments(talk.samples, RATE), 2)
    for before, after in zip(found.turns, found.turns[1:], strict=False):
        assert before.end <= after.start + 1e-6
        assert before.speaker != after.speaker


def test_a_turn_that_is_known_keeps_its_number_and_other_speech_goes_with_its_voice() -> None:
    rng = np.random.default_rng(1)
    voices = np.eye(256, dtype=np.float32)[rng.choice(256, 3, replace=False)]
    windows = [
        VoiceWindow(float(at), at + 1.0, voices[who], 100.0 + 60 * who, float(at))
        for at, who in enumerate((0, 1, 0, 2, 1))
    ]
    known = [Turn(1.0, 2.0, 1), Turn(0.0, 1.0, 2), Turn(9.0, 9.5, 3)]
    found = turns_known_in_part(windows, known)
    assert [turn.speaker for turn in found.turns] == [2, 1, 2, 4, 1, 3]
    assert found.seconds == (2.0, 2.0, 0.0, 1.0)
    assert found.pitches == (160.0, 100.0, 0.0, 220.0)

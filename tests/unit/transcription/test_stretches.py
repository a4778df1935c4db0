"""Speech in pieces that a recogniser takes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from myna.audio.activity import Segment
from myna.engines.base import Samples
from myna.transcription.stretches import LONGEST, sound_of, stretches

RATE = 1_000


@given(st.lists(st.tuples(st.floats(0.2, 50.0), st.floats(0.3, 5.0))), st.sampled_from([0.0, 30.0]))
def test_all_speech_is_in_a_stretch_and_none_grows_too_long(parts: list[tuple[float, float]], window: float) -> None:
    segments, at = [], 0.0
    for length, pause in parts:
        segments.append(Segment(at, at + length))
        at += length + pause
    found = list(stretches(segments, window))
    for segment in segments:
        assert sum(each.start <= segment.start and segment.end <= each.end for each in found) == 1
    for each in found:
        assert each.duration <= LONGEST or each in segments


def test_a_long_pause_begins_another_stretch() -> None:
    near, far = Segment(3.0, 5.0), Segment(8.0, 9.0)
    assert list(stretches([Segment(0.0, 2.0), near, far])) == [Segment(0.0, 5.0), far]


def test_a_long_pause_does_not_matter_within_the_window_of_an_engine() -> None:
    lines = [Segment(place, place + 2.0) for place in (0.0, 9.0, 22.0, 28.0, 60.0)]
    assert list(stretches(lines, 30.0)) == [Segment(0.0, 24.0), Segment(28.0, 30.0), Segment(60.0, 62.0)]
    sound = np.zeros(70 * RATE, np.float32)
    for stretch in stretches([Segment(0.0, 15.0), Segment(20.0, 29.8), Segment(29.9, 40.0)], 30.0):
        pieces = sound_of(stretch, lambda start, end: sound[max(0, round(start * RATE)) : round(end * RATE)], RATE)
        assert len(list(pieces)) == 1


def test_what_is_too_long_is_cut_where_it_is_quietest() -> None:
    sound = np.full(70 * RATE, 0.5, np.float32)
    sound[25 * RATE : 25 * RATE + 300] = 0.0

    def read(start: float, end: float) -> Samples:
        return sound[max(0, round(start * RATE)) : round(end * RATE)]

    pieces = list(sound_of(Segment(0.0, 70.0), read, RATE))
    assert 25.0 <= pieces[1][0] <= 25.3
    assert np.concatenate([samples for _, samples in pieces]).tolist() == sound.tolist()
    assert max(len(samples) for _, samples in pieces) <= LONGEST * RATE
    assert all(abs(start - sum(len(s) for _, s in pieces[:at]) / RATE) < 1e-6 for at, (start, _) in enumerate(pieces))


def test_a_sound_that_ends_before_its_speech_does_no_harm() -> None:
    pieces = list(sound_of(Segment(0.0, 90.0), lambda start, end: np.zeros(round(start < 5) * RATE, np.float32), RATE))
    assert [len(samples) for _, samples in pieces] == [RATE]

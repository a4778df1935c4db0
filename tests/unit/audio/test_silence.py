from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.silence import remove_silence
from myna.errors import BadAudio
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak

RATE = 8_000


def tone(seconds: float, rate: int = RATE, peak: float = 0.3) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def quiet(seconds: float, rate: int = RATE) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.float32)


def as_pydub_does(sound: np.ndarray, rate: int) -> np.ndarray:
    """pydub 0.25.1 `split_on_silence(min_silence_len=500, silence_thresh=-45, keep_silence=250)`, step by step."""
    length = round(1000 * len(sound) / rate)
    silent = pydub_detect_silence(sound, rate, length)
    if not silent:
        return sound
    if silent[0] == [0, length]:
        return sound[:0]
    ranges = [[start - 250, end + 250] for start, end in pydub_detect_nonsilent(silent, length)]
    for index in range(len(ranges) - 1):
        if ranges[index + 1][0] < ranges[index][1]:
            ranges[index][1] = ranges[index + 1][0] = (ranges[index][1] + ranges[index + 1][0]) // 2
    ends = [len(sound) if end >= length else end * rate // 1000 for _, end in ranges]
    return np.concatenate(
        [sound[max(start, 0) * rate // 1000 : end] for (start, _), end in zip(ranges, ends, strict=True)]
    )


def pydub_detect_silence(sound: np.ndarray, rate: int, length: int) -> list[list[int]]:
    starts = []
    for start in range(length - 500 + 1):
        part = sound[start * rate // 1000 : (start + 500) * rate // 1000].astype(np.float64)
        if np.sqrt(np.mean(part**2)) <= 10 ** (-45 / 20):
            starts.append(start)
    if not starts:
        return []
    silent, first, previous = [], starts[0], starts[0]
    for start in starts[1:]:
        if start != previous + 1 and start > previous + 500:
            silent.append([first, previous + 500])
            first = start
        previous = start
    return [*silent, [first, previous + 500]]


def pydub_detect_nonsilent(silent: list[list[int]], length: int) -> list[list[int]]:
    loud, end = [], 0
    for silence_start, silence_end in silent:
        loud.append([end, silence_start])
        end = silence_end
    if end != length:
        loud.append([end, length])
    return loud[1:] if loud[0] == [0, 0] else loud


@settings(deadline=None, max_examples=60)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from([0.0, 0.004, 0.0079, 0.008, 0.3]), st.integers(1, 900)), min_size=1, max_size=6
    ),
    extra=st.integers(0, 7),
)
def test_it_cuts_where_pydub_cuts(parts: list[tuple[float, int]], extra: int):
    sound = np.concatenate([*(tone(length / 1000, peak=peak) for peak, length in parts), np.zeros(extra, np.float32)])
    expected = as_pydub_does(sound, RATE)
    if len(expected):
        np.testing.assert_array_equal(remove_silence(sound, RATE), expected)
    else:
        with pytest.raises(BadAudio):
            remove_silence(sound, RATE)


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("pause", [0.6, 1.0, 7.3])
def test_a_pause_becomes_half_a_second(rate: int, pause: float):
    sound = np.concatenate([tone(1, rate), quiet(pause, rate), tone(1, rate)])
    seconds = len(remove_silence(sound, rate)) / rate
    assert seconds == pytest.approx(2.5, abs=0.015)


def test_silence_at_the_ends_becomes_a_quarter_of_a_second():
    sound = np.concatenate([quiet(3), tone(1), quiet(2)])
    assert len(remove_silence(sound, RATE)) / RATE == pytest.approx(1.5, abs=0.015)


@pytest.mark.parametrize("sound", [tone(3), np.concatenate([tone(1), quiet(0.49), tone(1)]), quiet(0.4)])
def test_sound_without_a_long_pause_comes_back_unchanged(sound: np.ndarray):
    assert remove_silence(sound, RATE) is sound


def test_nothing_but_silence_is_refused():
    with pytest.raises(BadAudio, match="only silence"):
        remove_silence(quiet(2), RATE)


def test_the_threshold_is_the_root_mean_square():
    below, above = 10 ** (-45.2 / 20) * 2**0.5, 10 ** (-44.8 / 20) * 2**0.5
    assert len(remove_silence(np.concatenate([tone(1), tone(1, peak=below), tone(1)]), RATE)) < 2.6 * RATE
    assert len(remove_silence(np.concatenate([tone(1), tone(1, peak=above), tone(1)]), RATE)) == 3 * RATE


def test_own_values():
    sound = np.concatenate([tone(1), quiet(1), tone(1)])
    shorter = remove_silence(sound, RATE, minimum=0.3, keep=0.1)
    assert len(shorter) / RATE == pytest.approx(2.2, abs=0.01)


def test_keeping_more_than_half_a_pause_repeats_nothing():
    sound = np.concatenate([tone(1), quiet(0.6), tone(1)])
    np.testing.assert_array_equal(remove_silence(sound, RATE, keep=0.4), sound)


def test_speech_is_all_kept(espeak: Speak):
    speech = espeak(SENTENCES, "en-us")
    paused = np.concatenate([quiet(2, ESPEAK_RATE), speech, quiet(2, ESPEAK_RATE), speech])
    left = remove_silence(paused, ESPEAK_RATE)
    assert np.sum(np.square(left)) == pytest.approx(np.sum(np.square(paused)), rel=1e-3)


def test_doing_it_again_changes_nothing_more():
    sound = np.concatenate([quiet(1), tone(1), quiet(2), tone(0.5), quiet(3)])
    once = remove_silence(sound, RATE)
    assert abs(len(remove_silence(once, RATE)) - len(once)) <= 0.02 * RATE


def test_ten_minutes_with_many_pauses():
    sound = np.tile(np.concatenate([tone(2), quiet(1)]), 200)
    assert len(remove_silence(sound, RATE)) / RATE == pytest.approx(500, abs=3)

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.activity import Segment
from myna.audio.bed import BedMaker, Stereo, bed_blocks
from tests.fixtures.speech import level, speech_like

RATE = 48_000
SECONDS = 20
TOTAL = SECONDS * RATE
TIME = np.arange(TOTAL) / RATE
TALK = (TIME % 10 > 3) & (TIME % 10 < 8)
SPEECH = [Segment(2.94, 8.06), Segment(12.94, 18.06)]
AWAY = ~((TIME % 10 > 2.8) & (TIME % 10 < 8.2))


def made(sound: Stereo, speech: list[Segment], rate: int = RATE, size: int = 100_000) -> Stereo:
    blocks = (sound[at : at + size] for at in range(0, len(sound), size))
    return np.concatenate(list(bed_blocks(blocks, rate, speech)))


def voice() -> Stereo:
    return (2 * speech_like(SECONDS, RATE) * TALK)[:, None].repeat(2, axis=1).astype(np.float32)


def music() -> Stereo:
    """Chords that breathe, each note at its place between left and right."""
    sound = np.zeros((TOTAL, 2), np.float32)
    for index, note in enumerate((110, 165, 220, 277, 330, 440, 554)):
        wave = 0.02 * (1 + 0.5 * np.sin(2 * np.pi * (0.3 + 0.1 * index) * TIME)) * np.sin(2 * np.pi * note * TIME)
        place = index % 3 / 2
        sound += wave[:, None] * np.array([1 - 0.7 * place, 0.3 + 0.7 * place], np.float32)
    return sound


def mono(sound: Stereo) -> Stereo:
    return sound.mean(axis=1, keepdims=True).repeat(2, axis=1)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("background", [music(), mono(music())], ids=["stereo", "mono"])
def test_music_goes_on_and_the_voice_does_not(background: Stereo):
    source = background + voice()
    bed = made(source, SPEECH)
    assert level(source[TALK]) > level(background[TALK]) + 6
    assert level(bed[TALK]) == pytest.approx(level(background[TALK]), abs=2)
    assert likeness(bed[TALK], background[TALK]) > 0.8
    assert abs(likeness(bed[TALK], voice()[TALK])) < 0.25
    assert likeness(source[TALK], voice()[TALK]) > 0.8


def test_outside_speech_it_is_the_source_itself():
    source = music() + voice()
    bed = made(source, SPEECH)
    assert bed.shape == source.shape
    assert np.array_equal(bed[AWAY], source[AWAY])
    assert likeness(bed[~TALK], source[~TALK]) > 0.99


def test_room_noise_keeps_its_level():
    room = np.random.default_rng(4).standard_normal((TOTAL, 2)).astype(np.float32) * np.float32(0.01)
    bed = made(room + voice(), SPEECH)
    assert level(bed[TALK]) == pytest.approx(level(room), abs=1.5)


def test_nothing_is_left_of_a_voice_without_background():
    bed = made(voice(), SPEECH)
    assert level(bed[TALK]) < level(voice()[TALK]) - 60


def test_a_voice_at_once_is_turned_down_too():
    """There was no background yet to compare with."""
    bed = made(voice()[3 * RATE :], [Segment(0.0, 5.0), Segment(9.94, 15.06)])
    within = TALK[3 * RATE :] & (TIME[: TOTAL - 3 * RATE] < 4.8)
    assert level(bed[within]) == pytest.approx(level(voice()[3 * RATE :][within]) - 24, abs=1)


def test_what_is_at_the_sides_stays_while_somebody_speaks():
    side = np.zeros((TOTAL, 2), np.float32)
    side[:, 0] = 0.05 * np.sin(2 * np.pi * 3_000 * TIME) * (TIME > 4)
    bed = made(voice() + side, SPEECH)
    spectrum = np.abs(np.fft.rfft(bed[5 * RATE : 6 * RATE], axis=0)) / (RATE / 2)
    assert spectrum[3_000, 0] == pytest.approx(0.05, rel=0.15)
    assert spectrum[3_000, 1] < 0.01


def test_it_begins_and_ends_without_a_step():
    bed = made(mono(music()) + voice(), SPEECH)
    source = mono(music())
    for edge in (2.86, 2.94, 8.06, 8.14, 12.86, 18.14):
        around = slice(round((edge - 0.01) * RATE), round((edge + 0.01) * RATE))
        assert np.abs(np.diff(bed[around], axis=0)).max() < 2 * np.abs(np.diff(source, axis=0)).max()


def test_short_pauses_belong_to_the_speech():
    source = np.full((TOTAL, 2), 0.0, np.float32) + voice()
    parted = [Segment(2.94, 4.0), Segment(4.1, 8.06), SPEECH[1]]
    assert np.array_equal(made(source, parted), made(source, SPEECH))
    assert np.array_equal(made(source, parted[::-1]), made(source, SPEECH))


def test_without_speech_nothing_changes():
    assert np.array_equal(made(music(), []), music())


SHORT = (music() + voice())[: 4 * RATE : 6]
"""4 s at 8 kHz; that it aliases does not matter."""


@settings(deadline=None, max_examples=25)
@given(cuts=st.lists(st.integers(0, len(SHORT)), max_size=12), total=st.none() | st.integers(0, len(SHORT) + 9_000))
def test_blocks_of_any_length_give_the_same(cuts: list[int], total: int | None):
    speech = [Segment(2.94, 8.06)]
    whole = made(SHORT, speech, 8_000)
    pieces = np.concatenate(list(bed_blocks(np.split(SHORT, sorted(cuts)), 8_000, speech, total)))
    kept = len(SHORT) if total is None else min(total, len(SHORT))
    assert len(pieces) == (len(SHORT) if total is None else total)
    np.testing.assert_allclose(pieces[:kept], whole[:kept], atol=1e-6)
    assert not pieces[kept:].any()


@pytest.mark.parametrize("count", [0, 1, 100, 1_024, 3_000])
def test_short_sounds(count: int):
    sound = voice()[4 * RATE : 4 * RATE + count]
    assert made(sound, [Segment(0, 1)]).shape == (count, 2)


def test_what_stays_behind_is_short():
    maker = BedMaker(RATE, SPEECH)
    given_so_far = len(maker.process(music()[:RATE]))
    assert RATE - 0.05 * RATE < given_so_far <= RATE


def test_memory_does_not_grow_with_length():
    def highest(seconds: int) -> int:
        speech = [Segment(at, at + 3) for at in range(1, seconds, 6)]
        block = np.random.default_rng(1).standard_normal((RATE, 2)).astype(np.float32)
        tracemalloc.start()
        count = sum(len(each) for each in bed_blocks((block for _ in range(seconds)), RATE, speech))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == seconds * RATE
        return peak

    highest(2)
    # 120 s of stereo are 46 MB.
    assert highest(120) < highest(30) + 1e6 < 30e6

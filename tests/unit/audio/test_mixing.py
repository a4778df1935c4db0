from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyloudnorm import Meter
from scipy.signal import resample_poly

from myna.audio.bed import Stereo
from myna.audio.mixing import Mixed, Mixer, Placed, even_blocks
from myna.audio.resample import resample
from myna.engines.base import Samples
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak

RATE = 48_000
TOTAL = 15 * RATE
NOTES = ((110, 220, 330, 554), (165, 277, 440, 110))


def meter(sound: np.ndarray) -> float:
    """LUFS, by somebody else's meter."""
    return float(Meter(RATE).integrated_loudness(sound.astype(np.float64)))


def decibels_true_peak(sound: np.ndarray) -> float:
    """Four times oversampled, with another filter than ours."""
    return float(20 * np.log10(np.abs(resample_poly(sound.astype(np.float64), 4, 1, axis=0)).max()))


def together(mixed: Iterator[Mixed]) -> tuple[Samples, Stereo]:
    pieces = list(mixed)
    return np.concatenate([each.dialogue for each in pieces]), np.concatenate([each.mix for each in pieces])


def music(level: float = 0.05) -> Stereo:
    time = np.arange(TOTAL) / RATE
    sides = [sum(level * np.sin(2 * np.pi * note * time) * (1 + 0.5 * np.sin(time)) for note in side) for side in NOTES]
    return np.stack(sides, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def lines(espeak: Speak) -> list[Placed]:
    """Spoken by two people, one of whom is much louder; they begin at 1, 5, 9 and 13 s, and last 2 s."""
    loud, soft = (resample(espeak(SENTENCES, voice), ESPEAK_RATE, RATE)[: 2 * RATE] for voice in ("en-us", "en-us+f3"))
    takes = [loud, soft * np.float32(0.1), loud[::-1], soft * np.float32(0.11)]
    return [
        Placed((1 + 4 * index) * RATE, len(take), lambda take=take: take, "ab"[index % 2])
        for index, take in enumerate(takes)
    ]


def near(lines: Sequence[Placed], margin: float) -> np.ndarray:
    """True within the lines, which a margin in seconds widens."""
    chosen = np.zeros(TOTAL, bool)
    for line in lines:
        chosen[max(0, line.start - round(margin * RATE)) : line.end + round(margin * RATE)] = True
    return chosen


def test_the_dialogue_is_as_loud_as_broadcast_speech_below_the_peak(lines: list[Placed]):
    dialogue, mix = together(Mixer(RATE, lines, TOTAL).blocks())
    assert meter(dialogue) == pytest.approx(-16, abs=0.4)
    assert meter(mix) == pytest.approx(-16, abs=0.4)
    assert decibels_true_peak(dialogue) <= -1.95
    assert decibels_true_peak(mix) <= -1.95
    assert len(dialogue) == len(mix) == TOTAL


def test_speakers_are_equally_loud(lines: list[Placed]):
    mixer = Mixer(RATE, lines, TOTAL)
    dialogue, _ = together(mixer.blocks())
    for speaker in "ab":
        spoken = np.concatenate([dialogue[line.start : line.end] for line in lines if line.speaker == speaker])
        assert meter(spoken) == pytest.approx(-16, abs=0.4)
    assert mixer.levels["b"] > mixer.levels["a"] + 10


def test_lines_are_where_they_were_placed(lines: list[Placed]):
    dialogue, mix = together(Mixer(RATE, lines, TOTAL).blocks())
    for line in lines:
        take = line.load()
        heard = dialogue[line.start : line.end]
        assert np.corrcoef(heard, take)[0, 1] > 0.9
        assert np.corrcoef(heard[1:], take[:-1])[0, 1] < np.corrcoef(heard, take)[0, 1]
    assert not dialogue[~near(lines, 0)].any()
    assert not mix[~near(lines, 0)].any()


def test_the_background_is_the_source_where_nobody_speaks(lines: list[Placed]):
    bed = music()
    _, mix = together(Mixer(RATE, lines, TOTAL).blocks([bed]))
    away = ~near(lines, 0.26)
    assert np.array_equal(mix[away], bed[away])
    around = ~near(lines, 0)
    assert np.corrcoef(mix[around].ravel(), bed[around].ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("level", "ducked"), [(0.05, True), (0.001, False)])
def test_the_background_stays_below_the_voice(lines: list[Placed], level: float, ducked: bool):
    bed = music(level)
    dialogue, mix = together(Mixer(RATE, lines, TOTAL).blocks([bed]))
    under = mix - np.float32(10 ** (-3.01 / 20)) * dialogue[:, None]
    within = near(lines, -0.1)
    assert meter(under[within]) < -30.5
    assert (meter(under[within]) < meter(bed[within]) - 3) == ducked


def test_the_background_moves_without_steps(lines: list[Placed]):
    _, mix = together(Mixer(RATE, lines, TOTAL).blocks([np.full((TOTAL, 2), 0.1, np.float32)]))
    outside = mix[:, 0][~near(lines, 0)]
    assert np.abs(np.diff(outside)).max() < 0.1 * 0.01
    quiet = [Placed(line.start, line.length, lambda line=line: np.zeros(line.length, np.float32)) for line in lines]
    _, mix = together(Mixer(RATE, quiet, TOTAL).blocks([0.3 * music()]))
    assert np.abs(np.diff(mix, axis=0)).max() <= np.abs(np.diff(0.3 * music(), axis=0)).max() * 1.01


def test_a_loud_background_is_limited_too(lines: list[Placed]):
    dialogue, mix = together(Mixer(RATE, lines, TOTAL).blocks([np.clip(music(0.4), -1, 1)]))
    assert decibels_true_peak(mix) <= -1.95
    alone, _ = together(Mixer(RATE, lines, TOTAL).blocks())
    assert np.array_equal(dialogue, alone)


def test_a_changed_line_leaves_all_others_sample_by_sample(lines: list[Placed]):
    first = Mixer(RATE, lines, TOTAL)
    before, mix_before = together(first.blocks([music()]))
    changed = [*lines]
    changed[2] = Placed(lines[2].start, lines[2].length, lambda: 2 * lines[0].load(), lines[2].speaker)
    second = Mixer(RATE, changed, TOTAL, levels=first.levels)
    after, mix_after = together(second.blocks([music()]))
    assert second.levels == first.levels
    differs = np.flatnonzero(before != after)
    assert len(differs) > RATE
    assert lines[2].start - 0.1 * RATE < differs[0] < differs[-1] < lines[2].end + 0.1 * RATE
    away = ~near([lines[2]], 0.1)
    assert np.array_equal(mix_before[away], mix_after[away])


def test_a_new_speaker_is_measured_beside_known_ones(lines: list[Placed]):
    levels = Mixer(RATE, lines, TOTAL).levels
    assert Mixer(RATE, lines, TOTAL, levels={"a": 3.0}).levels == {"a": 3.0, "b": levels["b"]}


def test_blocks_of_the_background_change_nothing(lines: list[Placed]):
    bed = music()
    chance = np.random.default_rng(3)
    cuts = np.sort(chance.integers(0, TOTAL, 40))
    whole = together(Mixer(RATE, lines, TOTAL).blocks([bed]))
    pieces = together(Mixer(RATE, lines, TOTAL).blocks(np.split(bed, cuts)))
    assert np.array_equal(whole[0], pieces[0])
    assert np.array_equal(whole[1], pieces[1])


@pytest.mark.parametrize("length", [0, RATE, 40 * RATE])
def test_the_length_is_that_of_the_source_whatever_the_background_has(lines: list[Placed], length: int):
    bed = np.full((length, 2), 0.001, np.float32)
    dialogue, mix = together(Mixer(RATE, lines, TOTAL).blocks([bed]))
    assert (len(dialogue), mix.shape) == (TOTAL, (TOTAL, 2))


def test_silent_lines_stay_silent():
    line = Placed(1000, 5000, lambda: np.zeros(5000, np.float32), "a")
    mixer = Mixer(RATE, [line], 2 * RATE)
    dialogue, mix = together(mixer.blocks())
    assert mixer.levels == {"a": 0.0}
    assert not dialogue.any()
    assert not mix.any()


def test_nothing_at_all_is_a_mix_too():
    dialogue, mix = together(Mixer(RATE, [], 0).blocks())
    assert (len(dialogue), mix.shape) == (0, (0, 2))
    _, mix = together(Mixer(RATE, [], RATE).blocks([music()]))
    assert np.array_equal(mix, music()[:RATE])


def test_a_line_that_reaches_past_the_end_is_cut():
    line = Placed(RATE // 2, RATE, lambda: np.full(RATE, 0.01, np.float32), "a")
    dialogue, _ = together(Mixer(RATE, [line], RATE, levels={"a": 0.0}).blocks())
    assert len(dialogue) == RATE
    assert dialogue[RATE // 2 :].all()


def test_memory_does_not_grow_with_length():
    def highest(seconds: int) -> int:
        lines = [Placed(at * RATE, RATE, lambda: np.full(RATE, 0.01, np.float32), "a") for at in range(0, seconds, 10)]
        bed = (np.zeros((RATE, 2), np.float32) for _ in range(seconds))
        tracemalloc.start()
        count = sum(len(each.mix) for each in Mixer(RATE, lines, seconds * RATE).blocks(bed))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == seconds * RATE
        return peak

    highest(20)
    # 240 s of stereo are 92 MB.
    assert highest(240) < highest(80) + 10e6 < 50e6


@given(lengths=st.lists(st.integers(0, 50), max_size=10), size=st.integers(1, 30), total=st.integers(0, 200))
def test_even_blocks_keep_the_sound(lengths: list[int], size: int, total: int):
    sound = np.arange(2 * sum(lengths), dtype=np.float32).reshape(-1, 2)
    pieces = np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []
    blocks = list(even_blocks(pieces, size, total))
    assert all(len(block) == size for block in blocks[:-1])
    whole = np.concatenate([np.zeros((0, 2), np.float32), *blocks])
    assert len(whole) == total
    kept = min(total, len(sound))
    assert np.array_equal(whole[:kept], sound[:kept])
    assert not whole[kept:].any()

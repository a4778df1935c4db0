"""Segments that overlap give the whole sound, however it comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.engines.overlap import OverlapAdd
from myna.engines.separation import Stems, Stereo

LENGTH, STEP = 40, 30


def halves(segment: Stereo) -> Stems:
    assert segment.shape == (LENGTH, 2)
    return np.stack([segment * 0.25, segment * 0.75])


def by_place(segment: Stereo) -> Stems:
    """What depends on where in a segment a sample lies."""
    return (segment * np.linspace(0, 1, LENGTH)[:, None])[None].astype(np.float32)


def sound(count: int) -> Stereo:
    return np.random.default_rng(count).standard_normal((count, 2)).astype(np.float32)


def whole(blender: OverlapAdd, blocks: list[Stereo]) -> Stems:
    parts = [blender.process(block) for block in blocks]
    parts.append(blender.process(np.zeros((0, 2), np.float32), last=True))
    return np.concatenate([part for part in parts if len(part)], axis=1)


@pytest.mark.parametrize("count", [1, 2, 29, 30, 31, 39, 40, 41, 69, 70, 71, 500])
def test_a_model_that_changes_nothing_gives_the_sound(count: int) -> None:
    made = whole(OverlapAdd(LENGTH, STEP, halves), [sound(count)])
    assert made.shape == (2, count, 2)
    assert np.allclose(made[0] * 4, sound(count), atol=1e-5)
    assert np.allclose(made.sum(axis=0), sound(count), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=12))
def test_how_the_sound_is_cut_changes_nothing(sizes: list[int]) -> None:
    given_sound = sound(max(1, sum(sizes)))
    places = np.cumsum(sizes)[:-1]
    cut = whole(OverlapAdd(LENGTH, STEP, by_place), np.split(given_sound, places))
    assert np.array_equal(cut, whole(OverlapAdd(LENGTH, STEP, by_place), [given_sound]))


def test_no_sound_has_no_stems() -> None:
    assert OverlapAdd(LENGTH, STEP, halves).process(np.zeros((0, 2), np.float32), last=True).shape == (0, 0, 2)


def test_no_more_than_one_and_a_half_segments_are_kept() -> None:
    blender = OverlapAdd(LENGTH, STEP, halves)
    for _ in range(100):
        blender.process(sound(7))
        kept = sum(len(part) for part in (blender._pending, blender._before))
        assert kept <= LENGTH * 3 // 2 + 1


def test_a_segment_speaks_loudest_in_its_middle() -> None:
    made = whole(OverlapAdd(LENGTH, STEP, by_place), [np.ones((70, 2), np.float32)])[0, :, 0]
    steps = np.diff(made[30:40])
    assert (steps < 0).all(), "from the end of the first segment, at 1, into the beginning of the second, at 0"

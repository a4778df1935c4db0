from __future__ import annotations

import numpy as np
import pytest

from myna.audio.matching.alignment import aligned


def walk(count: int, seed: int = 1) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).standard_normal((count, 6)), axis=0)


@pytest.mark.parametrize("count", [40, 400, 1_500])
def test_a_sound_at_another_pace_is_followed(count: int) -> None:
    original = walk(count)
    place = (
        np.clip(np.arange(0, count, 0.8) + 3 * np.sin(np.arange(0, count, 0.8) / 20), 0, count - 1).round().astype(int)
    )
    first, second, cost = aligned(original, original[place])
    assert (np.diff(first) >= 0).all()
    assert (np.diff(second) >= 0).all()
    assert (first[0], second[0], first[-1], second[-1]) == (0, 0, count - 1, len(place) - 1)
    assert np.abs(first - place[second]).mean() < 1.5
    assert cost < 0.5


def test_what_does_not_belong_together_costs_more() -> None:
    assert aligned(walk(300), walk(300, seed=2))[2] > 2 * aligned(walk(300), walk(300))[2] + 0.1


def test_very_different_lengths_still_meet_at_both_ends() -> None:
    first, second, _ = aligned(walk(30), walk(900, seed=3))
    assert (first[-1], second[-1]) == (29, 899)

from __future__ import annotations

import numpy as np
import pytest

from myna.audio.matching.regression import USED, enough, fit_regression, predicted_change
from myna.audio.matching.spectrum import ORDER, cepstra


def voices(count: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    """Two voices, the second a piecewise linear function of the first, with some noise."""
    chance = np.random.default_rng(1)
    kind = chance.integers(0, 3, count)
    source = chance.standard_normal((count, ORDER)) + 4 * chance.standard_normal((3, ORDER))[kind]
    turns = 0.3 * chance.standard_normal((3, ORDER, ORDER)) + np.eye(ORDER)
    target = np.einsum("ni,nio->no", source, turns[kind]) + 0.1 * chance.standard_normal((count, ORDER))
    return source, target


def test_it_learns_what_depends_on_the_sound() -> None:
    source, target = voices()
    learned = fit_regression(source[:2_000], target[:2_000])
    change = cepstra(predicted_change(learned, source[2_000:]))[:, :USED]
    before = np.abs(target - source)[2_000:, :USED].mean()
    after = np.abs(target[2_000:, :USED] - source[2_000:, :USED] - change).mean()
    assert after < 0.7 * before


def test_the_variance_is_made_up_within_limits() -> None:
    source, target = voices()
    factor = fit_regression(source, target).variance
    assert (factor >= 0.7).all()
    assert (factor <= 1.8).all()


def test_a_strange_frame_gets_no_wild_answer() -> None:
    source, target = voices()
    learned = fit_regression(source, target)
    strange = predicted_change(learned, np.full((1, ORDER), 1e6))
    assert np.isfinite(strange).all()
    assert np.abs(cepstra(strange)).max() < 1.2e6


@pytest.mark.parametrize(("frames", "answer"), [(599, False), (600, True)])
def test_little_speech_teaches_nothing(frames: int, answer: bool) -> None:
    assert enough(frames) is answer

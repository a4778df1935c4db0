"""Piece by piece is the same as at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.matching.vocoder import RATE
from myna.engines.base import Samples
from myna.engines.match.pieces import PieceByPiece
from tests.fixtures.speech import speech_like

SPEECH = speech_like(9.0, RATE)


def run(sound: Samples, chunk: int, sizes: list[int] | None = None) -> Samples:
    def work(samples: Samples) -> Samples:
        if sizes is not None:
            sizes.append(len(samples))
        return samples.copy()

    pieces = PieceByPiece(work)
    parts = [pieces.process(sound[at : at + chunk]) for at in range(0, len(sound), chunk)]
    return np.concatenate([*parts, pieces.finish()])


@given(length=st.integers(0, len(SPEECH)), chunk=st.integers(500, 40_000))
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_or_moved(length: int, chunk: int) -> None:
    assert run(SPEECH[:length], chunk) == pytest.approx(SPEECH[:length], abs=1e-6)


def test_pieces_are_short_and_the_first_is_shorter() -> None:
    sizes: list[int] = []
    run(SPEECH, RATE // 2, sizes)
    assert sizes[0] <= 1.4 * RATE
    assert max(sizes) <= 2.8 * RATE
    assert len(sizes) >= 4


def test_a_cut_falls_into_the_pause() -> None:
    sound = np.full(4 * RATE, 0.3, np.float32)
    sound[round(2.0 * RATE) : round(2.1 * RATE)] = 0.0
    cuts: list[int] = []

    def work(samples: Samples) -> Samples:
        cuts.append(len(samples))
        return np.full(len(samples), float(len(cuts)), np.float32)

    pieces = PieceByPiece(work)
    whole = np.concatenate([pieces.process(sound), pieces.process(sound[:0]), pieces.finish()])
    changes = np.flatnonzero(np.diff(whole)) / RATE
    assert ((changes < 1.3) | ((changes > 1.99) & (changes < 2.11)) | (changes > 2.9)).all()
    assert np.abs(np.diff(whole)).max() < 0.02

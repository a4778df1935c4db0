from __future__ import annotations

import numpy as np
import pytest

from myna.audio.matching.spectrum import (
    BANDS,
    band_frequencies,
    cepstra,
    from_bands,
    from_cepstra,
    held,
    stretched,
    to_bands,
)
from myna.audio.matching.vocoder import BINS, RATE

FREQUENCIES = np.linspace(0, RATE / 2, BINS)


def hill(center: float, width: float = 300.0) -> np.ndarray:
    return np.exp(-(((FREQUENCIES - center) / width) ** 2))[None, :]


def test_bands_and_back_keep_what_is_smooth() -> None:
    for center in (600.0, 2_500.0, 7_000.0):
        there = hill(center, 0.4 * center)
        assert from_bands(to_bands(there)) == pytest.approx(there, abs=0.06)
    assert to_bands(np.ones((1, BINS))) == pytest.approx(np.ones((1, BANDS)))


def test_cepstra_know_nothing_of_the_level_and_keep_the_shape() -> None:
    bands = to_bands(hill(1_500.0, 900.0))
    assert cepstra(bands + 7.0) == pytest.approx(cepstra(bands), abs=1e-9)
    assert from_cepstra(cepstra(bands)) == pytest.approx(bands - bands.mean(), abs=0.03)


@pytest.mark.parametrize("factor", [0.88, 1.0, 1.15])
def test_a_resonance_moves_by_the_factor(factor: float) -> None:
    moved = stretched(hill(2_000.0), factor)
    assert FREQUENCIES[int(moved[0].argmax())] == pytest.approx(2_000.0 * factor, abs=25)


def test_a_band_limited_sound_keeps_its_band() -> None:
    flat = np.where(FREQUENCIES < 8_000, 0.0, -20.0)[None, :]
    for factor in (0.88, 1.15):
        moved = stretched(flat, factor, 8_000.0)
        assert moved[0, FREQUENCIES < 7_900].min() > -1e-9
        assert moved[0, FREQUENCIES > 8_100].max() < -19


def test_what_is_unknown_goes_on_as_it_was() -> None:
    bands = np.arange(BANDS, dtype=float)[None, :]
    kept = held(bands, 4_000.0)
    known = band_frequencies() <= 4_000.0
    assert (kept[0, known] == bands[0, known]).all()
    assert kept[0, ~known] == pytest.approx(bands[0, known][-3:].mean())

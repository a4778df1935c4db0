from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myna.audio.matching.fitting import fit, fit_aligned
from myna.audio.matching.spectrum import to_bands
from myna.audio.matching.statistics import audible, long_term
from myna.audio.matching.transform import transformed
from tests.fixtures.speakers import OTHER, TEXT, frames

LONG = f"{TEXT} {OTHER} These days a chicken leg is a rare dish. The box was thrown beside the parked truck."


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """dB between two long-term spectra, levels aside."""
    difference = first - second
    return float(np.sqrt(((difference - difference.mean()) ** 2).mean()) * 10 / np.log(10))


@pytest.mark.parametrize(("formants", "pitch"), [(92, 80), (112, 190)])
def test_the_clone_is_much_nearer_and_as_loud(formants: int, pitch: int) -> None:
    source, target = frames(), frames(formants, pitch, OTHER)
    changed = transformed(source, fit(source, target))
    goal = to_bands(long_term(target)[None, :])[0]
    before, after = (distance(to_bands(long_term(voice)[None, :])[0], goal) for voice in (source, changed))
    assert after < 0.5 * before
    levels = [np.log(np.exp(voice.envelope[audible(source)]).mean()) for voice in (source, changed)]
    assert levels[0] == pytest.approx(levels[1], abs=0.1)


def test_to_itself_there_is_little_to_do() -> None:
    source = frames()
    found = fit(source, source)
    assert found.stretch == 1.0
    assert found.variance == pytest.approx(np.ones(len(found.variance)))
    assert np.abs(transformed(source, found).envelope - source.envelope).max() < 1e-6


def test_words_that_are_known_help() -> None:
    source = frames(text=LONG)
    mean = source.envelope.mean(axis=0)
    target = replace(source, envelope=mean + 0.5 * (source.envelope - mean))
    learned = fit_aligned(source, target, fit(source, target))
    assert learned is not None
    transform, worth = learned
    assert transform.regression is not None
    assert worth.with_regression < 0.87 * worth.without


def test_words_that_help_little_are_not_used() -> None:
    source, target = frames(text=LONG), frames(90, 80, LONG)
    assert fit_aligned(source, target, fit(source, target)) is None


def test_too_little_speech_teaches_nothing() -> None:
    source, target = frames(), frames(110, 170, OTHER)
    short = type(source)(source.pitch[:500], source.envelope[:500], source.aperiodicity[:500])
    assert fit_aligned(short, target, fit(source, target)) is None

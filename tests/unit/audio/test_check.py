from __future__ import annotations

import numpy as np
import pytest

from myna.audio.check import check_audio
from myna.errors import BadAudio

GOOD = np.sin(np.arange(2_400) / 10).astype(np.float32) * np.float32(0.1)


def changed(value: float) -> np.ndarray:
    sound = GOOD.copy()
    sound[7] = value
    return sound


def test_good_sound_passes():
    check_audio(GOOD, 24_000, 24_000)
    check_audio(-np.abs(GOOD), 24_000, 24_000)


@pytest.mark.parametrize(
    ("sound", "rate", "words"),
    [
        (GOOD, 22_050, "22050 samples per second instead of 24000"),
        (GOOD[:0], 24_000, "empty"),
        (GOOD[None], 24_000, "not mono"),
        (changed(np.nan), 24_000, "not numbers"),
        (changed(np.inf), 24_000, "not numbers"),
        (changed(-np.inf), 24_000, "not numbers"),
        (GOOD * 0, 24_000, "silent"),
        (GOOD * np.float32(1e-5), 24_000, "silent"),
    ],
)
def test_bad_sound_is_named(sound: np.ndarray, rate: int, words: str):
    with pytest.raises(BadAudio, match=words):
        check_audio(sound, rate, 24_000)

"""The files of a voice: a preview is kept to the bit."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import NotFound
from myna.media.decode import decode, pcm16
from myna.media.encode import encode
from myna.voices.files import preview_file, read_file, sixteen_bits
from tests.fixtures.cloning import Studio

RATE = 24_000
NUMBERS = st.lists(st.integers(-32_767, 32_767), min_size=1, max_size=200)


@given(NUMBERS)
def test_decoded_samples_become_the_same_bytes_again(numbers: list[int]) -> None:
    heard = np.array(numbers, "<i2").tobytes()
    assert sixteen_bits(pcm16(heard, RATE).samples) == heard


@given(NUMBERS)
def test_a_kept_preview_is_the_one_that_was_heard(numbers: list[int]) -> None:
    heard = np.array(numbers, "<i2").tobytes()
    kept, rate = soundfile.read(io.BytesIO(preview_file((pcm16(heard, RATE).samples, RATE))), dtype="int16")
    assert (kept.astype("<i2").tobytes(), rate) == (heard, RATE)


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_what_we_encode_is_known_again_after_decoding(kind: str) -> None:
    sound = (0.9 * np.sin(np.arange(RATE) / 7)).astype(np.float32)
    samples, _ = decode(encode(sound, RATE, kind))  # type: ignore[arg-type]
    assert sixteen_bits(samples) == encode(sound, RATE, "pcm")


async def test_only_files_of_the_voice_can_be_read(studio: Studio) -> None:
    voice = await studio.clone(studio.ada)
    assert (await read_file(studio.storage, voice, "reference.flac")).startswith(b"fLaC")
    for name in ("preview.wav", "../../secret", "prepared.json/..", ""):
        with pytest.raises(NotFound):
            await read_file(studio.storage, voice, name)

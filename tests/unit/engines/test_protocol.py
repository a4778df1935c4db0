"""Frames: whatever is sent arrives, and nothing else is taken for a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from myna.engines.base import AudioChunk, SynthesisRequest, Word
from myna.engines.protocol import (
    LARGEST_HEADER,
    LENGTHS,
    ProtocolError,
    chunk_from,
    chunk_header,
    frame,
    lengths,
    parse_header,
    payload_of,
    request_from_json,
    request_to_json,
    samples_of,
)
from myna.errors import BadAudio

WORDS = st.builds(Word, st.integers(0, 10**6), st.integers(1, 100), st.floats(0, 10**4))
SAMPLES = arrays.arrays(np.float32, st.integers(0, 200), elements=st.floats(-1, 1, width=32))


def unframe(parts: list[bytes | memoryview]) -> tuple[dict[str, object], bytes]:
    data = b"".join(parts)
    header, payload = lengths(data[: LENGTHS.size])
    text = data[LENGTHS.size : LENGTHS.size + header]
    body = data[LENGTHS.size + header :]
    assert len(body) == payload
    return parse_header(text), body


@given(SAMPLES, st.integers(8_000, 48_000), st.lists(WORDS))
def test_a_chunk_arrives_as_it_was_sent(samples: np.ndarray, rate: int, words: list[Word]) -> None:
    chunk = AudioChunk(samples, rate, tuple(words))
    header, payload = unframe(frame(chunk_header(1, chunk), payload_of(chunk.samples)))
    received = chunk_from(header, payload)
    assert (received.samples == samples).all()
    assert (received.sample_rate, received.words) == (rate, chunk.words)


@given(st.text(min_size=1), st.floats(0.25, 4), st.integers(0, 2**31), st.none() | st.floats(0, 5))
def test_a_request_arrives_as_it_was_sent(text: str, speed: float, seed: int, pause: float | None) -> None:
    request = SynthesisRequest(text, "en-US", {"a": [1, "b"]}, speed=speed, seed=seed, pause_after=pause)
    header, _ = unframe(frame({"type": "synthesize", "request": request_to_json(request)}))
    assert request_from_json(header["request"]) == request  # type: ignore[arg-type]


def test_every_second_sample_is_sent_in_order() -> None:
    assert samples_of(bytes(payload_of(np.arange(10, dtype=np.float32)[::2]))).tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("head", [LENGTHS.pack(LARGEST_HEADER + 1, 0), b"\xff" * LENGTHS.size])
def test_impossible_lengths(head: bytes) -> None:
    with pytest.raises(ProtocolError):
        lengths(head)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"type": 1}', b"\xff\xfe"])
def test_headers_that_are_none(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_header(text)


def test_a_payload_that_is_not_float32() -> None:
    with pytest.raises(ProtocolError):
        samples_of(b"12345")


@pytest.mark.parametrize("samples", [np.zeros((2, 2), np.float32), np.zeros(4, np.int16), np.float32(0)])
def test_sound_that_is_not_mono_float(samples: np.ndarray) -> None:
    with pytest.raises(BadAudio):
        payload_of(samples)

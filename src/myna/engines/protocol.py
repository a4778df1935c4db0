"""What the server and an engine's process say to each other: frames over a pair of pipes.

A frame is the length of its header and the length of its payload (two little-endian unsigned 32-bit numbers), the
header (JSON with a `type`), and the payload (float32 samples of the machine's byte order, or nothing).

To the process: `synthesize` (id, request), `prepare` (id, sample_rate, transcript, language; payload: the reference),
`recognise` (id, sample_rate, request; payload: the sound), `translate` (id, request), `separate` (id, first, last,
stems, of which; payload: a block of stereo sound, `[n, 2]`), `denoise` (id, first, last; payload: a block), `cancel`
(id).
From the process: `ready`, `chunk` (id, sample_rate, words; payload: the samples), `done` (id), `canceled` (id),
`voice` (id, settings), `recognised` (id, language, language_probability, words), `translated` (id, lines),
`separated` (id; payload: the stems that were asked for, `[stems, n, 2]`), `denoised` (id; payload: the samples),
`error` (id, or none while starting; code, message). Every request is answered by any number of `chunk` and exactly one
of the others.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import AudioChunk, Samples, SynthesisRequest, Word
from myna.engines.recognition import HeardWord, Recognised, RecognitionRequest
from myna.engines.translation import TranslationRequest
from myna.errors import BadAudio

LENGTHS = struct.Struct("<II")
LARGEST_HEADER = 8_000_000
LARGEST_PAYLOAD = 1_000_000_000
"""Bytes. Larger lengths mean that something else was written to the pipe."""


class ProtocolError(Exception):
    """What came over the pipe is not a frame."""


def frame(header: dict[str, Any], payload: bytes | memoryview = b"") -> list[bytes | memoryview]:
    """The parts of a frame, to be written one after the other."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return [LENGTHS.pack(len(text), len(payload)) + text, payload]


def lengths(head: bytes) -> tuple[int, int]:
    """Bytes of the header and of the payload that follow."""
    header, payload = LENGTHS.unpack(head)
    if header > LARGEST_HEADER or payload > LARGEST_PAYLOAD:
        raise ProtocolError("A frame has an impossible length.")
    return header, payload


def parse_header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError:
        raise ProtocolError("The header of a frame is not JSON.") from None
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise ProtocolError("The header of a frame has no type.")
    return header


def samples_of(payload: bytes) -> Samples:
    """The samples of a payload, without a copy; they cannot be written to."""
    if len(payload) % 4:
        raise ProtocolError("A payload is not float32.")
    return np.frombuffer(payload, np.float32)


def payload_of(samples: Samples) -> memoryview:
    """The bytes of mono sound. Raises `BadAudio` when an engine returned something else."""
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise BadAudio(
            f"The engine returned sound of shape {samples.shape} and type {samples.dtype}, not mono float32."
        )
    return np.ascontiguousarray(samples, np.float32).data.cast("B")


def check_block(samples: NDArray[np.float32], shape: tuple[int | None, ...]) -> None:
    """Raises `BadAudio` when sound has another shape, in which None may be any number."""
    fits = samples.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, samples.shape, strict=True)
    )
    if not fits or samples.dtype.kind != "f":
        raise BadAudio(f"The engine returned sound of shape {samples.shape} and type {samples.dtype}.")


def block_payload(samples: NDArray[np.float32], shape: tuple[int | None, ...]) -> memoryview:
    """The bytes of sound of a shape. Raises `BadAudio` when it has another one."""
    check_block(samples, shape)
    return memoryview(np.ascontiguousarray(samples, np.float32).tobytes())


def block_header(kind: str, *, first: bool, last: bool, **more: Any) -> dict[str, Any]:
    """A block of a sound that is `separate`d or `denoise`d."""
    return {"type": kind, "first": first, "last": last, **more}


def request_to_json(request: SynthesisRequest) -> dict[str, Any]:
    return {item.name: getattr(request, item.name) for item in dataclasses.fields(request)} | {
        "voice_settings": dict(request.voice_settings)
    }


def request_from_json(data: dict[str, Any]) -> SynthesisRequest:
    return SynthesisRequest(**data)


def chunk_header(number: int, chunk: AudioChunk) -> dict[str, Any]:
    words = [[word.text_position, word.length, word.start] for word in chunk.words]
    return {"type": "chunk", "id": number, "sample_rate": chunk.sample_rate, "words": words}


def chunk_from(header: dict[str, Any], payload: bytes) -> AudioChunk:
    words = tuple(Word(*word) for word in header["words"])
    return AudioChunk(samples_of(payload), int(header["sample_rate"]), words)


def recognition_header(sample_rate: int, request: RecognitionRequest) -> dict[str, Any]:
    return {"type": "recognise", "sample_rate": sample_rate, "request": dataclasses.asdict(request)}


def recognition_from_json(data: dict[str, Any]) -> RecognitionRequest:
    return RecognitionRequest(**data | {"vocabulary": tuple(data["vocabulary"])})


def recognised_header(number: int, found: Recognised) -> dict[str, Any]:
    """Numbers of numpy become plain ones."""
    words = [[word.text, float(word.start), float(word.end), float(word.confidence)] for word in found.words]
    facts = {"language": found.language, "language_probability": float(found.language_probability)}
    return {"type": "recognised", "id": number, "words": words, **facts}


def recognised_from(header: dict[str, Any]) -> Recognised:
    words = tuple(HeardWord(*word) for word in header["words"])
    return Recognised(header["language"], words, header["language_probability"])


def translation_header(request: TranslationRequest) -> dict[str, Any]:
    return {
        "type": "translate",
        "request": {
            "lines": list(request.lines),
            "source": request.source,
            "target": request.target,
            "glossary": dict(request.glossary),
            "seconds": list(request.seconds),
            "shorten": request.shorten,
        },
    }


def translation_from_json(data: dict[str, Any]) -> TranslationRequest:
    return TranslationRequest(**data | {"lines": tuple(data["lines"]), "seconds": tuple(data["seconds"])})

"""The program of a process that reads one file: `python -m myna.media.child SIZE MAX_SECONDS MEMORY CPU WALL PARENT`.

The file comes over standard input. Over standard output go frames: a letter, a length, that many bytes. First `R`
(ready), then `T` (the track as JSON) and `S` (mono float32) until `D` (done) or `E` (why not, as JSON).
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

from myna.errors import UnsupportedMedia
from myna.kit.processes import die_with
from myna.media.confine import confine
from myna.media.decode import open_sound

HEAD = struct.Struct("<cI")
READY, TRACK, SOUND, DONE, REFUSED = b"R", b"T", b"S", b"D", b"E"
BLOCK_BYTES = 256 * 1024
"""Of sound in one frame, nearly."""
_LONGEST_REASON = 500


class Answer:
    """The way back to the server. Whatever else prints to standard output goes to standard error."""

    def __init__(self) -> None:
        self._output: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)

    def send(self, kind: bytes, payload: bytes | bytearray = b"") -> None:
        rest = memoryview(HEAD.pack(kind, len(payload)) + payload)
        while rest:
            rest = rest[self._output.write(rest) :]

    def refuse(self, message: str, reason: str) -> None:
        self.send(REFUSED, json.dumps({"message": message, "reason": reason[:_LONGEST_REASON]}).encode())


def read_aloud(data: bytes, max_seconds: float, answer: Answer) -> None:
    """Answer with what the file holds, or why it is not read."""
    try:
        with open_sound(data) as file:
            answer.send(TRACK, json.dumps(dataclasses.asdict(file.track)).encode())
            for block in _large(file.blocks(max_seconds)):
                answer.send(SOUND, block)
        answer.send(DONE)
    except UnsupportedMedia as error:
        answer.refuse(error.message, str(error.details.get("reason", "")))
    except BrokenPipeError:
        pass
    except Exception as error:
        answer.refuse(UnsupportedMedia().message, f"{type(error).__name__}: {error}")


def _large(blocks: Iterator[bytes]) -> Iterator[bytearray]:
    gathered = bytearray()
    for block in blocks:
        gathered += block
        if len(gathered) >= BLOCK_BYTES:
            yield gathered
            gathered = bytearray()
    if gathered:
        yield gathered


def _load_all() -> None:
    """What PyAV would load when it meets a track of that kind. Later nothing can be loaded any more."""
    import av.audio.codeccontext
    import av.subtitles.codeccontext
    import av.subtitles.stream
    import av.video.codeccontext  # noqa: F401


def main(arguments: Sequence[str]) -> None:
    size, max_seconds, memory_bytes, cpu_seconds, wall_seconds, parent = map(float, arguments)
    signal.alarm(math.ceil(wall_seconds) + 1)  # should the server be gone and the kernel not tell
    die_with(int(parent))
    _load_all()
    answer = Answer()
    given: BinaryIO = os.fdopen(0, "rb")
    in_force = confine(memory_bytes=int(memory_bytes), cpu_seconds=int(cpu_seconds))
    with suppress(BrokenPipeError):
        answer.send(READY, json.dumps(in_force).encode())
        data = given.read(int(size))
        if len(data) == int(size):
            read_aloud(data, max_seconds, answer)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The program of a process that works on one file: `python -m myna.media.child TASK MEMORY CPU WRITES WALL PARENT`.

What to do comes over standard input: a length, that many bytes of JSON, and for `decode` the file itself. Other tasks
name descriptors of files that were handed over open. Over standard output go frames: a letter, a length, that many
bytes. First `R` (ready), then what was asked for: `T` (what was found, as JSON) and `S` (sound), until `D` (done) or
`E` (why not, as JSON).
"""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

from myna.errors import UnsupportedMedia
from myna.kit.processes import die_with, give_way
from myna.media.confine import confine

HEAD = struct.Struct("<cI")
LENGTH = struct.Struct("<I")
READY, FOUND, SOUND, DONE, REFUSED = b"R", b"T", b"S", b"D", b"E"
BLOCK_BYTES = 256 * 1024
"""Of sound in one frame, nearly."""
NO_ROOM = "no room"
"""Kind of a refusal for which neither the file nor the program is to blame."""
_LONGEST_REASON = 500

Details = dict[str, Any]


class Answer:
    """The way back to the server. Whatever else prints to standard output goes to standard error."""

    def __init__(self) -> None:
        self._output: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)

    def send(self, kind: bytes, payload: bytes | bytearray = b"") -> None:
        rest = memoryview(HEAD.pack(kind, len(payload)) + payload)
        while rest:
            rest = rest[self._output.write(rest) :]

    def found(self, document: Details) -> None:
        self.send(FOUND, json.dumps(document).encode())

    def sound(self, blocks: Iterable[bytes]) -> None:
        """In frames that are large enough to be cheap."""
        for block in _large(blocks):
            self.send(SOUND, block)

    def refuse(self, message: str, reason: str, kind: str = "") -> None:
        document = {"message": message, "reason": reason[:_LONGEST_REASON], "kind": kind}
        self.send(REFUSED, json.dumps(document).encode())


def _large(blocks: Iterable[bytes]) -> Iterator[bytearray]:
    gathered = bytearray()
    for block in blocks:
        gathered += block
        if len(gathered) >= BLOCK_BYTES:
            yield gathered
            gathered = bytearray()
    if gathered:
        yield gathered


Task = Callable[[Details, BinaryIO, Answer], None]
"""Does what the details say; the file is what comes over standard input after them."""


def _load_decode() -> Task:
    from myna.media.decode import open_sound

    def decode(details: Details, given: BinaryIO, answer: Answer) -> None:
        data = given.read(details["size"])
        if len(data) < details["size"]:
            raise BrokenPipeError  # the server has gone
        with open_sound(data) as file:
            answer.found(dataclasses.asdict(file.track))
            answer.sound(file.blocks(details["max_seconds"]))

    return decode


def _load_probe() -> Task:
    from myna.media.inside.probe import probe

    return lambda details, _, answer: answer.found(probe(details))


def _load_sound() -> Task:
    from myna.media.inside.sound import blocks, describe, opened_sound

    def sound(details: Details, _: BinaryIO, answer: Answer) -> None:
        with opened_sound(details) as track:
            answer.found(describe(track, details))
            answer.sound(blocks(track, details))

    return sound


def _load_subtitles() -> Task:
    from myna.media.inside.subtitles import subtitles

    return lambda details, _, answer: answer.found({"cues": subtitles(details)})


def _load_digest() -> Task:
    from myna.media.inside.digest import digest

    return lambda details, _, answer: answer.found(digest(details))


def _load_mux() -> Task:
    from myna.media.inside.mux import mux

    return lambda details, _, answer: answer.found(mux(details))


TASKS: dict[str, Callable[[], Task]] = {
    "decode": _load_decode,
    "probe": _load_probe,
    "sound": _load_sound,
    "subtitles": _load_subtitles,
    "digest": _load_digest,
    "mux": _load_mux,
}
"""By name, what loads all that the task needs: later nothing can be loaded any more."""


def work(task: Task, details: Details, given: BinaryIO, answer: Answer) -> None:
    """Answer with what the file holds, or why it is not read."""
    try:
        task(details, given, answer)
        answer.send(DONE)
    except UnsupportedMedia as error:
        answer.refuse(error.message, str(error.details.get("reason", "")))
    except BrokenPipeError:
        pass
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        answer.refuse(UnsupportedMedia().message, f"{type(error).__name__}: {error}", NO_ROOM if full else "")
    except Exception as error:
        answer.refuse(UnsupportedMedia().message, f"{type(error).__name__}: {error}")


def _load_codecs() -> None:
    """What PyAV would load when it meets a track of that kind."""
    import av.audio.codeccontext
    import av.subtitles.codeccontext
    import av.subtitles.stream
    import av.video.codeccontext  # noqa: F401


def _details(given: BinaryIO) -> Details:
    (length,) = LENGTH.unpack(given.read(LENGTH.size))
    details: Details = json.loads(given.read(length))
    return details


def main(arguments: Sequence[str]) -> None:
    name, *numbers = arguments
    memory_bytes, cpu_seconds, written_bytes, wall_seconds, parent = map(float, numbers)
    signal.alarm(math.ceil(wall_seconds) + 1)  # should the server be gone and the kernel not tell
    die_with(int(parent))
    if name != "decode":
        give_way()
    _load_codecs()
    task = TASKS[name]()
    answer = Answer()
    given: BinaryIO = os.fdopen(0, "rb")
    in_force = confine(memory_bytes=int(memory_bytes), cpu_seconds=int(cpu_seconds), written_bytes=int(written_bytes))
    with suppress(BrokenPipeError, struct.error, ValueError):  # the server has gone
        answer.send(READY, json.dumps(in_force).encode())
        work(task, _details(given), given, answer)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

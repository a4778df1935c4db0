"""The program of an engine's process: `python -m myna.engines.child ENGINE PARENT_PID`.

It speaks one request at a time over standard input and output (`protocol.py`). A thread listens meanwhile, so that a
request can be canceled. It ends when the server does. `--describe ENGINE` only prints what the engine can do, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from myna.engines.base import Engine, SynthesisRequest
from myna.engines.denoising import DenoisingEngine
from myna.engines.kinds import AnyEngine
from myna.engines.probing import probe, to_json
from myna.engines.protocol import (
    LENGTHS,
    ProtocolError,
    block_payload,
    check_block,
    chunk_header,
    frame,
    lengths,
    parse_header,
    payload_of,
    recognised_header,
    recognition_from_json,
    request_from_json,
    samples_of,
    translation_from_json,
)
from myna.engines.recognition import RecognitionEngine
from myna.engines.registry import load_engine
from myna.engines.separation import SeparationEngine
from myna.engines.translation import TranslationEngine
from myna.errors import EngineFailed, MynaError, Unsupported
from myna.kit.processes import die_with, give_way

_LAST_SECONDS = 1.0
"""How long the engine may tidy up after the server is gone."""


class Pipe:
    """Both ends of the conversation. Whatever else prints to standard output goes to standard error."""

    def __init__(self) -> None:
        self._output = os.dup(1)
        self._input: BinaryIO = os.fdopen(os.dup(0), "rb")
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def read(self) -> tuple[dict[str, Any], bytes] | None:
        """The next frame; None when the server has closed its end."""
        head = self._input.read(LENGTHS.size)
        if len(head) < LENGTHS.size:
            return None
        header, payload = lengths(head)
        text, body = self._input.read(header), self._input.read(payload)
        return (parse_header(text), body) if len(text) + len(body) == header + payload else None

    def write(self, header: dict[str, Any], payload: memoryview | bytes = b"") -> None:
        parts = [memoryview(part) for part in frame(header, payload) if len(part)]
        while parts:
            written = os.writev(self._output, parts)
            while parts and written >= len(parts[0]):
                written -= len(parts.pop(0))
            if parts:
                parts[0] = parts[0][written:]


class Listener(threading.Thread):
    """Takes frames while the main thread works."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(name="listener", daemon=True)
        self._pipe = pipe
        self.requests: queue.SimpleQueue[tuple[dict[str, Any], bytes] | None] = queue.SimpleQueue()
        self._canceled: set[int] = set()
        self._current: int | None = None
        self._changing = threading.Lock()
        self.interrupt: Callable[[], None] = lambda: None
        """Called when the request in progress is canceled."""
        self.closed = False

    def run(self) -> None:
        with contextlib.suppress(OSError, ProtocolError):
            while received := self._pipe.read():
                if received[0]["type"] == "cancel":
                    self._cancel(received[0]["id"])
                else:
                    self.requests.put(received)
        self.closed = True
        self.requests.put(None)
        time.sleep(_LAST_SECONDS)
        os._exit(0)

    def is_canceled(self, number: int) -> bool:
        return self.closed or number in self._canceled

    def begin(self, number: int) -> None:
        with self._changing:
            self._current = number

    def end(self, number: int) -> None:
        with self._changing:
            self._current = None
            self._canceled.discard(number)

    def _cancel(self, number: int) -> None:
        with self._changing:
            self._canceled.add(number)
            if number == self._current:
                self.interrupt()


class Conversation:
    """Answers the requests of the server with one engine."""

    def __init__(self, engine: AnyEngine, pipe: Pipe, listener: Listener) -> None:
        self._engine = engine
        self._pipe = pipe
        self._listener = listener
        listener.interrupt = engine.interrupt

    def run(self) -> None:
        while received := self._listener.requests.get():
            header, payload = received
            number = int(header["id"])
            self._listener.begin(number)
            try:
                self._answer(number, header, payload)
            except BrokenPipeError:
                return
            except Exception as error:
                self._pipe.write(self._failure(number, error))
            finally:
                self._listener.end(number)

    def _failure(self, number: int, error: Exception) -> dict[str, Any]:
        """What is said instead of an answer. What an interrupted engine raises is no failure."""
        if self._listener.is_canceled(number):
            return {"type": "canceled", "id": number}
        if isinstance(error, MynaError):
            return {"type": "error", "id": number, "code": error.code, "message": error.message}
        traceback.print_exception(error)
        return {"type": "error", "id": number, **_as_engine_failure(self._engine.name, error)}

    def _answer(self, number: int, header: dict[str, Any], payload: bytes) -> None:
        match header["type"], self._engine:
            case "synthesize", Engine() as engine:
                self._speak(number, engine, request_from_json(header["request"]))
            case "prepare", Engine() as engine:
                made = engine.prepare_voice(
                    samples_of(payload), header["sample_rate"], header["transcript"], header["language"]
                )
                self._pipe.write({"type": "voice", "id": number, "settings": made})
            case "recognise", RecognitionEngine() as engine:
                request = recognition_from_json(header["request"])
                heard = engine.recognise(samples_of(payload), header["sample_rate"], request)
                self._pipe.write(recognised_header(number, heard))
            case "translate", TranslationEngine() as engine:
                lines = engine.translate(translation_from_json(header["request"]))
                self._pipe.write({"type": "translated", "id": number, "lines": list(lines)})
            case "separate", SeparationEngine() as engine:
                self._separate(number, engine, header, payload)
            case "denoise", DenoisingEngine() as engine:
                if header["first"]:
                    engine.begin()
                clean = engine.denoise(samples_of(payload), last=header["last"])
                self._pipe.write({"type": "denoised", "id": number}, block_payload(clean, (None,)))
            case asked, engine:
                raise Unsupported(f"The engine `{engine.name}` cannot be asked to {asked}.")

    def _separate(self, number: int, engine: SeparationEngine, header: dict[str, Any], payload: bytes) -> None:
        if header["first"]:
            engine.begin()
        stems = engine.separate(samples_of(payload).reshape(-1, 2), last=header["last"])
        check_block(stems, (len(header["of"]), None, 2))
        wanted = stems[[header["of"].index(name) for name in header["stems"]]]
        self._pipe.write({"type": "separated", "id": number}, block_payload(wanted, wanted.shape))

    def _speak(self, number: int, engine: Engine, request: SynthesisRequest) -> None:
        chunks = engine.synthesize(request)
        try:
            for chunk in chunks:
                if self._listener.is_canceled(number):
                    break
                self._pipe.write(chunk_header(number, chunk), payload_of(chunk.samples))
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        canceled = self._listener.is_canceled(number)
        self._pipe.write({"type": "canceled" if canceled else "done", "id": number})


def _as_engine_failure(name: str, error: Exception) -> dict[str, str]:
    message = f"The engine `{name}` failed: {type(error).__name__}: {error}"
    if isinstance(error, MynaError):
        return {"code": error.code, "message": error.message}
    return {"code": EngineFailed.code, "message": message}


def describe(name: str) -> int:
    """Print what an engine says about itself. What else is printed meanwhile goes to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    found = probe(lambda: load_engine(name), name if ":" not in name else None)
    with os.fdopen(output, "w") as file:
        json.dump(to_json(found), file)
    return 0


def main(arguments: Sequence[str]) -> int:
    if arguments[0] == "--describe":
        return describe(arguments[1])
    name, parent = arguments
    for ignored in (signal.SIGINT, signal.SIGTERM):  # they are for the server, which ends its processes in order
        signal.signal(ignored, signal.SIG_IGN)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    die_with(int(parent))
    pipe = Pipe()
    listener = Listener(pipe)
    listener.start()
    try:
        engine = load_engine(name)()
    except Exception as error:
        traceback.print_exc()
        pipe.write({"type": "error", **_as_engine_failure(name, error)})
        return 1
    if not isinstance(engine, Engine | DenoisingEngine):
        give_way()  # whoever waits for words waits for minutes of sound; speech is answered at once
    pipe.write({"type": "ready"})
    try:
        Conversation(engine, pipe, listener).run()
    finally:
        engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Answers that are spoken while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from myna.errors import MynaError
from myna.http.openai.errors import error_response
from myna.http.openai.mapping import delta_event, done_event, error_event, usage

if TYPE_CHECKING:
    from myna.speech.stream import SpeechStream


log = structlog.get_logger("myna.http")


class SpeechResponse(Response):
    """Sends a stream of speech, and ends the speaking as soon as the client has gone."""

    def __init__(self, stream: SpeechStream, pieces: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        self._stream = stream
        self._pieces = pieces
        self.status_code = 200
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        speaking = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done():
                speaking.result()
        finally:
            for task in (speaking, leaving):
                task.cancel()
            await asyncio.gather(speaking, leaving, return_exceptions=True)
            await self._stream.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._pieces:
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def audio_response(stream: SpeechStream) -> Response:
    """The encoded sound. When it breaks off, so does the connection: it never looks complete."""
    return SpeechResponse(stream, aiter(stream), {"content-type": stream.media_type})


def event_response(stream: SpeechStream, text: str) -> Response:
    """Server-sent events with the encoded sound in base64; a failure is an event too."""
    headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    return SpeechResponse(stream, _events(stream, text), headers)


async def _events(stream: SpeechStream, text: str) -> AsyncIterator[bytes]:
    try:
        async for piece in stream:
            if piece:
                yield delta_event(piece)
    except Exception as error:
        if not isinstance(error, MynaError):
            log.exception("openai.stream_failed")
        yield error_event(bytes(error_response(error if isinstance(error, MynaError) else MynaError()).body))
        return
    yield done_event(usage(text, stream.seconds))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

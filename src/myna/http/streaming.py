"""Answers that are spoken while they are sent, and spoken no further when the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from myna.errors import MynaError
from myna.kit.finishing import to_the_end

if TYPE_CHECKING:
    from myna.speech.stream import SpeechStream


IntoFile = Callable[[bytes], bytes]
"""Makes the file that is sent from all that was spoken."""


class ClientLeft(MynaError):
    """The client left before there was anything to hear."""

    code = "client_left"
    status = 499  # as many servers log it; nobody gets it


async def opened(request: Request, opening: Coroutine[Any, Any, SpeechStream]) -> SpeechStream:
    """The stream that `opening` gives, while the client waits for it. Raises `ClientLeft` and what `opening` raises."""
    stream = asyncio.create_task(opening)
    leaving = asyncio.create_task(client_leaves(request.receive))
    try:
        await asyncio.wait({stream, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not stream.done():
            raise ClientLeft
        return stream.result()
    except BaseException:
        await to_the_end(_close(stream))
        raise
    finally:
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)


class SpeechResponse(Response):
    """Sends a stream of speech, and ends the speaking as soon as the client has gone.

    When the speaking breaks off, so does the connection: the answer never looks complete.
    """

    def __init__(self, stream: SpeechStream, pieces: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        self._stream = stream
        self._pieces = pieces
        self.status_code = 200
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        speaking = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(client_leaves(receive))
        try:
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done():
                speaking.result()
        finally:
            await to_the_end(self._stop(speaking, leaving))

    async def _stop(self, *tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stream.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._pieces:
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class WholeSpeechResponse(SpeechResponse):
    """Sends speech in one piece when all of it is there. Until then whatever goes wrong is a proper answer."""

    def __init__(
        self, stream: SpeechStream, pieces: AsyncIterator[bytes], headers: Mapping[str, str], into_file: IntoFile
    ) -> None:
        super().__init__(stream, pieces, headers)
        self._into_file = into_file

    async def _send(self, send: Send) -> None:
        content = self._into_file(b"".join([piece async for piece in self._pieces]))
        self.headers["content-length"] = str(len(content))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})


async def client_leaves(receive: Receive) -> None:
    """Ends when it has. To be asked when the whole body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _close(opening: asyncio.Task[SpeechStream]) -> None:
    """Whatever becomes of it."""
    opening.cancel()
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().aclose()

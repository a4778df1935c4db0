"""OpenAI's two forms of an answer that is spoken while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog
from starlette.responses import Response

from myna.errors import MynaError
from myna.http.openai.errors import error_response
from myna.http.openai.mapping import delta_event, done_event, error_event, usage
from myna.http.streaming import SpeechResponse

if TYPE_CHECKING:
    from myna.speech.stream import SpeechStream

log = structlog.get_logger("myna.http")


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

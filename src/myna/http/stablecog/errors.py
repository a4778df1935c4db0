"""Stablecog's errors: its words, its statuses, and the two answers of its router."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.responses import Response

from myna.errors import (
    AccountBanned,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    NotFound,
    QueueFull,
    RateLimited,
    TextTooLong,
    Unauthorized,
    VoiceNotFound,
)
from myna.http.errors import retry_headers
from myna.http.stablecog import wire

log = structlog.get_logger(__name__)

UNKNOWN_ERROR = "An unknown error has occured"
"""Written as the vendor writes it."""


class Answer(Response):
    """JSON as Stablecog sends it."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        return wire.encode(content)


class StablecogError(MynaError):
    """An answer other than 200."""

    def __init__(self, status_code: int, error: str, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.status_code = status_code
        self.settings = settings
        """How the failed voiceover was asked for; only failures of the worker have it."""

    def answer(self) -> Response:
        body: dict[str, Any] = {"error": self.message}
        if self.settings is not None:
            body["settings"] = self.settings
        return Answer(body, self.status_code)


def plain_text(status_code: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        f"{text}\n",
        status_code,
        {"X-Content-Type-Options": "nosniff", **(headers or {})},
        media_type="text/plain; charset=utf-8",
    )


def too_many_requests(headers: Mapping[str, str] | None = None) -> Response:
    return plain_text(429, "Too Many Requests", {"Retry-After": "1", **(headers or {})})


_WORDS: tuple[tuple[type[MynaError], int, str], ...] = (
    (wire.Undecodable, 400, "json_parse_error"),
    (Unauthorized, 401, "Unauthorized"),
    (AccountBanned, 403, "user_banned"),
    (InsufficientCredits, 400, "insufficient_credits"),
    (QueueFull, 400, "queue_limit_reached"),
    (VoiceNotFound, 400, "invalid_speaker_id"),
    (TextTooLong, 400, "prompt_too_long"),
)


def translate(error: MynaError) -> StablecogError:
    """Our error in Stablecog's words; where it has none, refusals keep our code and failures are unknown errors."""
    if isinstance(error, StablecogError):
        return error
    for known, status_code, word in _WORDS:
        if isinstance(error, known):
            return StablecogError(status_code, word)
    if isinstance(error, InvalidRequest) and error.field == "text":
        return StablecogError(400, "prompt_required")
    if error.status < 500:
        return StablecogError(error.status, error.code)
    return StablecogError(error.status, UNKNOWN_ERROR)


def error_response(error: MynaError) -> Response:
    """The answer to any error. Three are not JSON: the limiter's, and what the router says itself."""
    if isinstance(error, MethodNotAllowed):
        return Response(status_code=405)
    if isinstance(error, NotFound) and not isinstance(error, VoiceNotFound):
        return plain_text(404, "404 page not found")
    if isinstance(error, RateLimited) and not isinstance(error, QueueFull):
        return too_many_requests(retry_headers(error))
    answer = translate(error).answer()
    answer.headers.update(retry_headers(error) if answer.status_code == error.status else {})
    return answer


@asynccontextmanager
async def trouble_as(text: str) -> AsyncIterator[None]:
    """Whatever nobody expected inside, such as a database that is away, is answered with 500 and `text`."""
    try:
        yield
    except StablecogError:
        raise
    except MynaError as error:
        if error.status < 500:
            raise
        log.error("stablecog.failed", code=error.code, reason=error.message)
        raise StablecogError(500, text) from error
    except Exception as error:
        log.exception("stablecog.failed")
        raise StablecogError(500, text) from error

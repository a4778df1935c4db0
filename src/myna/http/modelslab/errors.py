"""Errors as ModelsLab sends them: `{"status": "error", "message": "…"}`. https://docs.modelslab.com/error-codes

By default with the documented status; with `MYNA_MODELSLAB_LEGACY_STATUS=on` with 200, as the live service long did.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myna.errors import (
    Forbidden,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    QueueFull,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)
from myna.http.errors import retry_headers
from myna.kit import clock
from myna.settings import Settings

WRONG_KEY = "Invalid API key"
BAD_JSON_TIP = (
    "1. Make sure you are passing Content-Type: application/json in header. "
    "2. Make sure you are doing POST request with valid JSON. "
    "3. Make sure your JSON does not have error, use jsonlint to validate json array."
)
NO_CREDITS = "Insufficient credits. Please add more credits to continue."
BROKEN = "Internal server error. Please try again."
AWAY = "Service temporarily unavailable. Please try again later."
QUEUE_RETRY_SECONDS = 30

_OUR_FIELDS = {
    "text": "prompt",
    "voice": "voice_id",
    "engine": "voice_model",
    "source": "init_video",
    "source_url": "init_video",
    "source_language": "source_lang",
    "target_language": "output_lang",
    "target_languages": "output_lang",
    "avatar_url": "thumbnail",
    "speakers": "num_speakers",
}
"""Our names of fields that the vendor names otherwise."""


class BadBody(InvalidRequest):
    """Invalid API Request"""


class FeatureNotAvailable(Forbidden):
    """Feature not available"""


class KeyMissing(Unauthorized):
    """API key required"""


class JobFailed(MynaError):
    """Failed, Try Again"""

    code = "job_failed"


def error_response(error: MynaError) -> Response:
    """The answer to any error, with the documented status."""
    headers = retry_headers(error)
    if isinstance(error, RateLimited):
        headers |= _wait_headers(_wait_seconds(error))
    if isinstance(error, MethodNotAllowed) and (allow := error.details.get("allow")):
        headers["Allow"] = allow
    return JSONResponse(error_body(error), status_of(error), headers)


def status_of(error: MynaError) -> int:
    if isinstance(error, UnsupportedMedia):
        return 400
    return error.status


def error_body(error: MynaError) -> dict[str, Any]:
    """`message` is always a string; `errors` has it by field, where one is at fault."""
    body: dict[str, Any] = {"status": "error", "message": _message(error)}
    match error:
        case BadBody():
            body["tip"] = BAD_JSON_TIP
        case InvalidRequest() if error.field:
            body["errors"] = {vendor_field(error.field): [body["message"]]}
        case RateLimited():
            body["retry_after"] = _wait_seconds(error)
    return body


def vendor_field(field: str) -> str:
    return _OUR_FIELDS.get(field, field)


def _message(error: MynaError) -> str:
    match error:
        case KeyMissing() | JobFailed():
            return error.message
        case Unauthorized():
            return WRONG_KEY
        case InsufficientCredits():
            return NO_CREDITS
        case QueueFull() if limit := error.details.get("limit"):
            return f"Rate limit exceeded. Maximum {limit} queued requests allowed."
        case RateLimited():
            return f"Rate limit exceeded. {error.message}"
        case Unavailable():
            return f"{AWAY} ({error.message})"
        case _:
            return error.message if error.status < 500 else BROKEN


def _wait_seconds(error: RateLimited) -> int:
    return QUEUE_RETRY_SECONDS if isinstance(error, QueueFull) else math.ceil(max(1.0, error.retry_after))


def _wait_headers(seconds: int) -> dict[str, str]:
    """The vendor's command line heeds the second, a moment in Unix time."""
    return {"Retry-After": str(seconds), "X-RateLimit-Reset": str(math.ceil(clock.now().timestamp()) + seconds)}


class LegacyStatus:
    """The outermost layer in legacy mode: every refusal has the status 200, and a fault of a field is an object."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, _rewriting(send))


def surround(app: ASGIApp, settings: Settings) -> ASGIApp:
    return LegacyStatus(app) if settings.modelslab_legacy_status == "on" else app


def _rewriting(send: Send) -> Callable[[Message], Any]:
    """Holds back the head of a refusal until its body is there: refusals are short and come in one piece."""
    held: Message | None = None

    async def rewritten(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and message["status"] >= 400:
            held = message
            return
        if held is not None:
            body = _legacy_body(message.get("body", b""))
            others = [pair for pair in held.get("headers", ()) if pair[0].lower() != b"content-length"]
            headers = [*others, (b"content-length", str(len(body)).encode())]
            await send({**held, "status": 200, "headers": headers})
            held, message = None, {**message, "body": body}
        await send(message)

    return rewritten


def _legacy_body(body: bytes) -> bytes:
    try:
        said = json.loads(body)
        faults = said.pop("errors", None)
    except (ValueError, AttributeError):
        return body
    if faults:
        said["message"] = {field: [_legacy_words(field, fault) for fault in found] for field, found in faults.items()}
    return json.dumps(said).encode()


def _legacy_words(field: str, words: str) -> str:
    return f"The {field.replace('_', ' ')} field is required." if words == f"{field} is required" else words

"""Errors as Magic Hour sends them: `{"code": …, "message": …}`."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from myna.errors import (
    BodyTooLarge,
    Forbidden,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    NotFound,
    RateLimited,
    TextTooLong,
    Unauthorized,
    Unavailable,
    VoiceNotFound,
)
from myna.http.errors import retry_headers

OUR_FIELDS = frozenset({"text", "language", "speed"})
"""Fields of our speech request, not of the vendor's: the request is well formed, but cannot be spoken."""


class UnprocessableEntity(MynaError):
    """The request is well formed, and cannot be done."""

    code = "unprocessable_entity"
    status = 422


def error_response(error: MynaError) -> Response:
    """The answer to a request that failed. 401 and 404 have one message each, which clients compare."""
    status, code, message = translate(error)
    return JSONResponse({"code": code, "message": message}, status, retry_headers(error))


def translate(error: MynaError) -> tuple[int, str, str]:
    """Status, code and message."""
    match error:
        case Unauthorized():
            return 401, "unauthorized", "Unauthorized"
        case InsufficientCredits():
            return 402, "insufficient_credits", "Payment required"
        case VoiceNotFound() | TextTooLong():
            return 400, "invalid_request", error.message
        case NotFound() | MethodNotAllowed():
            return 404, "not_found", "Not Found"
        case RateLimited():
            return 429, "rate_limit_exceeded", "Too Many Requests"
        case InvalidRequest() if error.field in OUR_FIELDS:
            return 422, "unprocessable_entity", "Unable to generate speech"
        case InvalidRequest() | BodyTooLarge():
            return error.status, "invalid_request", error.message
        case Forbidden() | Unavailable():
            return error.status, error.code, error.message
        case _ if error.status in (409, 422):
            return error.status, error.code, error.message
    return 500, "internal_server_error", "Internal Server Error"


def first_fault(error: ValidationError) -> InvalidRequest:
    """The first fault of a body, with the name of the field: `style.prompt: String should have …`."""
    fault = error.errors(include_url=False, include_context=False)[0]
    if fault["type"] == "json_invalid":
        return InvalidRequest(f"The request body is not valid JSON: {fault['msg'].removeprefix('Invalid JSON: ')}")
    field = _path(fault["loc"])
    if not field:
        return InvalidRequest("The request body must be a JSON object")
    return InvalidRequest(f"{field}: {fault['msg'].removeprefix('Value error, ')}", field=field)


def _path(location: tuple[int | str, ...]) -> str:
    """`("items", 0, "type")` as JavaScript writes it: `items[0].type`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")

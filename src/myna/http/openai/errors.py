"""OpenAI's error body: `{"error": {"message", "type", "param", "code"}}`, all four keys always."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import JSONResponse, Response

from myna.errors import (
    Conflict,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    QueueFull,
    RateLimited,
    RequestInProgress,
    Unauthorized,
    VoiceNotFound,
)
from myna.http.errors import retry_headers

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_PARAMETERS = {"text": "input", "voice_id": "voice", "format": "response_format", "language": "input"}
"""Our names of fields, in OpenAI's words."""
_REASONS = {
    "missing": "missing_required_parameter",
    "string_too_long": "string_above_max_length",
    "string_too_short": "string_below_min_length",
    "literal_error": "invalid_value",
    "greater_than_equal": "decimal_below_min_value",
    "less_than_equal": "decimal_above_max_value",
    "extra_forbidden": "unknown_parameter",
}
"""Pydantic's types of faults, as OpenAI's codes; the rest are `invalid_type`."""


_VOICE_FORMS = ("voice name", "voice reference")
"""Parts of a fault's location that are not in the client's body."""


class RefusedParameter(InvalidRequest):
    """A parameter of the request is not valid."""

    def __init__(self, message: str, *, field: str | None, reason: str) -> None:
        super().__init__(message, field=field)
        self.reason = reason
        """OpenAI's code for what is wrong."""


class ModelNotFound(MynaError):
    """There is no such model."""

    code = "model_not_found"
    status = 404


def error_response(error: MynaError) -> Response:
    """Any error, as OpenAI's SDKs understand it. `x-should-retry` keeps them from doing work twice."""
    status = _status(error)
    body = {"message": error.message, "type": _type(error, status), "param": _param(error), "code": _code(error)}
    return JSONResponse({"error": body}, status, _headers(error, status))


def refused(error: ValidationError) -> RefusedParameter:
    """The first fault of a body, with the name of its parameter."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return RefusedParameter("We could not parse the JSON body of your request.", field=None, reason="invalid_json")
    return _of_fault(first)


def _of_fault(fault: ErrorDetails) -> RefusedParameter:
    path = [str(part) for part in fault["loc"] if part not in _VOICE_FORMS]
    parameter = ".".join(path) or None
    reason = _REASONS.get(fault["type"], "invalid_type")
    if reason == "missing_required_parameter":
        message = f"Missing required parameter: '{parameter}'."
    else:
        message = f"Invalid '{parameter}': {fault['msg']}." if parameter else f"{fault['msg']}."
    return RefusedParameter(message, field=parameter, reason=reason)


def _status(error: MynaError) -> int:
    if isinstance(error, InsufficientCredits):
        return 429
    return 400 if isinstance(error, VoiceNotFound) else error.status


def _type(error: MynaError, status: int) -> str:
    if isinstance(error, InsufficientCredits):
        return "insufficient_quota"
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def _param(error: MynaError) -> str | None:
    if isinstance(error, VoiceNotFound):
        return "voice"
    if isinstance(error, RefusedParameter):
        return error.field
    field = error.field if isinstance(error, InvalidRequest) else None
    return _PARAMETERS.get(field, field) if field else None


def _code(error: MynaError) -> str:
    if isinstance(error, RefusedParameter):
        return error.reason
    if isinstance(error, RateLimited) and not isinstance(error, QueueFull):
        return "rate_limit_exceeded"
    if isinstance(error, InsufficientCredits):
        return "insufficient_quota"
    if isinstance(error, MethodNotAllowed):
        return "method_not_supported"
    return "invalid_api_key" if isinstance(error, Unauthorized) else error.code


def _headers(error: MynaError, status: int) -> dict[str, str]:
    headers = retry_headers(error)
    if isinstance(error, RequestInProgress):
        headers["x-should-retry"] = "true"
    elif isinstance(error, InsufficientCredits | Conflict) or status in (409, 500):
        headers["x-should-retry"] = "false"
    if isinstance(error, MethodNotAllowed) and (allow := error.details.get("allow")):
        headers["Allow"] = allow
    return headers

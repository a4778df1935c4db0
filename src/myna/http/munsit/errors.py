"""Errors as Munsit sends them: `{"errorCode": 40001, "errorMessage": "…"}`; the first three digits are the status."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from myna.errors import (
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    Unauthorized,
    UnsupportedMedia,
    VoiceNotFound,
)
from myna.http.errors import retry_headers

WALLET_CREDITS_PER_DOLLAR = 20_000
"""Of the vendor's plan Pro: $10 are 200,000."""
NO_KEY = "Invalid or missing API key"
NO_VOICE = "Voice not found"
NO_BALANCE = "Insufficient wallet balance"
_FIELDS_OF_A_VOICE = frozenset({"name", "description", "gender", "age", "languages", "dialects", "avatar_url"})
"""Of these our messages say what is wrong, and leave it to the API to say with what."""
_FINEST = Decimal("0.000001")
"""Dollars. The price of one character is a hundred of these."""


class ModelNotFound(InvalidRequest):
    """There is no such model."""


class WalletTooLow(InsufficientCredits):
    """The balance does not cover the price, with both in dollars."""


class PreviewFailed(MynaError):
    """Failed to generate voice preview"""

    code = "preview_failed"


def error_response(error: MynaError) -> Response:
    """The answer to any error."""
    headers = retry_headers(error)
    if isinstance(error, MethodNotAllowed) and (allow := error.details.get("allow")):
        headers["Allow"] = allow
    return JSONResponse(error_body(error), _status(error), headers)


def error_body(error: MynaError) -> dict[str, Any]:
    return {"errorCode": _status(error) * 100 + 1, "errorMessage": _message(error)}


def wallet_too_low(error: InsufficientCredits, millicredits_per_wallet_credit: int) -> WalletTooLow:
    """The same in dollars: what is needed is rounded up, what is there is rounded down."""
    each = millicredits_per_wallet_credit * WALLET_CREDITS_PER_DOLLAR
    required = _dollars(error.details["needed"], each, ROUND_UP)
    available = _dollars(error.details["balance"], each, ROUND_DOWN)
    return WalletTooLow(f"{NO_BALANCE}. Required: ${required}, Available: ${available}")


def _dollars(millicredits: int, each: int, rounding: str) -> str:
    """At least two digits after the point, and more when they are not zero."""
    amount = (Decimal(millicredits) / Decimal(max(1, each))).quantize(_FINEST, rounding)
    whole, _, rest = f"{amount:f}".partition(".")
    return f"{whole}.{rest.rstrip('0'):0<2}"


def _status(error: MynaError) -> int:
    return 400 if isinstance(error, UnsupportedMedia) else error.status


def _message(error: MynaError) -> str:
    match error:
        case Unauthorized():
            return NO_KEY
        case VoiceNotFound():
            return NO_VOICE
        case WalletTooLow():
            return error.message
        case InsufficientCredits():
            return NO_BALANCE
        case InvalidRequest() if error.field in _FIELDS_OF_A_VOICE and error.field not in error.message:
            return f"{error.field}: {error.message}"
    return error.message


def first_fault(error: ValidationError, messages: dict[str, str]) -> InvalidRequest:
    """The first fault of a JSON body: the vendor's message for the field where there is one."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if fault["type"] in ("json_invalid", "model_type"):
        return InvalidRequest("The body must be a JSON object")
    field = ".".join(str(part) for part in fault["loc"])
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return InvalidRequest(f"{field} cannot be set", field=field)
    message = messages.get(field) or messages.get(name) or f"{field}: {fault['msg'].removeprefix('Value error, ')}"
    return InvalidRequest(message, field=field or None)

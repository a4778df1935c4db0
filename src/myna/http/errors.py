"""How errors become answers. Every API has its own body; which error it is, is decided once, here."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from myna.errors import (
    BodyTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    NotFound,
    RateLimited,
    Unavailable,
    VoiceNotFound,
)
from myna.http.context import context_of

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

ErrorResponse = Callable[[MynaError], Response]
"""Turns an error into the body of one vendor. It adds `retry_headers(error)` or what the vendor sends instead."""


def retry_headers(error: MynaError) -> dict[str, str]:
    """`Retry-After` for errors that pass by themselves, in whole seconds, at least 1."""
    if isinstance(error, RateLimited | Unavailable):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    return {"Retry-After": "1"} if error.retryable and error.status == 409 else {}


def install_error_handlers(app: FastAPI, respond: ErrorResponse) -> None:
    """Make every error of an API, also unknown paths and methods, come out in that API's own body.

    Unexpected exceptions are answered with `respond(MynaError())`; the layer around the API logs them.
    """

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, MynaError)
        if isinstance(error, InvalidRequest | VoiceNotFound):
            context_of(request.scope).executed = False
        return respond(error)

    async def validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(invalid_request(error))

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(http_error(error) if error.status_code != 405 else MethodNotAllowed(allow=_methods(request)))

    app.add_exception_handler(MynaError, ours)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, routing)
    install_last_resort(app, respond)


def install_last_resort(app: FastAPI, respond: ErrorResponse) -> None:
    """Without this, the framework answers an unexpected exception in words of its own."""

    async def unexpected(_: Request, error: Exception) -> Response:
        return respond(error if isinstance(error, MynaError) else MynaError())

    app.exception_handlers.setdefault(Exception, unexpected)


def _methods(request: Request) -> str:
    """Those of all routes of the path; the framework names those of the first one only."""

    def takes(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(filter(takes, _METHODS))


def invalid_request(error: RequestValidationError) -> InvalidRequest:
    """The first fault that FastAPI found, in words, with the field's dotted path."""
    faults = error.errors()
    if not faults:
        return InvalidRequest()
    first = faults[0]
    if first["type"] == "json_invalid":
        return InvalidRequest("The body is not valid JSON.")
    if first["type"] in ("model_attributes_type", "missing") and first["loc"] == ("body",):
        return InvalidRequest("The body must be a JSON object, sent with `Content-Type: application/json`.")
    field = ".".join(str(part) for part in first["loc"][1:])
    return InvalidRequest(f"{field}: {first['msg']}" if field else str(first["msg"]), field=field or None)


def http_error(error: HTTPException) -> MynaError:
    """Our error for one that the framework raised."""
    if error.status_code == 404:
        return NotFound("There is no such path.")
    if error.status_code == 405:
        return MethodNotAllowed(allow=(error.headers or {}).get("Allow", ""))
    if error.status_code == 413:
        return BodyTooLarge()
    if error.status_code < 500:
        return InvalidRequest(str(error.detail))
    return MynaError()

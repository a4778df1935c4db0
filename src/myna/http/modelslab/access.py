"""Who asks, and for what: the key in the body, in the header `key`, or as a bearer key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import HTTPConnection, Request

from myna.accounts.schemas import Caller
from myna.errors import AccountBanned, Unauthorized
from myna.http.auth import authenticate, authorize, bearer, header
from myna.http.middleware import body_of
from myna.http.modelslab.errors import BadBody, KeyMissing
from myna.http.modelslab.fields import Fields

if TYPE_CHECKING:
    from myna.http.services import Services

log = structlog.get_logger("myna.http")

_PARSED = "myna.modelslab.body"


def read_key(request: HTTPConnection) -> str | None:
    """In this order; None also when the body cannot be read."""
    try:
        named = parsed_body(request).get("key")
    except BadBody:
        named = None
    if isinstance(named, str) and named.strip():
        return named.strip().encode(errors="replace").decode()  # half a character makes a wrong key, not a fault
    return header("key")(request) or bearer(request)


def parsed_body(request: HTTPConnection) -> dict[str, Any]:
    """The JSON object of a request, whatever its Content-Type. Raises `BadBody`."""
    if _PARSED not in request.scope:
        body = body_of(request.scope)
        request.scope[_PARSED] = _parse(body.bytes() if body else b"")
    parsed: dict[str, Any] | None = request.scope[_PARSED]
    if parsed is None:
        raise BadBody
    return parsed


async def asking(request: Request, services: Services) -> tuple[Caller, Fields]:
    """For reading: it is never throttled, the clients poll. Raises `BadBody`, `Unauthorized`, `AccountBanned`."""
    fields = Fields(parsed_body(request))
    caller = await authenticate(request, services, required_key)
    if caller.account.banned:
        raise AccountBanned
    return caller, fields


async def ordering(request: Request, services: Services) -> tuple[Caller, Fields]:
    """For work. Raises what `asking` raises, and `RateLimited`."""
    fields = Fields(parsed_body(request))
    return await authorize(request, services, required_key), fields


async def anybody(request: Request, services: Services) -> Caller | None:
    """The caller when there is a valid key."""
    if read_key(request) is None:
        return None
    try:
        caller = await authenticate(request, services, read_key)
    except Unauthorized:
        return None
    return None if caller.account.banned else caller


def required_key(request: HTTPConnection) -> str:
    """Raises `KeyMissing`."""
    key = read_key(request)
    if key is None:
        raise KeyMissing
    return key


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None

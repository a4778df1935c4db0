"""Who may ask: the key in `x-api-key`, and JSON bodies that are read after it was checked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection, Request

from myna.accounts.schemas import Caller
from myna.http.auth import authorize, bearer, header
from myna.http.context import context_of
from myna.http.munsit.errors import first_fault
from myna.http.munsit.mapping import Addresses
from myna.kit import clock

if TYPE_CHECKING:
    from myna.http.services import Services

KEY_HEADER = "x-api-key"

Body = TypeVar("Body", bound=BaseModel)


def read_key(request: HTTPConnection) -> str | None:
    """`x-api-key`. A bearer token is no key here; a second key that differs makes it doubtful who asks."""
    keys = {key.strip() for key in request.headers.getlist(KEY_HEADER)}
    others = {bearer(request), header("xi-api-key")(request)} - {None}
    return keys.pop() or None if len(keys) == 1 and others <= keys else None


async def authorized(request: HTTPConnection, services: Services) -> Caller:
    """Raises `Unauthorized`, `AccountBanned`, `RateLimited`."""
    return await authorize(request, services, read_key)


async def read_json(request: Request, model: type[Body], messages: dict[str, str]) -> Body:
    """Any Content-Type is fine. Raises `InvalidRequest`."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise first_fault(error, messages) from None


def addresses(request: Request, services: Services) -> Addresses:
    expires_at = clock.now() + timedelta(seconds=services.settings.link_seconds)
    return Addresses(services.links, services.base_url(request), context_of(request.scope).prefix, expires_at)

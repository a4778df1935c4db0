"""Routes that need a key: it is checked before anything of the request is read or validated."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from myna.accounts.schemas import Caller
from myna.http.auth import authorize
from myna.http.context import context_of

if TYPE_CHECKING:
    from myna.http.services import Services

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def keyed_route(services: Services) -> type[APIRoute]:
    """A class of routes for callers with a valid key."""

    class KeyedRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def checked(request: Request) -> Response:
                await authorize(request, services)
                return await handle(request)

            return checked

    return KeyedRoute


def caller_of(request: Request) -> Caller:
    """Who was let in."""
    caller = context_of(request.scope).caller
    assert caller is not None, "the route is not a keyed one"
    return caller

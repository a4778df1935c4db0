"""What stands before each path: the key and the rate limit, in Stablecog's order.

As in the vendor's router they also stand before other methods and longer paths: `GET …/create` without a key is 401.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from myna.errors import MynaError
from myna.http.auth import authenticate, client_address
from myna.http.context import context_of
from myna.http.services import Services
from myna.http.stablecog.errors import UNKNOWN_ERROR, error_response, too_many_requests, trouble_as
from myna.http.stablecog.limits import CREATES, READS, RateLimiter

CREATE = "/v1/audio/voiceover/create"
OUTPUTS = "/v1/audio/voiceover/outputs"
MODELS = "/v1/audio/voiceover/models"
DEFAULTS = "/v1/audio/voiceover/defaults"
CREDITS = "/v1/credits"

Guard = Callable[[Request], Awaitable[Response | None]]
"""Lets a request through, or answers it."""


def read_key(request: HTTPConnection) -> str | None:
    """What follows `Bearer `, which must come exactly once and in this case; what stands before it does not matter."""
    parts = request.headers.get("authorization", "").split("Bearer ")
    return parts[1] if len(parts) == 2 else None


class Guards:
    """ASGI middleware of the Stablecog API."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._limiter = RateLimiter() if services.settings.rate_limits == "on" else None
        self._guards: dict[str, tuple[Guard, ...]] = {
            CREATE: (self._check_key, self._limit_creates),
            OUTPUTS: (self._limit_reads, self._check_key),
            CREDITS: (self._limit_reads, self._check_key),
            MODELS: (self._limit_reads,),
            DEFAULTS: (self._limit_reads,),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        for guard in self._standing_before(scope["path"]):
            if answer := await guard(request):
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _standing_before(self, path: str) -> tuple[Guard, ...]:
        for prefix, guards in self._guards.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                return guards
        return ()

    async def _check_key(self, request: Request) -> Response | None:
        try:
            async with trouble_as(UNKNOWN_ERROR):
                await authenticate(request, self._services, read_key)
        except MynaError as error:
            return error_response(error)
        return None

    async def _limit_creates(self, request: Request) -> Response | None:
        caller = context_of(request.scope).caller
        is_admin = caller is not None and caller.account.role == "admin"
        return self._limit(request, CREATES, None if is_admin else client_address(request))

    async def _limit_reads(self, request: Request) -> Response | None:
        return self._limit(request, READS, client_address(request))

    def _limit(self, request: Request, per_second: int, address: str | None) -> Response | None:
        if self._limiter is None:
            return None
        verdict = self._limiter.ask(address, per_second)
        context = context_of(request.scope)
        for name, value in verdict.headers.items():
            context.add_header(name, value)
        return None if verdict.allowed else too_many_requests()

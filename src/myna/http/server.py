"""The door: which API answers a request, and what is done for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import ModuleType

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from myna.http.auth import KeyReader, authorize, bearer
from myna.http.context import context_of
from myna.http.errors import ErrorResponse, install_last_resort
from myna.http.idempotency import Idempotency
from myna.http.middleware import BodyLimit, ErrorGuard, Forms, RequestFrame
from myna.http.services import Services
from myna.http.sockets import SocketFrame, refuse
from myna.settings import Settings

Lifespan = Callable[[], AbstractAsyncContextManager[None]]

VENDORS = ("stablecog", "modelslab", "magichour", "munsit", "openai")

_EXPOSED_HEADERS = (
    "x-request-id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Idempotent-Replayed",
    "Content-Disposition",
    "Content-Range",
    "Link",
    "Location",
)


@dataclass(frozen=True, slots=True)
class Facade:
    """One API, and how the layers around it speak in its words."""

    name: str
    app: ASGIApp
    owned_paths: tuple[str, ...]
    """Path prefixes, by whole segments, that belong to it at the root of the server."""
    error_response: ErrorResponse
    read_key: KeyReader = bearer
    key_header: str = ""
    """A header that only its clients send: what they ask of a path that nobody owns is answered in its words."""
    prefix: str = ""
    """Where all of it is found besides, such as `/openai`; taken off before it sees the path."""
    recordings: Mapping[str, int] = field(default_factory=dict)
    """How many recordings the forms of its paths may hold. A form for any other path may be as large as JSON."""
    encoded: Mapping[str, int] = field(default_factory=dict)
    """How many recordings the JSON of its paths may hold, as base64."""
    films_in_json: frozenset[str] = frozenset()
    """Paths whose JSON may hold a film, and whose key is in the head."""
    surround: Callable[[ASGIApp, Settings], ASGIApp] | None = None
    """What is put around all other layers."""
    sockets: bool = False
    """It takes WebSocket connections. None of the layers around an API is for these; it checks them itself."""


def create_server(
    services: Services, *, facades: Sequence[Facade] | None = None, lifespan: Lifespan | None = None
) -> ASGIApp:
    """The whole HTTP interface as one ASGI app. `lifespan` surrounds the time in which it serves."""
    chosen = tuple(facades) if facades is not None else load_facades(services)
    sockets = Dispatcher([(facade, facade.app if facade.sockets else refuse) for facade in chosen])
    app: ASGIApp = Dispatcher([(facade, _guarded(facade, services)) for facade in chosen])
    if services.settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=services.settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
            allow_headers=["*"],
            expose_headers=_EXPOSED_HEADERS,
            max_age=300,
        )
    return LifespanDoor(RequestFrame(app, services.metrics), SocketFrame(sockets, services.metrics), lifespan)


def load_facades(services: Services) -> tuple[Facade, ...]:
    """All APIs that this server speaks; the native one last, because it answers whatever nobody owns."""
    return (*(_load(name, f"/{name}", services) for name in VENDORS), _load("native", "", services))


def _load(name: str, prefix: str, services: Services) -> Facade:
    """`routes.py` of an API has `create_api` and `OWNED_PATHS`, `RECORDINGS` and `FILMS` when it takes forms, `ENCODED`
    or `FILMS_IN_JSON` when it takes files within JSON; its `errors.py` has `error_response`."""
    routes = import_module(f"myna.http.{name}.routes")
    errors = import_module(f"myna.http.{name}.errors")
    api: FastAPI = routes.create_api(services)
    install_last_resort(api, errors.error_response)
    return Facade(
        name=name,
        app=api,
        owned_paths=routes.OWNED_PATHS,
        error_response=errors.error_response,
        read_key=getattr(routes, "read_key", bearer),
        key_header=getattr(routes, "KEY_HEADER", ""),
        prefix=prefix,
        recordings=_recordings(routes, services.settings),
        encoded=_encoded(routes, services.settings),
        films_in_json=getattr(routes, "FILMS_IN_JSON", frozenset()),
        surround=getattr(routes, "surround", None),
        sockets=getattr(routes, "SOCKETS", False),
    )


def _recordings(routes: ModuleType, settings: Settings) -> Mapping[str, int]:
    """How many recordings the form of a path may hold. A film is as large as many of them."""
    film = math.ceil(settings.max_dub_bytes / settings.max_reference_bytes)
    counted: dict[str, int] = getattr(routes, "RECORDINGS", {})
    return counted | dict.fromkeys(getattr(routes, "FILMS", ()), film)


def _encoded(routes: ModuleType, settings: Settings) -> Mapping[str, int]:
    """How many recordings the JSON of a path may hold."""
    film = math.ceil(settings.max_inline_film_bytes / settings.max_reference_bytes)
    counted: dict[str, int] = getattr(routes, "ENCODED", {})
    return counted | dict.fromkeys(getattr(routes, "FILMS_IN_JSON", ()), film)


def _guarded(facade: Facade, services: Services) -> ASGIApp:
    respond = facade.error_response
    app: ASGIApp = ErrorGuard(facade.app, respond)
    app = Idempotency(app, facade.name, facade.read_key, respond, services)
    forms = Forms(
        facade.recordings,
        partial(authorize, services=services, read_key=facade.read_key),
        encoded=facade.encoded,
        films_in_json=facade.films_in_json,
    )
    app = BodyLimit(app, respond, services.settings, forms)
    app = ErrorGuard(app, respond)
    return facade.surround(app, services.settings) if facade.surround else app


class Dispatcher:
    """Sends a request to the API that owns its path. What nobody owns goes to the API whose header the client sends,
    else to the last one given."""

    def __init__(self, apis: Sequence[tuple[Facade, ASGIApp]]) -> None:
        owned = [(path, facade, app, "") for facade, app in apis for path in facade.owned_paths]
        prefixed = [(facade.prefix, facade, app, facade.prefix) for facade, app in apis if facade.prefix]
        self._entries = sorted(owned + prefixed, key=lambda entry: len(entry[0]), reverse=True)
        self._by_header = [(facade.key_header, facade, app) for facade, app in apis if facade.key_header]
        self._fallback = apis[-1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        facade, app, prefix = self._find(scope)
        context = context_of(scope)
        context.api, context.prefix = facade.name, prefix
        inner = {**scope, "path": scope["path"][len(prefix) :] or "/"}
        if prefix and (raw := scope.get("raw_path")):
            inner["raw_path"] = raw[len(prefix) :] or b"/"
        try:
            await app(inner, receive, send)
        finally:
            context.route = getattr(inner.get("route"), "path", "unmatched")

    def _find(self, scope: Scope) -> tuple[Facade, ASGIApp, str]:
        path, headers = scope["path"], Headers(scope=scope)
        for owned, facade, app, prefix in self._entries:
            if path.startswith(owned) and path[len(owned) : len(owned) + 1] in ("", "/"):
                return facade, app, prefix
        for name, facade, app in self._by_header:
            if name in headers:
                return facade, app, ""
        return *self._fallback, ""


class LifespanDoor:
    """Answers the server's start and stop messages, and lets all else through."""

    def __init__(self, app: ASGIApp, sockets: ASGIApp, lifespan: Lifespan | None) -> None:
        self._app = app
        self._sockets = sockets
        self._lifespan: Lifespan = lifespan or nullcontext

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._sockets(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        started = False
        try:
            async with self._lifespan():
                started = True
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            phase = "shutdown" if started else "startup"
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})

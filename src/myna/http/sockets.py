"""What happens around every WebSocket connection: a request id, one log line, metrics, no leaking exception."""

from __future__ import annotations

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myna.http.context import RequestContext, context_of
from myna.http.metrics import Metrics

log = structlog.get_logger("myna.http")

MAX_MESSAGE_BYTES = 65_536
"""Of one message of a client; a longer one ends the connection with 1009."""
NORMAL, POLICY_VIOLATION, TOO_BIG, INTERNAL_ERROR = 1000, 1008, 1009, 1011
"""Codes with which a connection is closed (RFC 6455, section 7.4.1)."""
_SWITCHED, _REFUSED = 101, 403


class SocketFrame:
    """The outermost layer of connections that stay open in both directions."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
        watched = _WatchedSocket(receive, send)
        began = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, watched.receive, watched.send)
        except Exception:
            log.exception("http.unexpected_error", path=scope["path"])
            await watched.close(INTERNAL_ERROR)
        finally:
            self._metrics.in_flight.dec()
            self._report(context, watched, time.perf_counter() - began)

    def _report(self, context: RequestContext, watched: _WatchedSocket, seconds: float) -> None:
        status = _SWITCHED if watched.accepted else _REFUSED
        self._metrics.count_request(context.api, "GET", context.route, status, seconds, watched.sent)
        log.info(
            "http.socket",
            api=context.api,
            route=context.route,
            status=status,
            code=watched.code,
            seconds=round(seconds, 2),
            bytes=watched.sent,
            account=context.caller.account.id if context.caller else None,
        )


class _WatchedSocket:
    """Remembers how a connection began and ended."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.accepted = False
        self.code: int | None = None
        """With which it was closed, by whichever side."""
        self.sent = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and self.code is None:
            self.code = message.get("code")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.accepted = True
        elif message["type"] == "websocket.close" and self.code is None:
            self.code = message.get("code", NORMAL)
        else:
            self.sent += len(message.get("text") or message.get("bytes") or b"")
        await self._send(message)

    async def close(self, code: int) -> None:
        """Unless it is closed already."""
        if self.code is None:
            await self.send({"type": "websocket.close", "code": code})


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """There is nothing here that speaks WebSocket."""
    await send({"type": "websocket.close", "code": NORMAL})

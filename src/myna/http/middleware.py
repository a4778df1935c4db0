"""What happens around every request: a request id, one log line, metrics, a limit on the body, no leaking exception."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myna.errors import MynaError, RequestTimeout, Unavailable
from myna.http.body import Body, ClientGone, check_content_length, read_body
from myna.http.context import RequestContext, context_of
from myna.http.errors import ErrorResponse
from myna.http.metrics import Metrics
from myna.settings import Settings

log = structlog.get_logger("myna.http")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_BODY = "myna.body"
BODY_SECONDS = 60.0
"""How long a client may take to send a body."""
UPLOAD_SECONDS = 1800.0
"""How long it may take for a form with files."""
LARGE_BODIES = 8
"""JSON bodies with files in them that are read at once."""
STREAMED_UPLOADS = "/uploads/"
"""Paths whose route reads and limits the body itself."""
_FORM = "multipart/form-data"


async def _anybody(_: HTTPConnection) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Forms:
    """Where an API takes forms with recordings, and from whom."""

    recordings: Mapping[str, int] = field(default_factory=dict)
    """How many the form of a path may hold."""
    admit: Callable[[HTTPConnection], Awaitable[object]] = _anybody
    """Raises what stands against the client, by the head of the request alone."""
    encoded: Mapping[str, int] = field(default_factory=dict)
    """How many recordings the JSON of a path may hold as base64. Its key may be in the body, so anybody may send it;
    therefore few such bodies are read at once."""
    films_in_json: frozenset[str] = frozenset()
    """Those of them whose key is in the head: who sends much is admitted before it is read."""

    def of(self, scope: Scope, headers: Headers) -> int:
        """How many recordings the body of this request may hold; 0 when it is no form that is taken here."""
        is_form = headers.get("content-type", "").lower().startswith(_FORM)
        return self.recordings.get(scope["path"].rstrip("/"), 0) if is_form else 0

    def encoded_in(self, scope: Scope) -> int:
        return self.encoded.get(scope["path"].rstrip("/"), 0)

    def admits_first(self, scope: Scope, headers: Headers, small: int) -> bool:
        """Whether a client must be admitted before its body is read, as that may be larger than `small`."""
        if self.of(scope, headers):
            return True
        announced = headers.get("content-length", "")
        is_small = announced.isdecimal() and int(announced) <= small
        return scope["path"].rstrip("/") in self.films_in_json and not is_small


class AnswerAborted(Exception):
    """An answer broke off in the middle. The connection must be closed, so that it does not look complete."""


class RequestFrame:
    """The outermost layer: request id, access log, metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = _new_context(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
        sender = _FramedSend(send, context)
        began = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, sender)
        except AnswerAborted:
            pass  # returning without an end makes the server close the connection
        finally:
            self._metrics.in_flight.dec()
            self._report(scope, context, sender, time.perf_counter() - began)

    def _report(self, scope: Scope, context: RequestContext, sender: _FramedSend, seconds: float) -> None:
        self._metrics.count_request(context.api, scope["method"], context.route, sender.status, seconds, sender.sent)
        log.info(
            "http.request",
            api=context.api,
            method=scope["method"],
            route=context.route,
            status=sender.status,
            ms=round(seconds * 1000, 2),
            bytes=sender.sent,
            account=context.caller.account.id if context.caller else None,
            complete=sender.complete,
        )


class _FramedSend:
    """Adds the headers of the context to the answer, and remembers what was sent."""

    def __init__(self, send: Send, context: RequestContext) -> None:
        self._send = send
        self._context = context
        self.status = 0
        self.sent = 0
        self.complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            request_id = (b"x-request-id", self._context.request_id.encode())
            message["headers"] = [*message.get("headers", ()), request_id, *self._context.headers]
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)


def _new_context(scope: Scope) -> RequestContext:
    context = context_of(scope)
    incoming = Headers(scope=scope).get("x-request-id", "")
    if _REQUEST_ID.fullmatch(incoming):
        context.request_id = incoming
    return context


class ErrorGuard:
    """Turns whatever escapes from an API into that API's own error body, and logs what was not expected."""

    def __init__(self, app: ASGIApp, respond: ErrorResponse) -> None:
        self._app = app
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = complete = False

        async def watched(message: Message) -> None:
            nonlocal started, complete
            started = True
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except (ClientGone, ClientDisconnect):
            return  # nobody is there to be answered
        except AnswerAborted:
            raise
        except Exception as error:
            if not isinstance(error, MynaError) or error.status == 500:
                log.exception("http.unexpected_error", path=scope["path"], answered=complete)
            if complete:
                return
            if started:
                raise AnswerAborted from error
            answer = self._respond(error if isinstance(error, MynaError) else MynaError())
            await answer(scope, receive, send)


class BodyLimit:
    """Reads the body before the API runs, and refuses one that is too large without reading it to the end.

    Forms with recordings are large: who sends one must be admitted before any of it is read.
    """

    def __init__(self, app: ASGIApp, respond: ErrorResponse, settings: Settings, forms: Forms | None = None) -> None:
        self._app = app
        self._respond = respond
        self._forms = forms or Forms()
        self._json_limit = settings.max_json_bytes
        self._recording_limit = settings.max_reference_bytes
        self._upload_limit = settings.max_upload_bytes
        self._large_bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        try:
            if scope["path"].startswith(STREAMED_UPLOADS):
                check_content_length(scope, self._upload_limit)
                await self._app(scope, receive, send)
                return
            recordings = self._forms.of(scope, headers)
            admits_first = self._forms.admits_first(scope, headers, self._json_limit)
            if admits_first and not await self._admitted(scope, receive, send):
                return
            if not recordings and self._forms.encoded_in(scope):
                body = await self._read_encoded(scope, receive, headers)
            else:
                body = await self._read(scope, receive, recordings)
        except MynaError as error:
            await self._refuse(error, scope, receive, send)
            return
        except ClientGone:
            return
        with body:
            scope[_BODY] = body
            await self._app(scope, body.replay(receive), send)

    async def _read(self, scope: Scope, receive: Receive, recordings: int) -> Body:
        """All fields of a form together may be as large as a body without files."""
        try:
            async with asyncio.timeout(UPLOAD_SECONDS if recordings else BODY_SECONDS):
                return await read_body(scope, receive, recordings * self._recording_limit + self._json_limit)
        except TimeoutError:
            raise RequestTimeout from None

    async def _read_encoded(self, scope: Scope, receive: Receive, headers: Headers) -> Body:
        """Four letters hold three bytes. Raises `Unavailable` while as many large bodies are read as may be."""
        limit = self._forms.encoded_in(scope) * self._recording_limit * 4 // 3 + self._json_limit
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) <= self._json_limit:
            return await self._read(scope, receive, 0)
        if self._large_bodies >= LARGE_BODIES:
            raise Unavailable("Many large files are being sent just now. Try again in a moment, or send an address.")
        self._large_bodies += 1
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await read_body(scope, receive, limit)
        except TimeoutError:
            raise RequestTimeout from None
        finally:
            self._large_bodies -= 1

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """False when the client was refused, and told so."""
        try:
            await self._forms.admit(HTTPConnection(scope))
        except MynaError as error:
            await self._refuse(error, scope, receive, send, close=not await self._let_finish(scope, receive))
            return False
        return True

    async def _let_finish(self, scope: Scope, receive: Receive) -> bool:
        """Take a short body off the hands of a client that is refused: not every client hears what is said while it is
        still sending. False when the body is longer, or when the client waits to be asked for it."""
        if "expect" in Headers(scope=scope):
            return False
        with suppress(MynaError, TimeoutError):
            async with asyncio.timeout(BODY_SECONDS):
                with await read_body(scope, receive, self._json_limit):
                    return True
        return False

    async def _refuse(
        self, error: MynaError, scope: Scope, receive: Receive, send: Send, *, close: bool = True
    ) -> None:
        answer = self._respond(error)
        if close:
            answer.headers["connection"] = "close"
        await answer(scope, receive, send)


def body_of(scope: Scope) -> Body | None:
    """The body that `BodyLimit` has read, if the request has one."""
    body = scope.get(_BODY)
    assert body is None or isinstance(body, Body)
    return body

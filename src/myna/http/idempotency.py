"""`Idempotency-Key` on every POST: the same request sent again gets the same answer, and is done once."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myna.errors import Conflict, IdempotencyMismatch, MynaError, NotFound, RequestInProgress
from myna.http.auth import KeyReader, authenticate
from myna.http.context import RequestContext, context_of
from myna.http.errors import ErrorResponse
from myna.http.fingerprint import body_fingerprint, idempotency_key, request_scope
from myna.http.middleware import body_of
from myna.http.repository import IdempotencyRepository, KeptRequest
from myna.http.streaming import ClientLeft
from myna.kit import clock, ids
from myna.kit.finishing import end_of, now_or_later, set_going, to_the_end

if TYPE_CHECKING:
    from myna.http.services import Services

log = structlog.get_logger("myna.http")

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""A longer answer is not kept; its key is fresh again afterwards."""
_IN_MEMORY = 1_000_000
_SWEEP_SECONDS = 60.0
_SWEEP_ROWS = 200
_NEVER_KEPT = frozenset({401, 408, 409, 413, 429, ClientLeft.status, 503})
"""Refusals that say nothing about the request itself."""
_KEPT_HEADERS = frozenset({"content-type", "content-disposition", "location", "cache-control", "x-should-retry"})


def job_uuid(request: HTTPConnection) -> str:
    """The id for the job of this request, as a UUID: always the same for one Idempotency-Key, else a new one.

    Call it when the request was found valid, right before its work is accepted: from then on the answer is kept.
    """
    context = context_of(request.scope)
    context.executed = True
    return context.idempotent_job_id or ids.new_uuid()


def job_cuid(request: HTTPConnection) -> str:
    """As `job_uuid`, in the form of a Magic Hour id."""
    context = context_of(request.scope)
    context.executed = True
    return ids.derived_cuid("job", context.idempotent_job_id) if context.idempotent_job_id else ids.cuid()


def request_seed(request: HTTPConnection) -> str | None:
    """What ids of this request's things are made from: the same for one Idempotency-Key; None when it has none."""
    return context_of(request.scope).idempotent_job_id


def work_begins(request: HTTPConnection) -> None:
    """As `job_uuid`, for work that dies with its connection, such as a stream: done again, it is another job."""
    context_of(request.scope).executed = True


def keep_instead(request: HTTPConnection, body: bytes) -> None:
    """Keep this body for repeated requests, not the one that is sent: a secret is shown once and stored nowhere."""
    context_of(request.scope).kept_body = body


def keep_under(request: HTTPConnection, folder: str) -> None:
    """Keep the answer for repeated requests in this folder of the storage, so that it goes with what it belongs to."""
    context_of(request.scope).kept_folder = folder


class Idempotency:
    """The layer around one API that keeps and replays its answers."""

    def __init__(self, app: ASGIApp, api: str, read_key: KeyReader, respond: ErrorResponse, services: Services) -> None:
        self._app = app
        self._api = api
        self._read_key = read_key
        self._respond = respond
        self._services = services
        self._kept = IdempotencyRepository(services.database)
        self._swept_at = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = Headers(scope=scope).getlist("idempotency-key") if scope["method"] == "POST" else []
        if not values:
            await self._app(scope, receive, send)
            return
        try:
            kept = await self._claim(scope, idempotency_key(values))
            answer = None if kept is None or kept.status is None else await self._replay(kept)
        except MynaError as error:
            answer = self._refusal(error)
        if answer is not None:
            await answer(scope, receive, send)
        elif kept is None:
            await self._app(scope, receive, send)
        else:
            await self._run(kept, scope, receive, send)

    async def _claim(self, scope: Scope, key: str) -> KeptRequest | None:
        """What this request is: finished before, ours to run, or (None) not to be kept.

        Raises `Unauthorized`, `IdempotencyMismatch`, and `RequestInProgress` while another one runs.
        """
        caller = await authenticate(Request(scope), self._services, self._read_key)
        if caller.account.banned:
            return None
        await self._sweep()
        new = await self._new(scope, caller.account.id, key)
        try:
            kept = await self._kept.claim(new)
            if kept.expires_at <= new.created_at:
                await self._forget_expired(1, kept.scope)
                kept = await self._kept.claim(new)
        except asyncio.CancelledError:
            await to_the_end(self._kept.release(new))
            raise
        if kept.fingerprint != new.fingerprint:
            raise IdempotencyMismatch
        if kept.job_id == new.job_id or kept.status is not None:
            return kept
        return await self._take_over(kept)

    async def _new(self, scope: Scope, account_id: str, key: str) -> KeptRequest:
        now = clock.now()
        return KeptRequest(
            scope=request_scope(account_id, self._api, scope["method"], scope["path"], key),
            fingerprint=await body_fingerprint(scope, body_of(scope)),
            job_id=ids.new_uuid(),
            node_id=self._services.node_id,
            status=None,
            headers=None,
            object_key=None,
            created_at=now,
            expires_at=now + clock.seconds(self._services.settings.idempotency_hours * 3600),
        )

    async def _take_over(self, kept: KeptRequest) -> KeptRequest:
        """Run again what a dead node has begun, under the same ids."""
        here = self._services.node_id
        since = clock.now() - clock.seconds(self._services.settings.dead_after_seconds)
        if kept.node_id == here or await self._kept.is_alive(kept.node_id, since):
            raise RequestInProgress
        if not await self._kept.take_over(kept, here):
            raise RequestInProgress
        return replace(kept, node_id=here)

    def _refusal(self, error: MynaError) -> Response:
        answer = self._respond(error)
        if isinstance(error, RequestInProgress):
            answer.headers.setdefault("Retry-After", "1")
            answer.headers["x-should-retry"] = "true"
        elif isinstance(error, IdempotencyMismatch | Conflict):
            answer.headers["x-should-retry"] = "false"
        return answer

    async def _replay(self, kept: KeptRequest) -> Response:
        assert kept.status is not None
        headers = {name: value for name, value in kept.headers or ()}
        headers["Idempotent-Replayed"] = "true"
        if kept.object_key is None:
            return Response(status_code=kept.status, headers=headers)
        storage = self._services.storage
        try:
            stored = await storage.head(kept.object_key)
        except NotFound:
            raise Conflict("The answer to this Idempotency-Key is gone from the storage. Use a new key.") from None
        headers["content-length"] = str(stored.size)
        return StreamingResponse(storage.stream(kept.object_key), kept.status, headers)

    async def _run(self, kept: KeptRequest, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.idempotent_job_id = kept.job_id
        recorder = Recorder(send, context, kept, self)
        try:
            await self._app(scope, receive, recorder)
        finally:
            await to_the_end(recorder.close())

    async def keep(
        self, kept: KeptRequest, status: int, headers: list[list[str]], body: IO[bytes], object_key: str | None
    ) -> None:
        """Store a finished answer. One that the storage does not take counts as gone: done once, not replayed."""
        try:
            if object_key:
                await self._store(object_key, body)
            await now_or_later(lambda: self._kept.finish(kept.scope, kept.node_id, status, headers, object_key))
        except Exception:
            log.exception("http.answer_not_kept", scope=kept.scope)

    async def _store(self, object_key: str, body: IO[bytes]) -> None:
        try:
            await self._services.storage.put(object_key, _pieces(body))
        except Exception:
            log.exception("http.answer_not_stored", key=object_key)

    async def release(self, kept: KeptRequest) -> None:
        await now_or_later(lambda: self._kept.release(kept))

    async def _sweep(self) -> None:
        """Remove what has expired, once a minute at most."""
        now = time.monotonic()
        if now - self._swept_at > _SWEEP_SECONDS:
            self._swept_at = now
            await self._forget_expired(_SWEEP_ROWS)

    async def _forget_expired(self, limit: int, scope: str | None = None) -> None:
        """First what is stored: a row without it can be removed later, a file without its row would stay."""
        now = clock.now()
        expired = await self._kept.expired(now, limit, scope)
        if expired:
            await self._services.storage.delete(*(key for key in expired.values() if key))
            await self._kept.remove_expired(now, expired)


class Recorder:
    """Passes an answer on while it keeps a copy. The copy is safe before the client has the last byte."""

    def __init__(self, send: Send, context: RequestContext, kept: KeptRequest, owner: Idempotency) -> None:
        self._ending: asyncio.Task[None] | None = None
        """Once the whole answer was made: keeps it, or forgets the request. The last byte is sent after that."""
        self._send = send
        self._context = context
        self._kept = kept
        self._owner = owner
        self._status = 0
        self._headers: list[list[str]] = []
        self._size = 0
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - `close` closes it

    async def close(self) -> None:
        """A request without a whole answer is forgotten, so that its key is fresh again."""
        try:
            if self._ending is None:
                await self._owner.release(self._kept)
            else:
                await asyncio.wait({self._ending})
        finally:
            self._file.close()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = _kept_headers(message)
        elif message["type"] == "http.response.body":
            self._copy(message.get("body", b""))
            if not message.get("more_body", False):
                self._ending = self._ending or set_going(self._end())
                await end_of(self._ending)
        await self._send(message)

    def _copy(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= MAX_KEPT_BYTES:
            self._file.write(piece)

    async def _end(self) -> None:
        if not self._worth_keeping():
            await self._owner.release(self._kept)
            return
        if self._context.kept_body is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._context.kept_body)
        object_key = f"{self._context.kept_folder}/{self._kept.scope}/{self._kept.job_id}" if self._size else None
        await self._owner.keep(self._kept, self._status, self._headers, self._file, object_key)

    def _worth_keeping(self) -> bool:
        if self._status in _NEVER_KEPT or self._size > MAX_KEPT_BYTES:
            return False
        return self._context.executed or 200 <= self._status < 300


def _kept_headers(message: Message) -> list[list[str]]:
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in message.get("headers", ())]
    return [[name, value] for name, value in pairs if name in _KEPT_HEADERS]


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := file.read(1 << 20):
        yield piece

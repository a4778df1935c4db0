"""Speech over a WebSocket: text comes in pieces, sound goes out as it is made.

Text waits until the client says `flush`, until a sentence is complete and either enough has come or the client says to
try, or until the client closes. What is to be spoken then is a batch; batches are spoken one after the other.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from myna.accounts.schemas import Caller
from myna.errors import (
    AccountBanned,
    Forbidden,
    InsufficientCredits,
    InvalidRequest,
    MynaError,
    RateLimited,
    Unauthorized,
)
from myna.http.auth import authorize
from myna.http.munsit import mapping
from myna.http.munsit.access import read_key
from myna.http.munsit.errors import error_body, first_fault
from myna.http.munsit.models import choice_of, find_voice
from myna.http.munsit.schemas import LONGEST_TEXT, SOCKET_MESSAGES, ClosingMessage, InitConnection, TextMessage
from myna.http.munsit.speaking import open_stream
from myna.http.sockets import INTERNAL_ERROR, MAX_MESSAGE_BYTES, NORMAL, POLICY_VIOLATION, TOO_BIG
from myna.voices.schemas import Voice

if TYPE_CHECKING:
    from myna.http.services import Services

log = structlog.get_logger("myna.http")

ENOUGH_CHARACTERS = 120
"""With so many waiting, complete sentences are spoken without being asked for."""
MOST_WAITING = 4 * LONGEST_TEXT
"""Characters of all batches that are not spoken yet."""
SECONDS_TO_BEGIN = 10.0
"""How long a client without a key may take to show one."""
_SENTENCE_END = re.compile(r"[.!?؟。！？…]+[\"'»”’)\]]*(?=\s|$)|\n")
_Message = InitConnection | TextMessage | ClosingMessage
_MESSAGES: dict[str, type[_Message]] = {
    "initConnection": InitConnection,
    "text": TextMessage,
    "closeConnection": ClosingMessage,
}


def socket_router(services: Services) -> APIRouter:
    router = APIRouter()
    open_sockets: Counter[str] = Counter()

    # https://docs.munsit.com/api-reference/websocket-text-to-speech
    @router.websocket("/api/v1/websocket/text-to-speech")
    async def speak(socket: WebSocket) -> None:
        await _Conversation(socket, services, open_sockets).hold()

    # Where older pages of the vendor have it
    @router.websocket("/api/v1/text-to-speech")
    async def speak_at_older_path(socket: WebSocket) -> None:
        await _Conversation(socket, services, open_sockets).hold()

    return router


class _Closing(Exception):
    """The conversation is over."""

    def __init__(self, code: int) -> None:
        self.code = code


class _Conversation:
    """One connection, from the handshake to the end."""

    def __init__(self, socket: WebSocket, services: Services, open_sockets: Counter[str]) -> None:
        self._socket = socket
        self._services = services
        self._open_sockets = open_sockets
        self._batches = _Batches()
        self._key = ""

    async def hold(self) -> None:
        await self._socket.accept()
        try:
            await self._talk()
        except _Closing as closing:
            if self._socket.client_state is WebSocketState.CONNECTED:
                await self._socket.close(closing.code)
        except WebSocketDisconnect:
            pass

    async def _talk(self) -> None:
        """Raises `_Closing` or `WebSocketDisconnect` in the end."""
        try:
            caller, first = await self._enter()
            with self._place(caller):
                wanted = await self._choose(caller, first)
                await self._send({"type": "connectionInitialized"})
                await self._converse(wanted)
        except MynaError as error:
            await self._tell(error)
            raise _Closing(POLICY_VIOLATION) from None

    async def _enter(self) -> tuple[Caller, InitConnection]:
        """Who asks, and for what. Raises `Unauthorized` and all that stands against a caller."""
        shown = {key for key in (read_key(self._socket), self._socket.query_params.get("x-api-key")) if key}
        caller = await self._authorized(shown) if shown else None
        seconds = self._idle_seconds if caller else min(self._idle_seconds, SECONDS_TO_BEGIN)
        first = await self._first_message(seconds)
        if first.x_api_key:
            shown.add(first.x_api_key)
        return caller if caller and len(shown) == 1 else await self._authorized(shown), first

    async def _authorized(self, shown: set[str]) -> Caller:
        if len(shown) != 1:
            raise Unauthorized
        (self._key,) = shown
        return await authorize(self._socket, self._services, lambda _: self._key)

    async def _still_authorized(self) -> Caller:
        """A conversation may be long: meanwhile the key may have been revoked, or the account blocked."""
        caller = await self._services.accounts.authenticate(self._key)
        if caller.account.banned:
            raise AccountBanned
        return caller

    async def _first_message(self, seconds: float) -> InitConnection:
        while True:
            try:
                message = await self._receive(seconds)
                if isinstance(message, InitConnection):
                    return message
                raise InvalidRequest("The first message must be initConnection")
            except InvalidRequest as error:
                await self._tell(error)

    async def _choose(self, caller: Caller, wanted: InitConnection) -> InitConnection:
        """The first message that names a voice that can speak."""
        while True:
            try:
                await self._voice(caller, wanted)
                return wanted
            except MynaError as error:
                await self._tell(error)
            wanted = await self._first_message(self._idle_seconds)

    async def _voice(self, caller: Caller, wanted: InitConnection) -> Voice:
        voices = self._services.voices
        choice = choice_of(wanted.model_id, voices)
        if not wanted.voice_id:
            raise InvalidRequest("voice_id is required", field="voice_id")
        return await find_voice(voices, wanted.voice_id, choice, caller.account.id)

    async def _converse(self, wanted: InitConnection) -> None:
        """Listen and speak at the same time; whichever ends first ends both."""
        listening = asyncio.create_task(self._listen())
        speaking = asyncio.create_task(self._speak(wanted))
        try:
            done, _ = await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (listening, speaking):
                task.cancel()
            await asyncio.gather(listening, speaking, return_exceptions=True)

    async def _listen(self) -> None:
        """Until the client is gone, or says nothing for too long while nothing is spoken."""
        while True:
            try:
                message = await self._receive(self._idle_seconds)
                if self._batches.closed or isinstance(message, InitConnection):
                    raise InvalidRequest("This message comes too late")
                self._batches.take(message)
            except MynaError as error:
                await self._tell(error)

    async def _speak(self, wanted: InitConnection) -> None:
        while (text := await self._batches.next()) is not None:
            try:
                await self._speak_batch(wanted, text)
            except (InsufficientCredits, Forbidden, Unauthorized):
                raise
            except MynaError as error:
                await self._tell(error)
            self._batches.spoken(text)
        raise _Closing(NORMAL)

    async def _speak_batch(self, wanted: InitConnection, text: str) -> None:
        caller = await self._still_authorized()
        voice = await self._voice(caller, wanted)  # again: it may have been changed or deleted
        stability = mapping.stability_of(wanted.voice_settings.stability, voice)
        speech = mapping.socket_request(text, wanted, voice, mapping.seed_of(stability, None))
        stream = await open_stream(self._socket, self._services, caller, speech, voice)
        try:
            held: bytes | None = None
            async for piece in stream:
                if piece and held is not None:
                    await self._send_sound(held, wanted, is_final=False)
                held = piece or held
            await self._send_sound(held or b"", wanted, is_final=True)
        except (MynaError, WebSocketDisconnect):
            raise
        except Exception as error:
            log.exception("munsit.socket_speech_failed")
            raise MynaError from error
        finally:
            await stream.aclose()

    async def _receive(self, seconds: float) -> _Message:
        """The next message. Raises `InvalidRequest`, `WebSocketDisconnect`, `_Closing`."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    received = await self._socket.receive()
                    break
            if not self._batches.busy:
                raise _Closing(INTERNAL_ERROR)
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", NORMAL))
        text = received.get("text")
        if text is None:
            raise InvalidRequest("Messages are JSON objects, sent as text")
        if len(text.encode()) > MAX_MESSAGE_BYTES:
            raise _Closing(TOO_BIG)
        return read_message(text)

    @contextmanager
    def _place(self, caller: Caller) -> Iterator[None]:
        """One of the connections that an account may have."""
        settings, account_id = self._services.settings, caller.account.id
        limit = settings.max_concurrent_streams
        if settings.rate_limits == "on" and self._open_sockets[account_id] >= limit:
            raise RateLimited(f"This account has {limit} connections open, which is the limit")
        self._open_sockets[account_id] += 1
        try:
            yield
        finally:
            self._open_sockets[account_id] -= 1
            if self._open_sockets[account_id] <= 0:
                del self._open_sockets[account_id]

    @property
    def _idle_seconds(self) -> float:
        return self._services.settings.munsit_socket_idle_seconds

    async def _tell(self, error: MynaError) -> None:
        await self._send({"type": "error", **error_body(error)})

    async def _send_sound(self, samples: bytes, wanted: InitConnection, *, is_final: bool) -> None:
        encoded = base64.b64encode(samples).decode()
        await self._send({"audio": encoded, "sampleRate": wanted.sample_rate, "isFinal": is_final})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(message, separators=(",", ":"), ensure_ascii=False))


class _Batches:
    """The text that is to be spoken: what waits for its sentence to end, and what waits for its turn."""

    def __init__(self) -> None:
        self.closed = False
        """No more text comes."""
        self._waiting = ""
        self._unspoken = 0
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()

    @property
    def busy(self) -> bool:
        """Something is being spoken or about to be."""
        return self._unspoken > 0

    def take(self, message: _Message) -> None:
        """Raises `InvalidRequest` and `RateLimited` for text that is too much; it is dropped then."""
        if isinstance(message, TextMessage):
            self._check_room(message.text)
            self._waiting += message.text
            self._put(self._ready(message))
        elif isinstance(message, ClosingMessage):
            self.closed = True
            self._put(len(self._waiting))
            self._queue.put_nowait(None)

    async def next(self) -> str | None:
        """The next batch; None after the last."""
        return await self._queue.get()

    def spoken(self, text: str) -> None:
        self._unspoken -= len(text)

    def _check_room(self, text: str) -> None:
        if len(self._waiting) + len(text) > LONGEST_TEXT:
            raise InvalidRequest(f"At most {LONGEST_TEXT} characters may wait to be flushed", field="text")
        if self._unspoken + len(self._waiting) + len(text) > MOST_WAITING:
            raise RateLimited("Too much text waits to be spoken. Send more when some of it was spoken")

    def _ready(self, message: TextMessage) -> int:
        """How many of the waiting characters are to be spoken now."""
        if message.flush:
            return len(self._waiting)
        if message.try_trigger_generation:
            return end_of_sentences(self._waiting)
        return end_of_sentences(self._waiting[:-1]) if len(self._waiting) > ENOUGH_CHARACTERS else 0

    def _put(self, count: int) -> None:
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        if batch.strip():
            self._unspoken += len(batch)
            self._queue.put_nowait(batch)


def end_of_sentences(text: str) -> int:
    """The index after the last complete sentence; 0 when there is none."""
    return max((match.end() for match in _SENTENCE_END.finditer(text)), default=0)


def read_message(text: str) -> _Message:
    """Raises `InvalidRequest`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("Messages are JSON objects") from None
    kind = value.get("type") if isinstance(value, dict) else None
    model: type[BaseModel] | None = _MESSAGES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise InvalidRequest(f"type must be one of: {', '.join(_MESSAGES)}", field="type")
    try:
        return model.model_validate_json(text)  # type: ignore[return-value]
    except ValidationError as error:
        raise first_fault(error, SOCKET_MESSAGES) from None

"""Clients that leave at any moment, on every way in: nothing stays behind them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.fixtures.dubs import FAKES, SCRIPT
from tests.fixtures.leftovers import of_database
from tests.fixtures.munsit import MODEL, STOCK
from tests.fixtures.patience import PATIENCE, eventually
from tests.fixtures.server import ServerFactory, ServerProcess

pytestmark = pytest.mark.fault

TEXT = "One sentence. Another one. fake:slow=0.05 And a last one."
LEAVERS = 8
"""Clients of each kind."""
AT_ONCE = 4
SECONDS = 0.25
"""After so long the last of them leaves."""

Wire = Callable[[], bytes]
"""Makes a request as it goes over the wire."""


@pytest.fixture(scope="module")
def node(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_RATE_LIMITS="off", MYNA_ENGINES=json.dumps(FAKES))


@pytest.fixture(scope="module")
def key(node: ServerProcess) -> str:
    return node.new_key(credits=10_000)


def on_the_wire(url: str, key: str, **content: Any) -> Wire:
    def make() -> bytes:
        headers = {"Authorization": f"Bearer {key}", "x-api-key": key, "Idempotency-Key": str(uuid.uuid4())}
        request = httpx.Request("POST", url, headers=headers, **content)
        lines = [b"POST " + request.url.raw_path + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in request.headers.raw]
        return b"\r\n".join(lines) + b"\r\n\r\n" + request.read()

    return make


def ways_in(url: str, key: str) -> dict[str, Wire]:
    munsit = f"{url}/api/v1/text-to-speech/{MODEL}"
    speech = {"model": "tts-1", "voice": "alloy", "input": TEXT}
    said = {"voice_id": STOCK, "text": TEXT, "stability": 1}
    modelslab = {"key": key, "prompt": TEXT, "voice_id": "madison", "language": "english"}
    magichour = {"style": {"prompt": TEXT, "voice_name": "Morgan Freeman"}}
    asked: dict[str, Any] = {
        f"{url}/v1/audio/speech": speech,
        f"{url}/openai/v1/audio/speech": {**speech, "response_format": "flac"},
        munsit: {**said, "streaming": True},
        f"{url}/munsit/api/v1/text-to-speech/{MODEL}": {**said, "streaming": False},
        f"{munsit}/with-timestamps": said,
        f"{url}/v1/audio/voiceover/create": {"prompt": TEXT},
        f"{url}/api/v6/voice/text_to_speech": modelslab,
        f"{url}/v1/ai-voice-generator": magichour,
        f"{url}/myna/v1/speech": {"text": TEXT, "voice": "fake:en-US.1"},
    }
    return {address: on_the_wire(address, key, json=body) for address, body in asked.items()}


async def leave(url: str, request: bytes, chance: random.Random, sent: int) -> None:
    """Send so much of a request, read what comes, and be gone: with a goodbye, or with a reset."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    if chance.random() < 0.5:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(chance.random() * SECONDS):
            writer.write(request[:sent])
            await writer.drain()
            while await reader.read(1 << 16):
                pass
    writer.close()


async def leave_socket(url: str, key: str, chance: random.Random) -> None:
    address = url.replace("http", "ws", 1) + "/api/v1/websocket/text-to-speech"
    async with connect(address, additional_headers={"x-api-key": key}) as connection:
        await connection.send(json.dumps({"type": "initConnection", "voice_id": STOCK}))
        await connection.send(json.dumps({"type": "text", "text": TEXT, "flush": True}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.random() * SECONDS):
                async for _ in connection:
                    pass
        connection.transport.abort()


def all_leave(each: Callable[[random.Random], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with places:
                await each(random.Random(number))

        await asyncio.gather(*(one(number) for number in range(LEAVERS)))

    asyncio.run(run())


def assert_nothing_is_left(node: ServerProcess) -> None:
    def left() -> list[str]:
        lines = httpx.get(f"{node.url}/metrics", timeout=PATIENCE).text.splitlines()
        busy = [line for line in lines if line.startswith(("myna_engine_running", "myna_engine_waiting"))]
        return node.query(of_database) + [line for line in busy if not line.endswith(" 0.0")]

    assert eventually(lambda: not left()), left()
    troubles = [line for line in node.log().splitlines() if "API key" not in line]
    assert not troubles, "nobody has done anything wrong"


def test_requests(node: ServerProcess, key: str) -> None:
    for address, make in ways_in(node.url, key).items():

        async def one(chance: random.Random, make: Wire = make) -> None:
            request = make()
            whole = chance.random() < 0.75
            await leave(node.url, request, chance, len(request) if whole else chance.randrange(len(request)))

        all_leave(one)
        head, _, body = make().partition(b"\r\n\r\n")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
        answer = httpx.post(address, content=body, headers=headers, timeout=PATIENCE)
        assert answer.is_success, f"{address}: {answer.text}"
    assert_nothing_is_left(node)


def test_sockets(node: ServerProcess, key: str) -> None:
    all_leave(lambda chance: leave_socket(node.url, key, chance))
    assert_nothing_is_left(node)


def test_files(node: ServerProcess, key: str, film: Path, low_voice: bytes) -> None:
    """That never arrive whole."""
    recording = ("me.wav", low_voice, "audio/wav")
    options = {"target_languages": "es", "source_language": "en", "transcript": SCRIPT}
    items = {"items": [{"type": "audio", "extension": "wav"}]}
    headers = {"Authorization": f"Bearer {key}"}
    slot = httpx.post(f"{node.url}/v1/files/upload-urls", json=items, headers=headers).json()["items"][0]["upload_url"]
    ways = [
        on_the_wire(f"{node.url}/myna/v1/dubs", key, data=options, files={"file": ("film.mp4", film.read_bytes())}),
        on_the_wire(
            f"{node.url}/myna/v1/voices", key, data={"name": "Me", "consent": "yes"}, files={"file": recording}
        ),
        lambda: on_the_wire(slot, key, content=low_voice)().replace(b"POST", b"PUT", 1),
    ]
    for make in ways:

        async def one(chance: random.Random, make: Wire = make) -> None:
            request = make()
            await leave(node.url, request, chance, chance.randrange(len(request)))

        all_leave(one)
    assert_nothing_is_left(node)
    folders = [node.data_dir / "work", *(node.data_dir / "files" / name for name in ("dubs", "voices", "uploads"))]
    assert [path for folder in folders for path in folder.rglob("*") if path.is_file()] == []

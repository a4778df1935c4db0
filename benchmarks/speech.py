"""`/v1/audio/speech` against espeak-ng called in-process, and against a bare ASGI application with the same bytes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.load import Load, load
from benchmarks.node import Node, running_node
from myna.engines.base import SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.media.encode import encode

TEXT = "Technology is a bridge between imagination and reality."
BODY = {"model": "tts-1", "voice": "alloy", "input": TEXT}
CLIENTS = (1, 8, 32)
REQUESTS = 300


def measure() -> dict[str, Any]:
    in_process = _in_process(encoded=False), _in_process(encoded=True)
    with running_node() as node:
        headers = {"Authorization": f"Bearer {node.key}"}
        answer = _bytes_of_one_answer(node, headers)
        with _bare_application(answer) as bare:
            rows = [_row(node, headers, bare, clients, in_process) for clients in CLIENTS]
    return {
        "text characters": len(TEXT),
        "answer bytes": len(answer),
        "espeak-ng in-process, per second": round(in_process[0], 1),
        "espeak-ng in-process with mp3, per second": round(in_process[1], 1),
        "rows": rows,
    }


def _row(
    node: Node, headers: dict[str, str], bare: str, clients: int, in_process: tuple[float, float]
) -> dict[str, Any]:
    """Myna and the bare application in turn, twice, so that both see the same machine."""
    pairs = [
        (
            load(f"{node.url}/v1/audio/speech", BODY, headers, clients, REQUESTS),
            load(bare, BODY, headers, clients, REQUESTS),
        )
        for _ in range(2)
    ]
    myna, other = (_best([pair[side] for pair in pairs]) for side in (0, 1))
    return {
        "clients": clients,
        "requests per second": round(myna.requests_per_second, 1),
        "p50 ms": round(myna.p50_ms, 1),
        "p95 ms": round(myna.p95_ms, 1),
        "of espeak-ng in-process": round(myna.requests_per_second / in_process[0], 3),
        "of espeak-ng in-process with mp3": round(myna.requests_per_second / in_process[1], 3),
        "of the bare application": round(myna.requests_per_second / other.requests_per_second, 3),
        "bare p50 ms": round(other.p50_ms, 1),
    }


def _best(runs: list[Load]) -> Load:
    return max(runs, key=lambda run: run.requests_per_second)


def _in_process(*, encoded: bool, seconds: float = 3.0) -> float:
    """Texts per second in one thread of this process."""
    engine = EspeakEngine()
    voice = EspeakEngine.voices()[0]
    request = SynthesisRequest(text=TEXT, language=voice.language, voice_settings=voice.settings)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        chunks = list(engine.synthesize(request))
        if encoded:
            encode(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, "mp3")
        count += 1
    rate = count / (time.perf_counter() - began)
    engine.close()
    return rate


def _bytes_of_one_answer(node: Node, headers: dict[str, str]) -> bytes:
    answer = httpx.post(f"{node.url}/v1/audio/speech", json=BODY, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.content


BARE = """
import asyncio, sys, uvicorn
BODY = open(sys.argv[1], "rb").read()
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"audio/mpeg")]})
    await send({"type": "http.response.body", "body": BODY})
config = uvicorn.Config(app, port=0, access_log=False, log_level="critical")
listener = config.bind_socket()
print(listener.getsockname()[1], flush=True)
uvicorn.Server(config).run(sockets=[listener])
"""


@contextlib.contextmanager
def _bare_application(answer: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer"
        path.write_bytes(answer)
        process = subprocess.Popen([sys.executable, "-c", BARE, str(path)], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.terminate()
            process.wait()

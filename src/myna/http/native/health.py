"""Whether this node lives, is ready, and what it counts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

import myna
from myna.engines.remote.engine import board_of
from myna.errors import EngineUnavailable, MynaError

if TYPE_CHECKING:
    from myna.http.services import Services

log = structlog.get_logger("myna.http")

_PATIENCE = 5.0
"""Seconds that a part may take to say that it is well."""


def health_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok", "version": myna.__version__}

    @router.get("/readyz")
    async def readyz() -> Response:
        """Database, storage and an engine are ready: 200, else 503 with what is not."""
        parts = {
            "database": services.database.ping(),
            "storage": services.storage.check(),
            "engine": _engine_ready(services),
        }
        states = dict(zip(parts, await asyncio.gather(*(_state(part) for part in parts.values())), strict=True))
        ready = all(state == "ok" for state in states.values())
        headers = {} if ready else {"Retry-After": "1"}
        return JSONResponse({"ready": ready, "parts": states}, 200 if ready else 503, headers)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Numbers for Prometheus."""
        await refresh_metrics(services)
        return Response(services.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


async def _state(part: Awaitable[object]) -> str:
    try:
        await asyncio.wait_for(part, _PATIENCE)
    except Exception as error:
        reason = error.details.get("reason") if isinstance(error, MynaError) else None
        log.warning("http.not_ready", error=str(error) or type(error).__name__, reason=reason)
        return "unavailable"
    return "ok"


async def _engine_ready(services: Services) -> None:
    """The preferred engine has a process. One that is busy counts, so that load alone makes no node unready, and so
    does another engine where not all may be in memory at once.
    """
    if not services.registry.names:
        raise EngineUnavailable("No engine can run here. `myna doctor` says why.")
    preferred = services.registry.names[0]
    counts = services.engines.counters
    enough = list(counts) if services.settings.engines_at_once else [preferred]
    if not any(name in counts and counts[name].processes for name in enough):
        await services.engines.warm(preferred)


async def refresh_metrics(services: Services) -> None:
    """Look up what is not counted as it happens. What cannot be looked up is left out, and the rest told."""
    _refresh_engines(services)
    if await _state(_refresh_work(services)) != "ok":
        services.metrics.snapshot.drop("myna_queue", "myna_jobs")


def _refresh_engines(services: Services) -> None:
    snapshot = services.metrics.snapshot
    counts = services.engines.counters
    for name, documentation in _ENGINE_NUMBERS.items():
        values = {(engine,): float(getattr(counters, name)) for engine, counters in counts.items()}
        snapshot.set(f"myna_engine_{name}", documentation, ("engine",), values)
    resident = {(engine,): float(number) for engine, number in services.engines.memory_bytes.items()}
    snapshot.set("myna_engine_memory_bytes", "Resident memory of its processes.", ("engine",), resident)
    restarts = {
        (engine, reason): float(number)
        for engine, counters in counts.items()
        for reason, number in counters.restarts.items()
    }
    snapshot.set("myna_engine_restarts", "Processes that were ended.", ("engine", "reason"), restarts)
    if services.settings.remote_url:
        _refresh_upstreams(services)
    if verifier := services.speech.renderer.verifier:
        outcomes = {(outcome,): float(number) for outcome, number in verifier.outcomes.items()}
        snapshot.set("myna_speech_verified", "Sentences that were looked at, by outcome.", ("outcome",), outcomes)
        snapshot.set("myna_speech_attempts", "Sentences that were spoken again.", (), {(): float(verifier.attempts)})
        snapshot.set("myna_speech_verifying_seconds", "Time that this took.", (), {(): verifier.seconds})


def _refresh_upstreams(services: Services) -> None:
    """What the processes of the engine `remote` noted of the servers that they ask."""
    board, snapshot = board_of(os.getpid(), services.settings), services.metrics.snapshot
    health = board.health()
    resting = {(name,): float(board.is_open(name)) for name in health}
    snapshot.set("myna_upstream_open", "1: a speech server is left alone after its failures.", ("upstream",), resting)
    outcomes = {(name, "answered"): float(known.answered) for name, known in health.items()}
    outcomes |= {(name, "failed"): float(known.failed) for name, known in health.items()}
    snapshot.set("myna_upstream_requests", "Requests to speech servers, ever.", ("upstream", "outcome"), outcomes)


async def _refresh_work(services: Services) -> None:
    snapshot = services.metrics.snapshot
    broken = {(check,): float(len(words)) for check, words in services.broken.items()}
    snapshot.set("myna_broken", "What housekeeping last found broken; 0 is well.", ("check",), broken)
    waiting = {(queue,): float(number) for queue, number in (await services.backlog()).items()}
    snapshot.set("myna_queue", "Durable work that waits or runs, on all nodes.", ("queue",), waiting)
    jobs = {**dict.fromkeys(("queued", "running", "succeeded", "failed", "canceled"), 0)}
    jobs |= await services.jobs.count_by_status()
    values = {(status,): float(number) for status, number in jobs.items()}
    snapshot.set(
        "myna_jobs", "Jobs on all nodes: waiting and running now, ended in the last hour.", ("status",), values
    )


_ENGINE_NUMBERS = {
    "processes": "Child processes of an engine.",
    "running": "Requests that an engine works on.",
    "waiting": "Requests that wait for an engine.",
    "requests": "Requests that an engine has taken, ever.",
}

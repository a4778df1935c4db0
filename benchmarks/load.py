"""Clients that ask again and again, and what they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Load:
    """What some clients saw."""

    clients: int
    requests_per_second: float
    p50_ms: float
    p95_ms: float


def load(
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    clients: int,
    requests: int,
    *,
    warm_up: int | None = None,
) -> Load:
    """`requests` POSTs by `clients` clients at once, after a warm-up of two for each, or of so many in all.

    Raises when one fails.
    """
    return asyncio.run(_load(url, body, headers, clients, requests, 2 * clients if warm_up is None else warm_up))


async def _load(
    url: str, body: Mapping[str, Any], headers: Mapping[str, str], clients: int, requests: int, warm_up: int
) -> Load:
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(limits=limits, timeout=300, headers=dict(headers)) as client:
        await _ask(client, url, body, clients, warm_up)
        began = time.perf_counter()
        latencies = sorted(await _ask(client, url, body, clients, requests))
        seconds = time.perf_counter() - began
    return Load(clients, requests / seconds, _at(latencies, 0.5) * 1e3, _at(latencies, 0.95) * 1e3)


async def _ask(
    client: httpx.AsyncClient, url: str, body: Mapping[str, Any], clients: int, requests: int
) -> list[float]:
    numbers = iter(range(requests))
    latencies: list[float] = []

    async def one_client() -> None:
        for _ in numbers:
            began = time.perf_counter()
            answer = await client.post(url, json=body)
            answer.raise_for_status()
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return latencies


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

"""Resident memory over 2,000 requests."""

from __future__ import annotations

from typing import Any

from benchmarks.load import load
from benchmarks.node import running_node
from benchmarks.speech import BODY

REQUESTS = 2_000
WARM_UP = 400
NODES = 3


def measure() -> dict[str, Any]:
    """Of several nodes, one after the other: what is free in a process, and is not given back, is partly chance."""
    return {"requests": REQUESTS, "rows": [_row() for _ in range(NODES)]}


def _row() -> dict[str, Any]:
    with running_node() as node:
        url, headers = f"{node.url}/v1/audio/speech", {"Authorization": f"Bearer {node.key}"}
        load(url, BODY, headers, clients=4, requests=WARM_UP)
        before = node.resident_mb()
        load(url, BODY, headers, clients=4, requests=REQUESTS)
        after = node.resident_mb()
    return {
        **{f"{part} before MiB": round(before[part], 1) for part in before},
        **{f"{part} after MiB": round(after[part], 1) for part in after},
        "drift": f"{sum(after.values()) / sum(before.values()) - 1:.1%}",
    }

"""Resident memory over 2,000 requests."""

from __future__ import annotations

from typing import Any

from benchmarks.load import load
from benchmarks.node import running_node
from benchmarks.speech import BODY

REQUESTS = 2_000
WARM_UP = 400


def measure() -> dict[str, Any]:
    with running_node() as node:
        url, headers = f"{node.url}/v1/audio/speech", {"Authorization": f"Bearer {node.key}"}
        load(url, BODY, headers, clients=4, requests=WARM_UP)
        before = node.resident_mb()
        load(url, BODY, headers, clients=4, requests=REQUESTS)
        after = node.resident_mb()
    return {
        "requests": REQUESTS,
        **{f"{part} before MiB": round(before[part], 1) for part in before},
        **{f"{part} after MiB": round(after[part], 1) for part in after},
        "drift": round(sum(after.values()) / sum(before.values()) - 1, 4),
    }

"""How soon the first byte of a long stream comes, as a share of the whole."""

from __future__ import annotations

import statistics
import time
from typing import Any

import httpx

from benchmarks.node import Node, running_node

SENTENCE = "This sentence is spoken while the next one is on its way, and nobody has to wait for the end. "
TEXT = (SENTENCE * 30)[:2000]
ROUNDS = 9


def measure() -> dict[str, Any]:
    with running_node() as node:
        _stream(node)
        runs = [_stream(node) for _ in range(ROUNDS)]
    first = statistics.median(run[0] for run in runs)
    whole = statistics.median(run[1] for run in runs)
    return {
        "text characters": len(TEXT),
        "first byte ms": round(first * 1e3, 1),
        "whole ms": round(whole * 1e3, 1),
        "first byte of the whole": round(first / whole, 3),
    }


def _stream(node: Node) -> tuple[float, float]:
    began = time.perf_counter()
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT}
    headers = {"Authorization": f"Bearer {node.key}"}
    with httpx.stream("POST", f"{node.url}/v1/audio/speech", json=body, headers=headers, timeout=120) as answer:
        answer.raise_for_status()
        blocks = answer.iter_raw()
        next(blocks)
        first = time.perf_counter() - began
        for _ in blocks:
            pass
    return first, time.perf_counter() - began

"""An engine over HTTP, against its own package called in a loop on the same file and cores, in one run.

With `MYNA_BENCH_SHORT=on` it takes a minute or two and says little. The node's own settings (`MYNA_ENGINE_PROCESSES`,
`MYNA_ENGINE_THREADS`) hold as they are set.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.load import load
from benchmarks.node import Node, running_node

SHORT = "MYNA_BENCH_SHORT"
REQUESTS = {1: 8, 4: 16, 16: 32}
"""By clients."""
_FEW = {1: 2, 4: 4, 16: 4}
_WARM_UP = 4
_TEXTS, _STREAMS = 6, 5


@dataclass(frozen=True)
class Looped:
    """What a package did, one text after the other, in a process with nothing else in it."""

    texts: int
    spoken: float
    """Seconds of speech, all together."""
    seconds: float

    @property
    def texts_per_second(self) -> float:
        return self.texts / self.seconds

    @property
    def speech_per_second(self) -> float:
        return self.spoken / self.seconds


Loop = Callable[[str, int], Looped]
"""Speaks a text so many times, after a first time that does not count."""


def looped(python: str | Path, program: str, arguments: Sequence[str | Path], count: int) -> Looped:
    """Run a loop, which prints its seconds of speech and how long it took as a list."""
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
    command = [str(python), "-c", program, *map(str, arguments), str(count)]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    spoken, seconds = json.loads(ended.stdout.splitlines()[-1])
    return Looped(count, spoken, seconds)


def compare(package: str, loop: Loop, settings: Mapping[str, str], voice: str, sentence: str) -> dict[str, Any]:
    """A sentence over HTTP by 1, 4 and 16 clients, between two loops of the package, of which the better one counts.

    Compared are texts, and seconds of speech: an engine need not read a text as its package does.
    """
    short = os.environ.get(SHORT) == "on"
    texts = 2 if short else _TEXTS
    loops = [loop(sentence, texts)]
    with running_node(**settings) as node:
        speaker = _Speaker(node, voice, sentence)
        spoken = speaker.seconds_of_speech()
        rows = [_row(speaker, clients, count, spoken) for clients, count in (_FEW if short else REQUESTS).items()]
        first = statistics.median(speaker.first_audio() for _ in range(1 if short else _STREAMS))
        memory = node.resident_mb()
    loops.append(loop(sentence, texts))
    speech, many = max(each.speech_per_second for each in loops), max(each.texts_per_second for each in loops)
    return {
        "text characters": len(sentence),
        "its seconds of speech": round(spoken, 2),
        f"by {package}": round(loops[0].spoken / loops[0].texts, 2),
        f"{package}: seconds of speech per second": round(speech, 3),
        "texts per second": round(many, 3),
        "its first sentence ms": round(1e3 / many),
        "first audio of 1,000 characters ms": round(first * 1e3),
        "first audio of its first sentence": round(first * many, 2),
        "server MiB": round(memory["server"]),
        "engine processes MiB": round(memory["engines"]),
        "rows": [
            row
            | {
                f"of {package}": round(row["seconds of speech per second"] / speech, 3),
                f"of {package}, in texts": round(row["requests per second"] / many, 3),
            }
            for row in rows
        ],
    }


def _row(speaker: _Speaker, clients: int, requests: int, spoken: float) -> dict[str, Any]:
    before = speaker.node.processor_seconds()
    seen = load(speaker.url, speaker.body(), speaker.headers, clients, requests, warm_up=_WARM_UP)
    used = {name: seconds - before[name] for name, seconds in speaker.node.processor_seconds().items()}
    return {
        "clients": clients,
        "requests per second": round(seen.requests_per_second, 3),
        "seconds of speech per second": round(seen.requests_per_second * spoken, 3),
        "p50 ms": round(seen.p50_ms),
        "p95 ms": round(seen.p95_ms),
        "processor time of the server": f"{100 * used['server'] / sum(used.values()):.1f} %",
    }


class _Speaker:
    """Asks a node to speak."""

    def __init__(self, node: Node, voice: str, sentence: str) -> None:
        self.node = node
        self.url = f"{node.url}/v1/audio/speech"
        self.headers = {"Authorization": f"Bearer {node.key}"}
        self._voice = voice
        self._sentence = sentence

    def body(self, **changes: str) -> dict[str, str]:
        return {"model": "tts-1", "voice": self._voice, "input": self._sentence, **changes}

    def seconds_of_speech(self) -> float:
        """What an answer holds without the pause at its end."""
        answer = httpx.post(self.url, json=self.body(response_format="pcm"), headers=self.headers, timeout=300)
        answer.raise_for_status()
        samples = np.frombuffer(answer.content, "<i2")
        return float(np.flatnonzero(samples)[-1] + 1) / 24_000  # OpenAI's rate

    def first_audio(self) -> float:
        """Seconds until the first sound of a text of 1,000 characters is here."""
        text = " ".join([self._sentence] * (1_000 // len(self._sentence) + 1))[:1_000]
        body = self.body(input=text, response_format="pcm")
        began = time.perf_counter()
        with httpx.stream("POST", self.url, json=body, headers=self.headers, timeout=300) as answer:
            answer.raise_for_status()
            next(answer.iter_raw())
            return time.perf_counter() - began

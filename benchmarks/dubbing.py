"""How long a dub takes, stage by stage, what memory it needs, and what people notice who want a voiceover meanwhile.

`DUB_MINUTES=1` (or `1,10`) measures films of these lengths only.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.film import Film, make_film
from benchmarks.node import Node, running_node
from benchmarks.speech import BODY

SENTENCES = (
    "Good morning, and welcome to the {place} with {number} friends and a {thing}.",
    "The {thing} on the left is very old, and nobody has used it for {number} years.",
    "My brother worked by the {thing} of the {place} with {number} other men.",
    "In the morning the {place} was full of {people}, and {number} of them sat near the {thing}.",
    "They sold {number} fish from the river to the {people} of the {place}.",
    "The water by the {thing} is cold for {number} weeks, even in summer.",
    "We open {number} windows, and the {people} play near the {thing}.",
    "Please come with me, there are {number} more {people} to see behind the {thing}.",
)
_WORDS = {
    "place": ("old town", "market", "garden", "church", "street", "school", "village"),
    "thing": ("house", "bridge", "boat", "table", "wall", "clock", "door", "well", "tree", "window", "stone"),
    "people": ("children", "women", "men", "doctors", "teachers"),
    "number": (
        *("two", "three", "five", "seven", "ten", "twelve", "twenty"),
        *("thirty", "forty", "fifty", "sixty", "ninety", "nine"),
    ),
}
"""In lists of lengths that have no divisor in common, so that no sentence comes twice in an hour."""
_BETWEEN_LOOKS = 0.5
_ALONE_REQUESTS = 100
_SECONDS_TO_DUB = 4 * 3_600


def measure() -> dict[str, Any]:
    lengths = [int(minutes) for minutes in os.environ.get("DUB_MINUTES", "1,10,60").split(",")]
    with tempfile.TemporaryDirectory() as folder:
        films = [make_film(Path(folder) / f"film-{minutes}.mp4", minutes, _sentences()) for minutes in lengths]
        runs = {film.minutes: _alone(film, films[0]) for film in films}
        disturbed = _with_voiceovers(films[0])
    figures: dict[str, Any] = {"film": "1280 × 720, two speakers, English to Spanish"}
    for minutes, run in runs.items():
        figures[f"{minutes} min: server MiB at most"] = run["server"]
        figures[f"{minutes} min: children"] = run["children"]
    return {**figures, "slowest stage": _slowest(runs[max(runs)]["stages"]), **disturbed, "rows": _rows(runs)}


def _sentences() -> Iterator[str]:
    """Without end."""
    for round_ in count():
        words = {kind: choices[round_ % len(choices)] for kind, choices in _WORDS.items()}
        yield from (sentence.format(**words) for sentence in SENTENCES)


def _alone(film: Film, before: Film) -> dict[str, Any]:
    """One dub on a node that has done another: seconds of each stage and of all, MiB at most."""
    with running_node() as node, _client(node) as client:
        _wait(client, _begin(client, before))  # the models are loaded, the pairs of languages are open
        with _memory_watched(node) as most:
            began = time.monotonic()
            dub = _wait(client, _begin(client, film))
            seconds = time.monotonic() - began
    print(f"{film.minutes} min: {seconds:.1f} s, {most}", flush=True)
    stages = {name: stage["seconds"] for name, stage in dub["stages"].items()}
    return {"stages": stages, "all": seconds, **{part: round(mib) for part, mib in most.items()}}


def _with_voiceovers(film: Film) -> dict[str, Any]:
    """p95 of short speech over HTTP, with nothing else to do and with two dubs at once."""
    with running_node(MYNA_DUBS_AT_ONCE="2") as node, _client(node) as client:
        _wait(client, _begin(client, film))
        alone = _p95([_voiceover(client) for _ in range(_ALONE_REQUESTS)])
        dubs, meanwhile = [_begin(client, film) for _ in range(2)], []
        while not all(_ended(client, dub) for dub in dubs):
            meanwhile += [_voiceover(client) for _ in range(10)]
        for dub in dubs:
            _wait(client, dub)
    busy = _p95(meanwhile)
    return {
        "voiceover p95 ms, alone": round(1e3 * alone, 1),
        "with two dubs at once": round(1e3 * busy, 1),
        "ratio": round(busy / alone, 2),
    }


@contextlib.contextmanager
def _client(node: Node) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=node.url, headers={"Authorization": f"Bearer {node.key}"}, timeout=600) as client:
        yield client


def _begin(client: httpx.Client, film: Film) -> str:
    with film.path.open("rb") as file:
        form = {"target_languages": "es", "source_language": "en"}
        answer = client.post("/myna/v1/dubs", files={"file": ("film.mp4", file, "video/mp4")}, data=form)
    return str(answer.raise_for_status().json()["id"])


def _wait(client: httpx.Client, dub_id: str) -> dict[str, Any]:
    ends = time.monotonic() + _SECONDS_TO_DUB
    while time.monotonic() < ends:
        dub: dict[str, Any] = client.get(f"/myna/v1/dubs/{dub_id}").raise_for_status().json()
        if dub["status"] not in ("queued", "running"):
            assert dub["status"] == "succeeded", dub["error"]
            return dub
        time.sleep(_BETWEEN_LOOKS)
    raise TimeoutError(dub_id)


def _ended(client: httpx.Client, dub_id: str) -> bool:
    status = client.get(f"/myna/v1/dubs/{dub_id}").raise_for_status().json()["status"]
    return status not in ("queued", "running")


def _voiceover(client: httpx.Client) -> float:
    """Seconds that one takes."""
    began = time.perf_counter()
    client.post("/v1/audio/speech", json=BODY).raise_for_status()
    return time.perf_counter() - began


@contextlib.contextmanager
def _memory_watched(node: Node) -> Iterator[Mapping[str, float]]:
    """MiB that the server and the processes under it had at most; right once the block has ended."""
    most = {"server": 0.0, "children": 0.0}
    over = threading.Event()
    server = psutil.Process(node.pid)

    def watch() -> None:
        while not over.wait(_BETWEEN_LOOKS):
            children = sum(map(_resident, server.children(recursive=True)))
            for part, mib in (("server", _resident(server)), ("children", children)):
                most[part] = max(most[part], mib)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield most
    finally:
        over.set()
        watching.join()


def _resident(process: psutil.Process) -> float:
    """MiB; none when it has just ended."""
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _rows(runs: Mapping[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """For each stage and for all of them: seconds, and how many seconds of film are done in one."""
    first = next(iter(runs.values()))
    return [_row(name, runs) for name in [*first["stages"], "all"]]


def _row(name: str, runs: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": name}
    for minutes, run in runs.items():
        seconds = run["all"] if name == "all" else run["stages"][name]
        row[f"{minutes} min, s"] = round(seconds, 2)
        row[f"{minutes} min, × real time"] = round(60 * minutes / max(seconds, 0.01), 1)
    return row


def _slowest(stages: Mapping[str, float]) -> str:
    name = max(stages, key=lambda stage: stages[stage])
    return f"{name}, {stages[name] / sum(stages.values()):.0%} of the time"


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]

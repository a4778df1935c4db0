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
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.film import Film, make_film
from benchmarks.node import Node, running_node
from benchmarks.speech import BODY

SENTENCES = (
    "Good morning, and welcome to our little tour of the old town.",
    "The house on the left is very old, and nobody has lived in it for years.",
    "My brother worked here when he was a young man.",
    "In the morning the whole street was full of people.",
    "They sold bread and cheese, and fish from the river.",
    "The water in the river is cold, even in summer.",
    "We open the windows, and the children play in the garden.",
    "Please come with me, there is more to see behind the church.",
)
_BETWEEN_LOOKS = 0.5
_ALONE_REQUESTS = 100
_SECONDS_TO_DUB = 4 * 3_600


def measure() -> dict[str, Any]:
    lengths = [int(minutes) for minutes in os.environ.get("DUB_MINUTES", "1,10,60").split(",")]
    with tempfile.TemporaryDirectory() as folder:
        films = [make_film(Path(folder) / f"film-{minutes}.mp4", minutes, SENTENCES) for minutes in lengths]
        runs = {film.minutes: _alone(film, films[0]) for film in films}
        disturbed = _with_voiceovers(films[0])
    figures: dict[str, Any] = {"film": "1280 × 720, two speakers, English to Spanish"}
    for minutes, run in runs.items():
        figures[f"{minutes} min: server MiB at most"] = run["server"]
        figures[f"{minutes} min: children"] = run["children"]
    return {**figures, "slowest stage": _slowest(runs[max(runs)]["stages"]), **disturbed, "rows": _rows(runs)}


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

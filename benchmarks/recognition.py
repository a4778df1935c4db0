"""Whisper at its true size with random weights: windows of 30 seconds, heard as the engine host has a long recording
heard, by several processes with one window in a call each; beside it with four windows in one call of CTranslate2, and
by one process with all cores. All of them take turns; each process hears four windows in a turn.

Random weights hear nothing, so half a window's tokens are forced out of them: 112 tokens, about what half a minute of
speech has. `MYNA_BENCH_SHORT=on` measures whisper-base alone, once.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myna.engines.whisper import WhisperEngine
from myna.models.store import ModelStore
from myna.settings import Settings

SECONDS = 30
_TOKENS = 112
_TOGETHER = 4
_RATE = 16_000
_RUNS = 2


@dataclass(frozen=True)
class _Arrangement:
    processes: int
    together: int
    """Windows in one call."""

    @property
    def threads(self) -> int:
        return Settings(engine_processes=self.processes).threads_per_process


def measure() -> dict[str, Any]:
    short = os.environ.get("MYNA_BENCH_SHORT") == "on"
    names = ("whisper-base",) if short else ("whisper-base", "whisper-small", "whisper-turbo")
    return {"rows": [row for name in names for row in _rows(name, 1 if short else _RUNS)]}


def alone(module: str, *arguments: object) -> dict[str, Any]:
    """The row that a module prints when it runs in a process of its own, whose memory nothing else has used."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer.splitlines()[-1]))


def built(folder: Path, name: str) -> Path:
    """In a process of its own: making a model takes much more memory than using it."""
    subprocess.run([sys.executable, "-m", "benchmarks.full_size_random", str(folder), name], check=True)
    return folder


def _rows(name: str, runs: int) -> list[dict[str, Any]]:
    usual = Settings().engine_processes
    arrangements = [_Arrangement(processes, count) for processes in (usual, 1) for count in (1, _TOGETHER)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        store = ModelStore(Path(folder, "models"))
        store.add(name, "whisper", built(Path(folder, "made"), name))
        teams = [
            _Team(each, [stack.enter_context(_listener(store.folder, each)) for _ in range(each.processes)])
            for each in arrangements
        ]
        for _ in range(runs):
            for team in teams:
                team.hear_short()
                team.hear_long()
        return [team.row(name) for team in teams]


class _Team:
    """The processes of one arrangement."""

    def __init__(self, arrangement: _Arrangement, listeners: list[subprocess.Popen[str]]) -> None:
        self._arrangement = arrangement
        self._listeners = listeners
        self._starting = max(_answer(each)["starting"] for each in listeners)
        self._short: list[float] = []
        self._long: list[float] = []
        self._work: list[float] = []
        self._memory = 0.0

    def hear_short(self) -> None:
        """One window, while nothing else is to be heard."""
        self._short.append(self._heard(self._listeners[:1], 1)[0])

    def hear_long(self) -> None:
        """Four windows in each process."""
        passed, worked = self._heard(self._listeners, _TOGETHER)
        windows = len(self._listeners) * _TOGETHER
        self._long.append(passed / windows)
        self._work.append(worked / windows)

    def row(self, name: str) -> dict[str, Any]:
        """The best of all runs: what else the machine does only makes them slower."""
        arrangement = self._arrangement
        return {
            "model (int8)": name,
            "processes × threads": f"{arrangement.processes} × {arrangement.threads}",
            "windows in a call": arrangement.together,
            "share of real time": f"{min(self._long) / SECONDS:.3f}",
            "processor s a window": f"{min(self._work):.2f}",
            "one window alone s": f"{min(self._short):.2f}",
            "memory MB, at most": f"{self._memory:.0f}",
            "starting s": f"{self._starting:.1f}",
        }

    def _heard(self, listeners: list[subprocess.Popen[str]], windows: int) -> tuple[float, float]:
        """Seconds that passed, and those that processors worked."""
        began = time.perf_counter()
        for listener in listeners:
            assert listener.stdin
            print(windows, min(windows, self._arrangement.together), file=listener.stdin, flush=True)
        answers = [_answer(listener) for listener in listeners]
        self._memory = max(self._memory, sum(answer["memory"] for answer in answers))
        return time.perf_counter() - began, sum(answer["worked"] for answer in answers)


@contextmanager
def _listener(models: Path, arrangement: _Arrangement) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.recognition", str(models), str(arrangement.processes)]
    command.append(str(time.time()))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def _answer(listener: subprocess.Popen[str]) -> dict[str, float]:
    assert listener.stdout
    return dict(json.loads(listener.stdout.readline()))


def _listen(models: Path, processes: int, started: float) -> None:
    """Hears as many windows as each line says, as many in a call as it says next."""
    engine = WhisperEngine(Settings(models_dir=models, engine_processes=processes))
    print(json.dumps({"starting": time.time() - started}), flush=True)
    sound = (0.1 * np.random.default_rng(0).standard_normal(SECONDS * _RATE)).astype(np.float32)
    for line in sys.stdin:
        windows, together = map(int, line.split())
        began = time.process_time()
        for _ in range(windows // together):
            _hear(engine.model(), sound, together)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps({"memory": memory, "worked": time.process_time() - began}), flush=True)


def _hear(model: Any, sound: np.ndarray, count: int) -> None:
    """Take in so many windows in one call, write tokens of them with the engine's beam, and find when they are said."""
    features = np.stack([model.feature_extractor(sound)[:, : SECONDS * 100] for _ in range(count)])
    heard = model.encode(features)
    token = model.hf_tokenizer.token_to_id
    prompt = [token(f"<|{name}|>") for name in ("startoftranscript", "en", "transcribe", "notimestamps")]
    beam = Settings().whisper_beam
    written = model.model.generate(heard, [prompt] * count, beam_size=beam, max_length=len(prompt) + _TOKENS)
    tokens = [result.sequences_ids[0] for result in written]
    model.model.align(heard, prompt[:-1], tokens, [SECONDS * 100] * count)


if __name__ == "__main__":
    _listen(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

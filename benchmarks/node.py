"""A node to measure, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil


@dataclass(frozen=True)
class Node:
    url: str
    key: str
    pid: int
    data_dir: Path

    def resident_mb(self) -> dict[str, float]:
        """Resident memory of the server and of its engine processes, MiB."""
        server = psutil.Process(self.pid)
        engines = sum(child.memory_info().rss for child in server.children(recursive=True))
        return {"server": server.memory_info().rss / 2**20, "engines": engines / 2**20}

    def processor_seconds(self) -> dict[str, float]:
        """What the server and its engine processes have computed so far, on all cores together."""
        server = psutil.Process(self.pid)
        engines = sum(_computed(child) for child in server.children(recursive=True))
        return {"server": _computed(server), "engines": engines}


@contextlib.contextmanager
def running_node(**settings: str) -> Iterator[Node]:
    """`myna serve` on a free port with fresh data and one key with plenty of credits."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MYNA_DATA_DIR": folder,
            "MYNA_ENGINES": '["espeak"]',
            "MYNA_RATE_LIMITS": "off",
            "MYNA_LOG_LEVEL": "warning",
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "myna", "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            url = _address(process)
            made = subprocess.run(
                [sys.executable, "-m", "myna", "keys", "create", "benchmark", "--credits", "1000000"],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            yield Node(url, made.stdout.strip(), process.pid, Path(folder))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _computed(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    url = next(line.split()[-1] for line in process.stdout if line.startswith("Myna listens on "))
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return url
        time.sleep(0.05)

"""The command line as a user has it: processes, signals, and nodes that share their data."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from myna.accounts.service import is_token
from myna.media.decode import decode

DEADLINE = 60


@dataclass
class Shell:
    """Runs `myna` on a data folder of its own."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "myna", *arguments],
            env=dict(self.environment),
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )


@dataclass
class Running:
    """A `myna serve` that runs."""

    process: subprocess.Popen[str]
    first_line: str

    @property
    def url(self) -> str:
        return self.first_line.split()[-1]

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """The exit status, and what stood on standard error."""
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, err


Serve = Callable[..., Running]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNA_")}
    ours = {"MYNA_DATA_DIR": str(tmp_path / "data"), "MYNA_ENGINES": "fake", "MYNA_ENGINE_PROCESSES": "1"}
    return Shell(tmp_path, {**inherited, **ours})


@pytest.fixture
def serve(shell: Shell) -> Iterator[Serve]:
    """`serve(MYNA_WORK="false")`: start a node on a free port and wait for its first line."""
    started: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-m", "myna", "serve", "--port", "0"],
            env={**shell.environment, **environment},
            cwd=shell.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return Running(process, process.stdout.readline().strip())

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_until_ready(url: str) -> None:
    for _ in range(DEADLINE):
        if httpx.get(f"{url}/readyz", timeout=DEADLINE).status_code == 200:
            return
    raise AssertionError("the node is not ready")


def test_say_speaks_with_the_embedded_engine_and_leaves_no_data(shell: Shell) -> None:
    said = Shell(shell.folder, {**shell.environment, "MYNA_ENGINES": ""}).run("say", "Hello.", "-o", "hello.mp3")
    assert said.returncode == 0, said.stderr
    assert re.fullmatch(r"hello\.mp3 \(\d\.\d s, \S+\)\n", said.stdout)
    assert said.stderr == ""
    samples, rate = decode((shell.folder / "hello.mp3").read_bytes())
    assert len(samples) / rate > 0.3
    assert not (shell.folder / "data").exists()


def test_an_answer_that_nobody_reads_to_its_end_is_no_fault(shell: Shell) -> None:
    command = f"{sys.executable} -m myna voices list --json | head -n 1"
    piped = subprocess.run(
        command, shell=True, env=dict(shell.environment), capture_output=True, text=True, timeout=DEADLINE
    )
    assert (piped.stdout, piped.stderr) == ("[\n", "")


def test_a_node_that_cannot_start_ends_with_1_and_says_why(shell: Shell) -> None:
    broken = Shell(shell.folder, {**shell.environment, "MYNA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    ended = broken.run("serve", "--port", "0")
    assert ended.returncode == 1
    assert "myna: The database is away" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_one_node_answers_and_another_works(shell: Shell, serve: Serve) -> None:
    """From the first key to the end, by two nodes that share a data folder."""
    door = serve(MYNA_WORK="false")
    assert door.first_line.startswith("Myna listens on http://127.0.0.1:")
    assert door.process.stderr is not None
    words = door.process.stderr.readline()
    assert re.fullmatch(r"Your API key, shown this once, with 1000 credits: myna_\w+\n", words)
    first_key = words.split()[-1]

    made = shell.run("keys", "create", "alice", "--credits", "100")
    assert made.stdout == made.stdout.strip() + "\n"
    assert is_token(made.stdout.strip())
    assert made.stderr == "Key for `alice`, which has 100 credits. It is shown this once:\n"

    busy = shell.run("serve", "--port", door.url.rpartition(":")[2])
    assert (busy.returncode, busy.stdout) == (1, "")
    assert busy.stderr.startswith("myna: Cannot listen on 127.0.0.1:")

    wait_until_ready(door.url)
    client = httpx.Client(
        base_url=door.url, timeout=DEADLINE, headers={"Authorization": f"Bearer {made.stdout.strip()}"}
    )
    with client:
        account = client.get("/myna/v1/account", headers={"Authorization": f"Bearer {first_key}"})
        assert account.json()["name"] == "default"
        accepted = client.post("/myna/v1/speech", json={"text": "Who does this?", "voice": "fake:en-US.1"})
        assert accepted.status_code == 202, accepted.text
        job = f"/myna/v1/jobs/{accepted.json()['id']}"
        assert client.get(job).json()["status"] == "queued", "a node that does not work leaves it"
        hands = serve(MYNA_SERVE_HTTP="false")
        assert hands.first_line == "Myna works the queue"
        for _ in range(DEADLINE * 10):
            done = client.get(job)
            if done.json()["status"] not in ("queued", "running"):
                break
            time.sleep(0.1)
        assert done.json()["status"] == "succeeded", done.text

    for node, how in ((hands, signal.SIGTERM), (door, signal.SIGINT)):
        status, err = node.end(how)
        assert status == 0
        assert "node.stopped" in err
        assert "API key" not in err
        assert "Traceback" not in err
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), timeout=5)

"""Nothing is downloaded without being asked: a node and a command, with models for every engine that is installed, work
without a network and do not even look for one, in the server's process and in those of the engines.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from myna.models.store import ModelStore
from tests.fixtures.checkpoints import gtcrn_folder

DEADLINE = 300
pytestmark = pytest.mark.timeout(2 * DEADLINE)
WATCH = """
import os, sys

path = os.environ["NOTES"]

def note(words):
    with open(path, "a") as file:
        file.write(words + "\\n")

def refuse(words):
    note(words)
    raise OSError(101, "Network is unreachable")

def watch(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "", "127.0.0.1", "localhost", b"127.0.0.1"):
        refuse(f"ASKED FOR {arguments[0]}")
    elif event == "socket.connect" and isinstance(arguments[1], tuple) and not arguments[1][0].startswith("127."):
        refuse(f"CALLED {arguments[1]}")

sys.addaudithook(watch)
note("process " + " ".join(sys.orig_argv[1:5]))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, language_models: Path) -> Path:
    """Tiny ones for an engine of each kind, where the libraries are here."""
    store = ModelStore(tmp_path_factory.mktemp("models"))
    for model in ModelStore(language_models).installed():
        store.add(model.name, model.manifest.engine, model.folder)
    if find_spec("kokoro_onnx") and find_spec("onnx"):
        from tests.fixtures.checkpoints import kokoro

        store.add("kokoro", "kokoro", kokoro.build(tmp_path_factory.mktemp("kokoro")))
    if find_spec("sherpa_onnx") and find_spec("onnx"):
        store.add("gtcrn", "sherpa", gtcrn_folder(tmp_path_factory.mktemp("gtcrn")))
    return store.folder


@pytest.fixture
def environment(tmp_path: Path, models: Path) -> dict[str, str]:
    """Every Python that starts in it notes whom it calls, and reaches nobody but this machine."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MYNA_")},
        "PYTHONPATH": str(tmp_path / "watch"),
        "NOTES": str(tmp_path / "notes"),
        "MYNA_DATA_DIR": str(tmp_path / "data"),
        "MYNA_MODELS_DIR": str(models),
    }


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[list[str]]:
    """What the processes noted, for the test to add to; nobody may have called anybody."""
    lines: list[str] = []
    yield lines
    lines += (tmp_path / "notes").read_text().splitlines()
    assert any("myna.engines.child" in line for line in lines), "no engine was watched"
    assert [line for line in lines if not line.startswith("process")] == []


def test_the_watch_sees_who_calls(environment: dict[str, str], tmp_path: Path) -> None:
    call = "import socket\ntry: socket.create_connection(('192.0.2.1', 9), 0.1)\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", call], env=environment, check=True, timeout=DEADLINE)
    assert "ASKED FOR 192.0.2.1" in (tmp_path / "notes").read_text()


def test_say_keeps_to_this_machine(environment: dict[str, str], notes: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "myna", "say", "Good morning.", "-o", str(tmp_path / "out.wav")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out.wav").stat().st_size > 1_000


def test_a_node_keeps_to_this_machine(
    environment: dict[str, str], notes: list[str], tmp_path: Path, models: Path
) -> None:
    """With the processes of all engines that have models, and with their models in memory where they warm up."""
    port = _free_port()
    engines = {model.manifest.engine for model in ModelStore(models).installed()}
    environment["MYNA_WARM_ENGINES"] = ",".join(sorted(engines))
    key = _run(environment, "keys", "create", "alice", "--credits", "10").strip()
    command = [sys.executable, "-m", "myna", "serve", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        node = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/v1/models", key)
            sound = _post(f"http://127.0.0.1:{port}/v1/audio/speech", key)
        finally:
            node.terminate()
            node.wait(DEADLINE)
    assert len(sound) > 1_000
    started = {line.split()[-1] for line in (tmp_path / "notes").read_text().splitlines() if "engines.child" in line}
    assert engines <= started, "not all engines were watched"


def _run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "myna", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=True)
    return ended.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, key: str) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < end, "the node did not start"
            time.sleep(0.1)


def _post(url: str, key: str) -> bytes:
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": "Good morning.", "response_format": "wav"}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(url, body, headers), timeout=DEADLINE) as answer:
        data: bytes = answer.read()
        return data

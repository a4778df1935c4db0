"""The official Node client for Magic Hour, as it comes from npm, against a node with the embedded engine."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.listening import listen
from tests.fixtures.recordings import median_pitch

pytestmark = pytest.mark.sdk

FOLDER = Path(__file__).parent / "magichour_node"
PROMPT = "The birds are singing in the morning sun, and the river runs quietly to the sea."


@pytest.fixture(scope="session")
def node():
    """The `node` program, with the client installed once next to the script, in a folder that git ignores."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if not program or not npm:
        if os.environ.get("CI") == "true":
            pytest.fail("node and npm must be installed to test the Node client")
        pytest.skip("node and npm are not installed")
    installed, wanted = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    with wanted.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # npm begins with removing what another process of the tests has just installed
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            install = [npm, "ci", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=FOLDER, check=True, capture_output=True, timeout=300)
    return program


@pytest.fixture
def ask(node, tmp_path):
    """Run the script with a request; returns what it printed, or its complaint."""

    def run(server, token, request):
        done = subprocess.run(
            [node, "check.js", server.url, token, str(tmp_path)],
            cwd=FOLDER,
            input=json.dumps(request),
            env={**os.environ, "MAGIC_HOUR_POLL_INTERVAL": "0.1", "MAGIC_HOUR_LOG_LEVEL": "error"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr

    return run


def test_generate_downloads_speech(ask, espeak_server, tmp_path):
    request = {"name": "Morning", "style": {"prompt": PROMPT, "voiceName": "Morgan Freeman"}}
    said = ask(espeak_server, espeak_server.new_key(), request)
    assert isinstance(said, dict), said
    project, checked, deleted = said["project"], said["checked"], said["deleted"]
    assert (project["status"], project["name"], project["creditsCharged"]) == ("complete", "Morning", 4)
    (path,) = project["downloadedPaths"]
    assert Path(path) == tmp_path / f"{project['id']}.wav"
    heard = listen(Path(path).read_bytes())
    assert len(PROMPT) / 30 < heard.seconds < len(PROMPT) / 5
    assert heard.level > 0.03
    assert heard.voiced > 0.5
    assert heard.pitches > 0.5
    stored = espeak_server.data_dir / "files" / "uploads"
    upload_id = re.fullmatch(r"api-assets/(c[0-9a-z]{24})/audio\.wav", said["uploaded"])[1]
    assert [file.read_bytes() for file in stored.rglob(f"{upload_id}.wav")] == [Path(path).read_bytes()]
    assert checked["type"] == "VOICE_GENERATOR"
    assert (deleted["enabled"], deleted["downloads"]) == (False, [])


def test_the_cloner(ask, espeak_server, tmp_path, high_voice):
    recording = tmp_path / "recording.wav"
    recording.write_bytes(high_voice)
    said = ask(
        espeak_server,
        espeak_server.new_key(),
        {"name": "Cloned", "style": {"prompt": PROMPT}, "recording": str(recording)},
    )
    assert isinstance(said, dict), said
    project, checked = said["project"], said["checked"]
    assert (project["status"], project["name"], project["creditsCharged"]) == ("complete", "Cloned", 4)
    assert checked["type"] == "VOICE_CLONER"
    (path,) = project["downloadedPaths"]
    assert Path(path) == tmp_path / f"{project['id']}.wav"
    assert median_pitch(Path(path).read_bytes()) == pytest.approx(median_pitch(high_voice), rel=0.08)


def test_a_failing_job_returns_a_project_with_its_error(ask, server):
    request = {"style": {"prompt": "Hello fake:fail=No_voice_today there", "voiceName": "Joe Rogan"}}
    project = ask(server, server.new_key(), request)["project"]
    assert (project["status"], project["creditsCharged"], project["downloads"]) == ("error", 0, [])
    assert project["error"]["code"] == "unknown_error"


def test_a_wrong_key_is_refused(ask, espeak_server):
    complaint = ask(espeak_server, "mhk_live_wrong", {"style": {"prompt": "Hello", "voiceName": "Joe Rogan"}})
    assert "401" in complaint

"""The official Python client for Magic Hour, as it comes from PyPI, against a node with the embedded engine."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from magic_hour import AsyncClient, Client
from make_api_request import ApiError

from tests.e2e.listening import listen
from tests.fixtures.files import file_server
from tests.fixtures.recordings import median_pitch

pytestmark = pytest.mark.sdk

PROMPT = "The birds are singing in the morning sun, and the river runs quietly to the sea."
STYLE = {"prompt": PROMPT, "voice_name": "Morgan Freeman"}


@pytest.fixture(autouse=True)
def poll_often(monkeypatch):
    monkeypatch.setenv("MAGIC_HOUR_POLL_INTERVAL", "0.1")


@pytest.fixture
def token(espeak_server):
    return espeak_server.new_key(credits=100)


@pytest.fixture
def connect():
    """Clients as the documentation makes them, with a connection that is closed in the end."""
    with httpx.Client(timeout=60) as connection:
        yield lambda url, token: Client(token=token, base_url=url, httpx_client=connection)


@pytest.fixture
def client(connect, espeak_server, token):
    return connect(espeak_server.url, token)


def assert_is_speech(path, prompt=PROMPT):
    heard = listen(Path(path).read_bytes())
    assert len(prompt) / 30 < heard.seconds < len(prompt) / 5
    assert heard.level > 0.03
    assert heard.voiced > 0.5
    assert heard.pitches > 0.5
    assert heard.changes > 0.05


def test_generate_downloads_speech(client, tmp_path):
    project = client.v1.ai_voice_generator.generate(
        style=STYLE, name="Morning", wait_for_completion=True, download_outputs=True, download_directory=str(tmp_path)
    )
    assert (project.status, project.name, project.type_) == ("complete", "Morning", "VOICE_GENERATOR")
    assert (project.enabled, project.error, project.credits_charged) == (True, None, 4)
    (path,) = project.downloaded_paths
    assert Path(path).name == f"{project.id}.wav"
    assert_is_speech(path)


def test_two_downloads_into_one_folder_are_two_files(client, tmp_path):
    paths = set()
    for voice_name in ("Taylor Swift", "David Attenborough"):
        project = client.v1.ai_voice_generator.generate(
            style={"prompt": "Good morning.", "voice_name": voice_name}, download_directory=str(tmp_path)
        )
        paths.update(project.downloaded_paths)
    first, second = (Path(path).read_bytes() for path in paths)
    assert first != second


def clone(client, source, folder, **fields):
    return client.v1.ai_voice_cloner.generate(
        assets={"audio_file_path": str(source)},
        style={"prompt": PROMPT},
        wait_for_completion=True,
        download_outputs=True,
        download_directory=str(folder),
        **fields,
    )


def test_the_cloner_with_local_files_of_two_speakers(client, tmp_path, low_voice, high_voice):
    """The same words, in the pitch of whoever was recorded."""
    heard = []
    for name, recording in (("low.wav", low_voice), ("high.wav", high_voice)):
        source = tmp_path / name
        source.write_bytes(recording)
        project = clone(client, source, tmp_path, name="Cloned")
        assert (project.status, project.name, project.type_) == ("complete", "Cloned", "VOICE_CLONER"), project.error
        assert (project.enabled, project.error, project.credits_charged) == (True, None, 4)
        (path,) = project.downloaded_paths
        assert Path(path).name == f"{project.id}.wav"
        assert_is_speech(path)
        heard.append(median_pitch(Path(path).read_bytes()))
        assert heard[-1] == pytest.approx(median_pitch(recording), rel=0.08)
    assert heard[1] > 1.4 * heard[0]


def test_the_cloner_with_an_address_and_with_a_project(client, tmp_path, high_voice):
    with file_server() as files:
        first = clone(client, files.put("/ada.wav", high_voice), tmp_path)
    assert first.status == "complete", first.error
    assert first.name.startswith("Voice Cloner - 2")
    second = clone(client, f"https://magichour.ai/my-library?audioId={first.id}", tmp_path)
    assert second.status == "complete", second.error
    assert median_pitch(Path(second.downloaded_paths[0]).read_bytes()) == pytest.approx(
        median_pitch(high_voice), rel=0.1
    )


def test_the_cloner_with_a_file_that_is_no_sound(client, espeak_server, token, tmp_path):
    source = tmp_path / "text.wav"
    source.write_bytes(b"this is no sound")
    project = clone(client, source, tmp_path)
    assert (project.status, project.credits_charged, project.downloads) == ("error", 0, [])
    assert project.error.code == "invalid_file_format"
    assert "Send WAV" in project.error.message
    assert project.downloaded_paths is None
    assert espeak_server.balance(token) == 100_000


def test_generate_under_the_prefix(connect, espeak_server, token, tmp_path):
    client = connect(f"{espeak_server.url}/magichour", token)
    project = client.v1.ai_voice_generator.generate(style=STYLE, name=None, download_directory=str(tmp_path))
    assert project.name.startswith("Voice Generator - 2")
    assert_is_speech(project.downloaded_paths[0])


async def test_the_asynchronous_client(espeak_server, token, tmp_path):
    async with httpx.AsyncClient(timeout=60) as connection:
        client = AsyncClient(token=token, base_url=espeak_server.url, httpx_client=connection)
        project = await client.v1.ai_voice_generator.generate(style=STYLE, download_directory=str(tmp_path))
        assert project.status == "complete"
        assert_is_speech(project.downloaded_paths[0])
        await client.v1.audio_projects.delete(id=project.id)
        assert (await client.v1.audio_projects.get(id=project.id)).enabled is False


def test_a_failing_job_returns_a_project_with_its_error(connect, server, tmp_path):
    key = server.new_key(credits=10)
    client = connect(server.url, key)
    project = client.v1.ai_voice_generator.generate(
        style={"prompt": "Hello fake:fail=No_voice_today there", "voice_name": "Joe Rogan"},
        download_directory=str(tmp_path),
    )
    assert (project.status, project.credits_charged, project.downloads) == ("error", 0, [])
    assert project.error.code == "unknown_error"
    assert "No voice today" in project.error.message
    assert project.downloaded_paths is None
    assert server.balance(key) == 10_000


def test_delete_twice_also_at_once(client):
    created = client.v1.ai_voice_generator.create(style=STYLE)
    threads = [threading.Thread(target=client.v1.audio_projects.delete, kwargs={"id": created.id}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.v1.audio_projects.delete(id=created.id)
    project = client.v1.audio_projects.get(id=created.id)
    assert (project.enabled, project.downloads) == (False, [])


def test_upload_file(client, espeak_server, tmp_path):
    sound = tmp_path / "sample.wav"
    sound.write_bytes(b"RIFF" + bytes(range(256)) * 50)
    path = client.v1.files.upload_file(str(sound))
    assert path.startswith("api-assets/")
    assert path.endswith(".wav")
    named = io.BytesIO(b"ID3 bytes")
    named.name = "sample.mp3"
    assert client.v1.files.upload_file(named).endswith(".mp3")
    stored = [file.read_bytes() for file in (espeak_server.data_dir / "files" / "uploads").rglob("*") if file.is_file()]
    assert sound.read_bytes() in stored
    assert b"ID3 bytes" in stored


def test_account(client):
    account = client.v1.account.list()
    assert (account.credits, account.email, account.subscription) == (100, None, None)


@pytest.mark.parametrize("wrong", [None, "mhk_live_wrong"])
def test_a_missing_or_wrong_key(connect, espeak_server, wrong):
    client = connect(espeak_server.url, wrong)
    with pytest.raises(ApiError) as caught:
        client.v1.ai_voice_generator.create(style=STYLE)
    assert caught.value.status_code == 401
    assert caught.value.body == {"code": "unauthorized", "message": "Unauthorized"}


def test_no_credits(connect, espeak_server):
    client = connect(espeak_server.url, espeak_server.new_key(credits=1))
    with pytest.raises(ApiError) as caught:
        client.v1.ai_voice_generator.create(style=STYLE)
    assert caught.value.status_code == 402
    assert caught.value.body["code"] == "insufficient_credits"


def test_many_at_once(client, tmp_path):
    """Every project ends, and each has its own file."""

    async def all_of_them():
        generate = client.v1.ai_voice_generator.generate
        style = {"prompt": "Good morning to you.", "voice_name": "Joe Biden"}
        return await asyncio.gather(
            *(asyncio.to_thread(generate, style=style, download_directory=str(tmp_path)) for _ in range(6))
        )

    projects = asyncio.run(all_of_them())
    assert {project.status for project in projects} == {"complete"}
    assert len({path for project in projects for path in project.downloaded_paths}) == 6


def test_the_example(espeak_server, token, tmp_path):
    example = Path(__file__).parents[2] / "examples" / "magichour_voice.py"
    done = subprocess.run(
        [sys.executable, example, "Good morning.", str(tmp_path / "made")],
        env={**os.environ, "MYNA_URL": espeak_server.url, "MYNA_KEY": token},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert_is_speech(done.stdout.strip(), "Good morning.")

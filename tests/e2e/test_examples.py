"""Every program in `examples/`, as its users run it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from myna.media.decode import decode
from myna.media.probe import MediaLimits, probe_untrusted
from myna.settings import Settings
from myna.webhooks.standard import sign
from tests.fixtures.dubs import FAKES, FILM_LINES, FILM_SECONDS, SCRIPT
from tests.fixtures.server import ServerProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
DEADLINE = 120
TEXT = "Good morning. This is an example."


def environment(**ours: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNA_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", **ours}


def run(
    name: str, *arguments: str, cwd: Path, deadline: float = DEADLINE, **ours: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment(**ours),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=deadline,
    )


def seconds_of(path: Path) -> float:
    samples, rate = decode(path.read_bytes())
    assert abs(samples).max() > 0.1
    return len(samples) / rate


def check_film(path: Path, language: str, seconds: float) -> None:
    """Pictures, and sound in this language, as long as the source."""
    info = asyncio.run(probe_untrusted(path, limits=MediaLimits.from_settings(Settings())))
    assert info.video
    assert [track.language for track in info.audio] == [language]
    assert info.duration == pytest.approx(seconds, abs=0.2)
    assert seconds_of(path) > 1


@pytest.fixture(scope="module")
def key(espeak_server: ServerProcess) -> str:
    return espeak_server.new_key(credits=100)


NOT_PROGRAMS = {"film.py"}
"""What examples import."""


@pytest.mark.timeout(300)
def test_demo_makes_a_voiceover_a_cloned_voice_and_a_dubbed_video_and_leaves_them(tmp_path: Path) -> None:
    shown = run("demo.py", "--exit", cwd=tmp_path, deadline=280)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    made = re.findall(r"^(.+?) +\d+\.\d s +demo/([\w.]+) \((\d+\.\d) s of speech(.*)\)$", shown.stdout, re.M)
    assert [(what, file) for what, file, _, _ in made] == [
        ("voiceover", "voiceover.mp3"),
        ("recording to clone", "recording.wav"),
        ("preview of the clone", "preview.wav"),
        ("cloned voice", "cloned.wav"),
    ]
    for _, file, seconds, _ in made:
        assert seconds_of(tmp_path / "demo" / file) == pytest.approx(float(seconds), abs=0.2)
    assert re.fullmatch(r", voice voice_\w{24}", made[-1][3])
    dubbed = re.search(r"^dubbed video +\d+\.\d s +demo/film\.es\.mp4 \((\d+\.\d) s, 3 lines\)$", shown.stdout, re.M)
    assert dubbed
    starts = [float(start) for start in re.findall(r"^ +(\d+\.\d\d) s  .+ → .+$", shown.stdout, re.M)]
    assert len(starts) == 3
    assert starts == sorted(starts)
    check_film(tmp_path / "demo" / "film.es.mp4", "es", float(dubbed[1]))
    url = re.search(r"^node ready +\d+\.\d s +(http://\S+)$", shown.stdout, re.M)
    assert url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url[1])


def test_stablecog_voiceover(espeak_server: ServerProcess, key: str, tmp_path: Path) -> None:
    shown = run("stablecog_voiceover.py", TEXT, "a.mp3", cwd=tmp_path, MYNA_URL=espeak_server.url, MYNA_KEY=key)
    assert shown.returncode == 0, shown.stderr
    assert re.fullmatch(r"a\.mp3: \d\.\d s, \d+ credits left\n", shown.stdout)
    assert seconds_of(tmp_path / "a.mp3") > 1


@pytest.mark.sdk
def test_magichour_voice(espeak_server: ServerProcess, key: str, tmp_path: Path) -> None:
    shown = run("magichour_voice.py", TEXT, "sound", "--url", espeak_server.url, "--key", key, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert seconds_of(tmp_path / shown.stdout.strip()) > 1


@pytest.mark.sdk
def test_openai_speech(espeak_server: ServerProcess, key: str, tmp_path: Path) -> None:
    shown = run("openai_speech.py", TEXT, "a.flac", "--url", espeak_server.url, "--key", key, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert re.fullmatch(r"a\.flac: \d+ bytes, the first after \d\.\d+ s, the last after \d\.\d+ s\n", shown.stdout)
    assert seconds_of(tmp_path / "a.flac") > 1


def test_clone_a_voice(server: ServerProcess, low_voice: bytes, tmp_path: Path) -> None:
    (tmp_path / "me.wav").write_bytes(low_voice)
    options = ("--url", server.url, "--key", server.new_key(credits=100), "--name", "Me")
    shown = run("clone_a_voice.py", "me.wav", TEXT, "sound", *options, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert re.fullmatch(r"Me: voice_[0-9a-z]{24}\n", shown.stdout)
    assert seconds_of(tmp_path / "sound" / "preview.wav") > 1
    assert seconds_of(tmp_path / "sound" / "spoken.wav") > 1
    (tmp_path / "me.wav").write_bytes(b"This is a letter. " * 100)
    refused = run("clone_a_voice.py", "me.wav", TEXT, "sound", *options, cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("400: file: ")


def test_dub_a_video(make_server: Callable[..., ServerProcess], film: Path, tmp_path: Path) -> None:
    server = make_server(MYNA_ENGINES=json.dumps(FAKES))
    (tmp_path / "script.srt").write_text(SCRIPT)
    options = ("--transcript", "script.srt", "--url", server.url, "--key", server.new_key(credits=100))
    change = ("--line", "2", "Otro.")
    shown = run("dub_a_video.py", str(film), "es", "dubbed", *change, *options, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert re.fullmatch(r"( *\d+% [a-z]+\n)+", shown.stderr)
    first, one, two, *saved = shown.stdout.splitlines()
    assert re.fullmatch(r"Line 2 anew, for 0\.\d+ credits", first)
    wanted = ("One fine day. → es One fine day.", "Another day. → Otro.")
    for number, (shown_line, said) in enumerate(zip((one, two), wanted, strict=True), 1):
        parts = re.fullmatch(r" +(\d) +(\d\.\d\d) \w+ +(.+)", shown_line)
        assert parts
        assert (parts[1], parts[3]) == (str(number), said)
        assert float(parts[2]) == pytest.approx(FILM_LINES[number - 1][0], abs=0.2)
    assert saved == ["dubbed/film.es.mp4", "dubbed/film.es.srt"]
    check_film(tmp_path / saved[0], "es", FILM_SECONDS)
    assert "Otro." in (tmp_path / saved[1]).read_text()
    (tmp_path / "letter.mp4").write_bytes(b"This is a letter. " * 100)
    refused = run("dub_a_video.py", "letter.mp4", "es", *options, cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("422: ")


def test_a_wrong_key_is_said_in_words(espeak_server: ServerProcess, tmp_path: Path) -> None:
    for name in ("stablecog_voiceover.py", "openai_speech.py", "webhook_receiver.py"):
        refused = run(name, cwd=tmp_path, MYNA_URL=espeak_server.url, MYNA_KEY="myna_wrong")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr, name
        assert "401" in refused.stderr or "AuthenticationError" in refused.stderr


def test_webhook_receiver_hears_what_happens(espeak_server: ServerProcess, key: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "webhook_receiver.py"), "--port", "0", "--count", "2"]
    receiver = subprocess.Popen(
        command,
        env=environment(MYNA_URL=espeak_server.url, MYNA_KEY=key),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert receiver.stdout is not None
        assert receiver.stdout.readline().startswith("Listening on http://127.0.0.1:")
        headers = {"Authorization": f"Bearer {key}"}
        speech = {"text": "Tell them.", "voice": "espeak:en-us.f3"}
        job = httpx.post(f"{espeak_server.url}/myna/v1/speech", json=speech, headers=headers, timeout=DEADLINE).json()
        out, err = receiver.communicate(timeout=DEADLINE)
    finally:
        receiver.kill()
        receiver.wait()
    assert (receiver.returncode, err) == (0, "")
    assert sorted(out.splitlines()) == [f"job.started  {job['id']}  running", f"job.succeeded  {job['id']}  succeeded"]
    left = httpx.get(f"{espeak_server.url}/myna/v1/webhooks", headers=headers, timeout=DEADLINE).json()
    assert left["data"] == []


@pytest.fixture
def receiver_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("webhook_receiver", EXAMPLES / "webhook_receiver.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_webhook_receiver_knows_a_forged_event(receiver_module: ModuleType) -> None:
    now, secret, body = int(time.time()), "whsec_c2VjcmV0", b'{"type": "job.succeeded"}'

    def genuine(body: bytes = body, secret: str = secret, **changes: str) -> bool:
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(now),
            "webhook-signature": f"v1,b3RoZXI= {sign('evt_1', now, body, 'whsec_c2VjcmV0')}",
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return bool(receiver_module.is_genuine(secret, headers, body))

    assert genuine()
    assert not genuine(secret="whsec_b3RoZXI=")
    assert not genuine(webhook_id="evt_2")
    assert not genuine(webhook_timestamp=str(now - 301))
    assert not genuine(webhook_timestamp="")
    assert not genuine(webhook_signature="v1,AAAA v1a,BBBB")


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text()
    assert [
        path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in here and path.name not in NOT_PROGRAMS
    ] == []

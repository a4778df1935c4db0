"""Munsit's page with curl alone: hear a preview, keep the voice, speak with it."""

from __future__ import annotations

import json
import subprocess
import wave
from pathlib import Path
from statistics import fmean

import pytest

from myna.media.decode import decode
from tests.e2e.listening import listen
from tests.fixtures.munsit import RAW_24K, wrapped
from tests.fixtures.recordings import READING, median_pitch
from tests.fixtures.server import ServerFactory, ServerProcess

TEXT = "This is how I will sound from now on."
SENTENCE = READING.partition(".")[0] + "."


@pytest.fixture(scope="module")
def cloning_server(make_module_server: ServerFactory) -> ServerProcess:
    """With the engines of a fresh installation."""
    return make_module_server(MYNA_ENGINES='["espeak", "match"]', MYNA_RATE_LIMITS="off")


class Shell:
    """Someone at a terminal, with a key and a recording."""

    def __init__(self, server: ServerProcess, folder: Path) -> None:
        self.api = f"{server.url}/api/v1"
        self.key = server.new_key()
        self.folder = folder

    def curl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "-H", f"x-api-key: {self.key}", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def preview(self, *more: str, text: str = TEXT) -> bytes:
        fields = ("-F", f"text={text}", "-F", "similarity=1", "-F", "model_id=faseeh-v1-preview")
        self.curl(f"{self.api}/voices/preview", "-F", "file=@reference.wav", *fields, "-o", "preview.pcm", *more)
        return (self.folder / "preview.pcm").read_bytes()

    def clone(self, voice_file: str) -> dict:
        files = ("-F", f"voice_file={voice_file}", "-F", "reference_audio_file=@reference.wav;type=audio/wav")
        fields = ("-F", f"text={TEXT}", "-F", "stability=0.5", "-F", "name=Mine", "-F", "model=faseeh-v1-preview")
        more = ("-F", "languages=ar, en", "-F", "dialects=najdi,hijazi")
        return json.loads(self.curl(f"{self.api}/voices/clone", *files, *fields, *more))

    def speak(self, **body) -> bytes:
        url = f"{self.api}/text-to-speech/faseeh-v1-preview"
        self.curl(url, "-H", "Content-Type: application/json", "-d", json.dumps(body), "-o", "spoken")
        return (self.folder / "spoken").read_bytes()


@pytest.fixture
def shell(cloning_server: ServerProcess, tmp_path: Path, low_voice: bytes) -> Shell:
    (tmp_path / "reference.wav").write_bytes(low_voice)
    return Shell(cloning_server, tmp_path)


def test_preview_clone_speak(shell: Shell) -> None:
    preview = shell.preview("-D", "head")
    assert f"content-type: {RAW_24K}" in (shell.folder / "head").read_text().lower()
    heard = listen(wrapped(preview))
    assert heard.seconds > 1
    assert heard.changes > 0.02

    voice = shell.clone(f"@preview.pcm;type={RAW_24K}")
    assert voice["dialect"] == ["najdi", "hijazi"]
    assert voice["languages"] == ["ar", "en"]

    text = "I never said this sentence myself."
    spoken = shell.speak(voice_id=voice["voice_id"], text=text, stability=0.5, streaming=False)
    samples, rate = decode(spoken)
    assert rate == 24_000
    assert len(samples) / rate > 1
    arabic = shell.speak(voice_id=voice["voice_id"], text="عندي 25 كتابا في البيت.", streaming=True, sample_rate=16_000)
    assert listen(wrapped(arabic, 16_000)).seconds > 1

    listed = json.loads(shell.curl(f"{shell.api}/voices"))
    assert listed[0]["voice_id"] == voice["voice_id"]
    shell.curl(listed[0]["sample_url"], "-o", "sample.wav")
    with wave.open(str(shell.folder / "sample.wav")) as sample:
        assert sample.readframes(sample.getnframes()) == preview
    assert shell.curl("-X", "DELETE", f"{shell.api}/voices/{voice['voice_id']}") == ""
    refused = subprocess.run(
        ["curl", "-s", "-H", f"x-api-key: {shell.key}", f"{shell.api}/voices/{voice['voice_id']}"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert json.loads(refused.stdout) == {"errorCode": 40401, "errorMessage": "Voice not found"}


def test_a_voice_is_as_low_or_as_high_as_its_reference(shell: Shell, low_voice: bytes, high_voice: bytes) -> None:
    for recording in (low_voice, high_voice):
        (shell.folder / "reference.wav").write_bytes(recording)
        takes = [wrapped(shell.preview(text=SENTENCE)) for _ in range(3)]  # no two are alike
        assert fmean(map(median_pitch, takes)) == pytest.approx(median_pitch(recording), rel=0.08)

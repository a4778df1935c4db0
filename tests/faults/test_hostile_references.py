"""Damaged recordings and files made to do damage, sent to a running server wherever it takes a recording."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from myna.audio.resample import resample
from myna.engines.base import Samples
from tests.fixtures.hostile import RATE, hostile_files, real_recordings
from tests.fixtures.munsit import RAW_24K, TEXT, Account
from tests.fixtures.processes import descendants
from tests.fixtures.recordings import READING
from tests.fixtures.server import ServerFactory, ServerProcess
from tests.fixtures.speech import ESPEAK_RATE, Speak

pytestmark = pytest.mark.fault

SEED = 7
CREDITS = 100_000
PATIENCE = 300.0
"""Seconds. Longer than any of it takes on a busy machine, so what takes longer hangs."""
NAMES = ("voice.wav", "voice.mp3", "a.m3u8", "../../etc/passwd", "-i", "CON", "voice.wav\x00.exe", "x" * 300, "")
TYPES = ("audio/wav", "audio/mpeg", "application/json", "video/mp4", "text/html", "nonsense", "")

JSON = ("application/json", "application/problem+json")

Part = tuple[str, bytes, str]
Send = Callable[[Part], httpx.Response]


@pytest.fixture(scope="module")
def speech(espeak: Speak) -> Samples:
    """Eight seconds of which a voice can be made, at 24 kHz."""
    return resample(espeak(READING, "en-us+m3"), ESPEAK_RATE, RATE)[: 8 * RATE]


class Senders:
    """The ways in which a recording comes to the server."""

    def __init__(self, server: ServerProcess, good: bytes) -> None:
        self.munsit = Account(server, CREDITS, "/munsit")
        self.munsit.http.timeout = PATIENCE
        self.native = httpx.Client(
            base_url=f"{server.url}/myna/v1",
            headers={"Authorization": f"Bearer {self.munsit.key}"},
            timeout=PATIENCE,
        )
        self.good = good
        self.heard = bytes(48_000)
        self.all: dict[str, Send] = {
            "munsit preview": self.munsit_preview,
            "munsit clone, the recording": lambda part: self.munsit_clone(part, ("heard.pcm", self.heard, RAW_24K)),
            "munsit clone, the preview": lambda part: self.munsit_clone(("r.wav", self.good, "audio/wav"), part),
            "native report": lambda part: self.native.post("/voices/report", files={"file": part}),
            "native preview": lambda part: self.post("/voices/preview", {"file": part}, text=TEXT),
            "native voice": lambda part: self.post("/voices", {"file": part}, name="Mine", consent="true"),
            "native voice, the preview": lambda part: self.post(
                "/voices", {"file": ("r.wav", self.good, "audio/wav"), "preview": part}, name="Mine", consent="true"
            ),
        }

    def post(self, path: str, files: dict[str, Part], **fields: str) -> httpx.Response:
        return self.native.post(path, data=fields, files=files)

    def munsit_preview(self, part: Part) -> httpx.Response:
        fields = {"text": TEXT, "similarity": "0.8", "model_id": "faseeh-v1-preview"}
        return self.munsit.http.post("/voices/preview", data=fields, files={"file": part})

    def munsit_clone(self, recording: Part, heard: Part) -> httpx.Response:
        fields = {"text": TEXT, "stability": "0.5", "name": "Mine", "model": "faseeh-v1-preview"}
        files = {"voice_file": heard, "reference_audio_file": recording}
        return self.munsit.http.post("/voices/clone", data=fields, files=files)

    def own_voices(self) -> list[str]:
        return [voice["voice_id"] for voice in self.munsit.own()]

    def close(self) -> None:
        self.native.close()
        self.munsit.http.close()

    def delete_own_voices(self) -> None:
        for voice in self.own_voices():
            assert self.munsit.http.delete(f"/voices/{voice}").status_code < 300


def files_of(server: ServerProcess) -> set[str]:
    folder = server.data_dir / "files"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def memory_of(server: ServerProcess) -> int:
    return int(psutil.Process(server.pid).memory_info().rss)


def readers_of(server: ServerProcess) -> list[psutil.Process]:
    return descendants(server.pid, "myna.media.child")


@pytest.mark.parametrize(
    ("count", "most_growth"),
    [
        # In the short form models are still being loaded, and 32 MB of prepared voices gathered, while it is measured.
        pytest.param(60, 120_000_000, id="short", marks=pytest.mark.timeout(600)),
        pytest.param(1_000, 50_000_000, id="full", marks=[pytest.mark.full, pytest.mark.timeout(5_400)]),
    ],
)
def test_a_server_survives_hostile_recordings(
    count: int, most_growth: int, make_server: ServerFactory, speech: Samples
):
    temporary = Path(tempfile.mkdtemp())
    server = make_server(MYNA_RATE_LIMITS="off", TMPDIR=str(temporary))
    senders = Senders(server, real_recordings(speech)["wav"])
    answers: Counter[tuple[str, int]] = Counter()
    slowest, before, settled = 0.0, 0, files_of(server)
    for way, send in senders.all.items():
        undamaged = send(("voice.wav", senders.good, "audio/wav"))
        assert undamaged.status_code < 300, f"{way}: {undamaged.text}"
    for number, (name, data) in enumerate(hostile_files(count, SEED, speech=speech)):
        way, send = list(senders.all.items())[number % len(senders.all)]
        part = (NAMES[number % len(NAMES)] or "unnamed", data, TYPES[number // len(senders.all) % len(TYPES)])
        start = time.monotonic()
        try:
            answer = send(part)
        except httpx.TransportError as error:
            raise AssertionError(
                f"{number}: {name}, sent as {way}: {error!r}, exit status {server.exit_status}"
            ) from error
        slowest = max(slowest, time.monotonic() - start)
        assert answer.status_code < 500, f"{name}, sent as {way}: {answer.text}"
        if answer.status_code >= 400:
            assert answer.headers["content-type"] in JSON, name
            assert "Traceback" not in answer.text
        answers[way, answer.status_code] += 1
        if number % 50 == 49 or number == count // 3:
            senders.delete_own_voices()
        if number == count // 3:
            before = memory_of(server)
    senders.delete_own_voices()
    growth = memory_of(server) - before
    print(f"\n{count} files, seed {SEED}, slowest {slowest:.1f} s, server grown by {growth / 1e6:.1f} MB")
    for (way, status), times in sorted(answers.items()):
        print(f"{way}: {status} × {times}")

    assert {way for way, _ in answers} == set(senders.all)
    assert {status // 100 for _, status in answers} == {2, 4}
    assert growth < most_growth
    assert files_of(server) == settled
    assert list(temporary.iterdir()) == []
    assert readers_of(server) == []
    assert "Traceback" not in server.log()
    for way, send in senders.all.items():
        assert send(("voice.wav", senders.good, "audio/wav")).status_code < 300, f"{way}: does not work any more"
    senders.close()


def test_what_is_accepted_is_kept_anew_and_nothing_else(make_server: ServerFactory, speech: Samples):
    """Of an upload no byte is kept: the recording is written again, and a page hidden in it is gone."""
    server = make_server(MYNA_RATE_LIMITS="off")
    senders = Senders(server, real_recordings(speech)["wav"])
    before = files_of(server)
    hidden = b"<script>alert(1)</script>"
    made = senders.post(
        "/voices", {"file": ("voice.wav", senders.good + hidden, "text/html")}, name="Mine", consent="true"
    )
    assert made.status_code == 201, made.text
    kept = files_of(server) - before
    assert {Path(path).name for path in kept} <= {"reference.flac", "prepared.json", "preview.wav", "sample.mp3"}
    assert {Path(path).parts[0] for path in kept} == {"voices"}
    for path in kept:
        assert hidden not in (server.data_dir / "files" / path).read_bytes()
    senders.delete_own_voices()
    senders.close()
    assert files_of(server) == before

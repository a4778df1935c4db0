"""The sandbox under files that are what they should be, and under processes that go astray."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import textwrap
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from myna.errors import StorageFull, Unavailable, UnsupportedMedia
from myna.media.decode import decode, pcm16
from myna.media.encode import encode
from myna.media.formats import AudioFormat
from myna.media.sandbox import Limits, Sandbox, Spawn, decode_untrusted, spawn_child
from tests.fixtures.speech import speech_like

RATE = 24_000
PATIENCE = 60.0
"""Seconds that a busy machine is given."""

OTHERS: set[int] = set()
"""Processes of other tests, such as servers that they share."""


@pytest.fixture(autouse=True)
def note_processes_of_others() -> None:
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children(recursive=True))


def own_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if is_own(child)]


def is_own(child: psutil.Process) -> bool:
    """It runs, and nobody above it is one of the others."""
    try:
        family = {child.pid, *(parent.pid for parent in child.parents())}
        return family.isdisjoint(OTHERS) and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def astray(program: str, started: list[Process] | None = None) -> Spawn:
    """A process that answers like this, instead of reading. `send` writes a frame."""
    prelude = """
        import json, os, signal, sys, time
        from myna.media.child import HEAD
        def send(kind, payload=b""):
            os.write(1, HEAD.pack(kind, len(payload)) + payload)
    """

    async def spawn(_: list[str], /, *, descriptors: Sequence[int] = ()) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(program)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
        )
        if started is not None:
            started.append(process)
        return process

    return spawn


@pytest.fixture
def wav() -> bytes:
    return encode(speech_like(1, RATE), RATE, "wav")


@pytest.mark.parametrize(
    ("format", "container", "codec"),
    [
        ("mp3", "mp3", "mp3"),
        ("wav", "wav", "pcm_s16le"),
        ("flac", "flac", "flac"),
        ("opus", "ogg", "opus"),
        ("aac", "aac", "aac"),
    ],
)
async def test_a_recording_comes_out_as_decode_gives_it(format: AudioFormat, container: str, codec: str):
    data = encode(speech_like(2, RATE), RATE, format)
    found = await decode_untrusted(data, max_seconds=10)
    expected, rate = decode(data)
    np.testing.assert_array_equal(found.samples, expected)
    assert found.samples.flags.writeable
    assert (found.sample_rate, found.container, found.codec, found.channels) == (rate, container, codec, 1)
    assert found.seconds == pytest.approx(2, abs=0.05)


async def test_what_the_file_was_is_told():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((96_000, 2), np.float32), 96_000, format="FLAC", subtype="PCM_24")
    found = await decode_untrusted(file.getvalue(), max_seconds=10)
    assert (found.channels, found.source_rate, found.sample_rate) == (2, 96_000, 48_000)
    assert len(found.samples) == 48_000


async def test_a_large_file_passes_whole():
    sound = speech_like(60, 48_000)
    found = await decode_untrusted(encode(sound, 48_000, "wav"), max_seconds=60)
    assert len(found.samples) == len(sound)


async def test_too_long_is_refused_with_a_remedy(wav: bytes):
    with pytest.raises(UnsupportedMedia, match=r"longer than 0\.5 seconds\. Send a shorter"):
        await decode_untrusted(wav, max_seconds=0.5)


async def test_what_is_surely_no_sound_costs_no_process(wav: bytes):
    async def none(_: list[str], /, *, descriptors: Sequence[int] = ()) -> Process:
        raise AssertionError("a process was started")

    with pytest.raises(UnsupportedMedia, match="web page"):
        await Sandbox(spawn=none).decode(b"<html></html>", max_seconds=1)


async def test_values_without_sense_become_sound():
    sound = speech_like(0.5, RATE)
    sound[:4] = np.nan, np.inf, -np.inf, 1e38
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format="WAV", subtype="FLOAT")
    found = await decode_untrusted(file.getvalue(), max_seconds=10)
    np.testing.assert_array_equal(found.samples[:4], [0, 1, -1, 8])


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("send(b'R'); os.abort()", "signal 6"),
        ("send(b'R'); os.kill(os.getpid(), 11)", "signal 11"),
        ("send(b'R'); os._exit(3)", "exit status 3"),
        ("send(b'R'); os.write(1, HEAD.pack(b'S', 9)); os._exit(0)", "exit status 0"),
        ("send(b'R'); send(b'?')", "not understood"),
        ("send(b'R'); send(b'D')", "not understood"),
        ("send(b'R'); send(b'S', b'1234')", "not understood"),
        ("send(b'R'); os.write(1, HEAD.pack(b'S', 1 << 31))", "too long"),
    ],
)
async def test_a_process_that_goes_astray_is_the_files_fault(program: str, reason: str, wav: bytes):
    with pytest.raises(UnsupportedMedia, match=r"Reading this file failed.*Send it as WAV") as refusal:
        await Sandbox(spawn=astray(program)).decode(wav, max_seconds=10)
    assert reason in refusal.value.details["reason"]
    assert own_children() == []


async def test_more_sound_than_was_asked_for_is_not_kept(wav: bytes):
    track = {"container": "wav", "codec": "pcm", "channels": 1, "source_rate": 8_000, "sample_rate": 8_000}
    program = f"""
        send(b"R")
        send(b"T", json.dumps({track}).encode())
        while True:
            send(b"S", bytes(64_000))
    """
    with pytest.raises(UnsupportedMedia) as refusal:
        await Sandbox(spawn=astray(program)).decode(wav, max_seconds=10)
    assert "more sound" in refusal.value.details["reason"]
    assert own_children() == []


async def test_a_process_that_hangs_is_ended_with_all_it_started(wav: bytes):
    program = """
        send(b"R")
        if os.fork() == 0:
            time.sleep(60)
        time.sleep(60)
    """
    with pytest.raises(UnsupportedMedia, match=r"within 0\.5 seconds"):
        await Sandbox(spawn=astray(program)).decode(wav, max_seconds=10, timeout=0.5)
    await gone()


async def gone() -> None:
    """Wait until no process of ours is left; those that lost their parent are reaped by others."""
    async with asyncio.timeout(PATIENCE):
        while own_children():
            await asyncio.sleep(0.01)


async def test_a_process_that_does_not_start_is_not_the_files_fault(wav: bytes):
    with pytest.raises(Unavailable, match="did not start"):
        await Sandbox(spawn=astray("sys.exit(1)")).decode(wav, max_seconds=10)

    async def fail(_: list[str], /, *, descriptors: Sequence[int] = ()) -> Process:
        raise OSError("no more processes")

    with pytest.raises(Unavailable, match="could be started"):
        await Sandbox(spawn=fail).decode(wav, max_seconds=10)


async def test_canceling_ends_the_process_at_once(wav: bytes):
    started: list[Process] = []
    task = asyncio.create_task(Sandbox(spawn=astray("time.sleep(60)", started)).decode(wav, max_seconds=10))
    async with asyncio.timeout(PATIENCE):
        while not started:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].returncode == -9
    assert own_children() == []


async def test_places_and_queue_are_bounded_and_come_free_again(wav: bytes):
    started: list[Process] = []
    sandbox = Sandbox(places=1, waiting=2, spawn=astray("time.sleep(60)", started))
    busy = asyncio.create_task(sandbox.decode(wav, max_seconds=10))
    while not started:
        await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(sandbox.decode(wav, max_seconds=10, timeout=0.3)) for _ in range(2)]
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="Too many"):
        await sandbox.decode(wav, max_seconds=10)
    for task in waiting:
        with pytest.raises(Unavailable, match="Too many"):
            await task
    assert len(started) == 1
    busy.cancel()
    await asyncio.wait([busy])
    with pytest.raises(UnsupportedMedia):
        await sandbox.decode(wav, max_seconds=10, timeout=0.1)
    assert len(started) == 2


async def test_too_little_memory_is_a_refusal():
    data = encode(np.zeros(5_000_000, np.float32), 48_000, "wav")
    sandbox = Sandbox(limits=Limits(memory_bytes=50 * 1024 * 1024))
    with pytest.raises(UnsupportedMedia):
        await sandbox.decode(data, max_seconds=600)


async def test_too_much_computing_is_a_refusal():
    data = encode(np.zeros(6 * 3_600 * 8_000, np.float32), 8_000, "flac")
    with pytest.raises(UnsupportedMedia) as refusal:
        await Sandbox(limits=Limits(cpu_seconds=1)).decode(data, max_seconds=1e9)
    assert refusal.value.details["reason"] in ("signal 24", "signal 9")


async def test_the_environment_stays_outside(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MYNA_SECRET", "open sesame")
    process = await spawn_child(["decode", str(1 << 30), "5", "0", "5", str(os.getpid())])
    try:
        assert process.stdout is not None
        await process.stdout.readexactly(1)
        environment = psutil.Process(process.pid).environ()
        descriptors = psutil.Process(process.pid).num_fds()
    finally:
        process.kill()
        await process.communicate()
    assert not {name for name in environment if name.startswith(("MYNA", "AWS", "HOME", "PATH"))}
    assert descriptors <= 4


def confined(program: str) -> str:
    """What a process prints that has confined itself first."""
    prelude = "import os, socket, subprocess, sys; from myna.media.confine import confine; "
    prelude += "found = confine(memory_bytes=1 << 29, cpu_seconds=5); "
    done = subprocess.run([sys.executable, "-c", prelude + program], capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="filters calls on Linux x86-64")
@pytest.mark.parametrize(
    "program",
    [
        "open('/etc/hostname')",
        "open('/tmp/left-behind', 'w')",
        "socket.socket()",
        "os.fork()",
        "os.kill(os.getppid(), 9)",
        "os.unlink('/tmp/left-behind')",
        "os.execv('/bin/true', ['true'])",
        "os.listdir('/')",
        "os.stat('/etc/passwd')",
    ],
)
def test_a_confined_process_reaches_nothing(program: str):
    assert "Operation not permitted" in confined(program)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of resources are POSIX")
def test_a_confined_process_has_limits():
    names = confined("print(*found, sep=',')")
    assert {"memory", "processor time", "writing files"} <= set(names.strip().split(","))
    assert "MemoryError" in confined("bytes(1 << 30)")


async def test_a_server_that_is_killed_leaves_no_process(tmp_path: Path):
    program = """
        import asyncio, os, sys
        from myna.media.sandbox import spawn_child
        async def main():
            process = await spawn_child(["decode", str(1 << 30), "60", "0", "60", str(os.getpid())])
            await process.stdout.readexactly(1)
            print(process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    child = psutil.Process(int(server.stdout.readline()))
    server.kill()
    server.communicate()
    deadline = time.monotonic() + PATIENCE
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


class TestOtherTasks:
    """Those of films: the files are handed over as descriptors, and what is found is one document."""

    async def run(self, program: str) -> dict[str, object]:
        return await Sandbox(spawn=astray(program)).run("probe", {"source": 0}, descriptors=(), timeout=PATIENCE)

    async def test_the_last_document_is_the_answer(self):
        assert await self.run("send(b'R'); send(b'T', b'{}'); send(b'T', b'{\"a\": 1}'); send(b'D')") == {"a": 1}

    async def test_what_to_do_is_sent_first(self):
        program = """
            (length,) = struct.unpack("<I", sys.stdin.buffer.read(4))
            send(b"T", sys.stdin.buffer.read(length))
            send(b"D")
        """
        assert await self.run("import struct\n" + textwrap.dedent(program)) == {"source": 0}

    async def test_a_refusal_keeps_its_reason(self):
        program = "send(b'E', json.dumps({'message': 'No.', 'reason': 'because', 'kind': ''}).encode())"
        with pytest.raises(UnsupportedMedia, match=r"No\.") as refusal:
            await self.run(program)
        assert refusal.value.details["reason"] == "because"

    async def test_a_full_disk_is_nobodys_fault(self):
        with pytest.raises(StorageFull):
            await self.run("send(b'E', json.dumps({'message': '', 'reason': '', 'kind': 'no room'}).encode())")

    async def test_sound_that_was_not_asked_for_is_refused(self):
        with pytest.raises(UnsupportedMedia, match="than a film does"):
            await self.run("send(b'R'); send(b'S', bytes(8))")

    async def test_a_process_that_dies_says_so(self):
        with pytest.raises(UnsupportedMedia, match="Send it as MP4") as refusal:
            await self.run("send(b'R'); os.abort()")
        assert refusal.value.details["reason"] == "signal 6"

    async def test_only_the_named_descriptors_are_known(self, tmp_path: Path):
        (tmp_path / "known").write_bytes(b"known")
        (tmp_path / "other").write_bytes(b"other")
        known, other = (os.open(tmp_path / name, os.O_RDONLY) for name in ("known", "other"))
        process = await spawn_child(["probe", str(1 << 30), "5", "0", "5", str(os.getpid())], descriptors=(known,))
        try:
            assert process.stdout is not None
            await process.stdout.readexactly(1)
            folder = Path(f"/proc/{process.pid}/fd")
            if folder.exists():
                targets = {os.readlink(path) for path in folder.iterdir()}
                assert str(tmp_path / "known") in targets
                assert str(tmp_path / "other") not in targets
            assert psutil.Process(process.pid).nice() >= 10 or os.getpriority(os.PRIO_PROCESS, 0) >= 10
        finally:
            process.kill()
            await process.communicate()
            os.close(known)
            os.close(other)


class TestHeaderlessSound:
    def test_comes_out_as_it_is(self):
        found = pcm16(np.array([0, 16_384, -32_768], "<i2").tobytes(), 24_000)
        np.testing.assert_array_equal(found.samples, np.array([0, 0.5, -1], np.float32))
        assert found.samples.dtype == np.float32
        assert (found.sample_rate, found.codec, found.channels) == (24_000, "pcm_s16le", 1)

    @pytest.mark.parametrize(
        ("data", "rate", "words"), [(b"", 24_000, "no sound"), (b"123", 24_000, "odd"), (b"12", 1, "1 Hz")]
    )
    def test_is_refused_when_it_is_none(self, data: bytes, rate: int, words: str):
        with pytest.raises(UnsupportedMedia, match=words):
            pcm16(data, rate)

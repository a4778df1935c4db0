"""The background of a dub, made by an engine that takes sound apart."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.app import Node, build_node
from myna.audio.activity import Segment
from myna.dubbing.files import DubFiles
from myna.dubbing.schemas import Dub
from myna.dubbing.stages.separating import BED, SEGMENTS, VOICE, Separate, stretches
from myna.dubbing.stages.taking_in import ORIGINAL
from myna.dubbing.store import Work
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import BadAudio, EngineFailed, EngineUnavailable
from myna.settings import Settings
from tests.fixtures.dubs import FILM_SECONDS, SEPARATING, example_dub, new_caller, request_for

RATE = 48_000
SECONDS = 12
SPOKEN = Segment(4.0, 7.0)


class Folder(DubFiles):
    """The files of one dub, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scratch(self, dub_id: str) -> Path:
        return self.folder / f"new-{len(list(self.folder.iterdir()))}-{os.urandom(4).hex()}"

    async def has(self, account_id: str, dub_id: str, name: str) -> bool:
        return (self.folder / name).exists()

    async def local(self, account_id: str, dub_id: str, name: str) -> Path:
        return self.folder / name

    async def keep(self, account_id: str, dub_id: str, name: str, path: Path) -> Path:
        return path.rename(self.folder / name)

    async def put(self, account_id: str, dub_id: str, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    async def get(self, account_id: str, dub_id: str, name: str) -> bytes:
        return (self.folder / name).read_bytes()


def source() -> np.ndarray:
    """Music at the sides all the time, a voice in the middle from 4 to 7 seconds."""
    times = np.arange(SECONDS * RATE + 77) / RATE
    side = 0.2 * np.sin(2 * np.pi * 300 * times)
    voice = np.where((times >= 4) & (times < 7), 0.3 * np.sin(2 * np.pi * 150 * times), 0)
    return np.stack([voice + side, voice - side], axis=1)


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    soundfile.write(tmp_path / ORIGINAL, source(), RATE, format="FLAC")
    (tmp_path / SEGMENTS).write_text(f"[[{SPOKEN.start}, {SPOKEN.end}]]")
    return Folder(tmp_path)


@pytest.fixture
def work() -> Work:
    dub: Dub = example_dub(SECONDS)
    return Work(dub.job, dub, ())


@pytest.fixture
async def stage(files: Folder) -> AsyncIterator[Separate]:
    registry = EngineRegistry.load(["fake-separation"])
    host = EngineHost(Settings(engine_processes=1), registry)
    yield Separate(files, host, registry)
    await host.close()


async def separated(stage: Separate, files: Folder, work: Work) -> tuple[np.ndarray, np.ndarray]:
    """The bed, and the voices."""
    said: list[float] = []
    await stage(work, said.append)
    assert said == sorted(said)
    assert said[-1] == 1
    return read(files.folder / BED), read(files.folder / VOICE)


async def test_the_voice_goes_and_the_rest_stays_as_it_was(stage: Separate, files: Folder, work: Work) -> None:
    bed, voice = await separated(stage, files, work)
    original = read(files.folder / ORIGINAL)
    assert bed.shape == original.shape
    away = slice(0, round((SPOKEN.start - 0.3) * RATE))
    assert np.array_equal(bed[away], original[away])
    assert np.array_equal(bed[round((SPOKEN.end + 0.3) * RATE) :], original[round((SPOKEN.end + 0.3) * RATE) :])
    spoken = slice(round(4.2 * RATE), round(6.8 * RATE))
    assert np.abs(bed[spoken].mean(axis=1)).max() < 0.01
    sides = (bed[spoken, 0] - bed[spoken, 1]) / 2
    assert np.abs(sides - (original[spoken, 0] - original[spoken, 1]) / 2).max() < 0.01
    assert len(voice) == pytest.approx(len(original) / 3, abs=1)
    assert np.abs(voice[: round(2.9 * 16_000)]).max() == 0
    heard = voice[round(4.2 * 16_000) : round(6.8 * 16_000), 0]
    assert heard.std() == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("block", [1, 3])
async def test_after_a_crash_the_stretch_is_heard_again_and_nothing_is_said_twice(
    block: int, stage: Separate, files: Folder, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = await separated(stage, files, work)
    for name in (BED, VOICE):
        (files.folder / name).unlink()
    monkeypatch.setenv("FAKE_SEPARATION", f"separate:from={block} separate:crash-once={os.urandom(6).hex()}")
    registry = EngineRegistry.load(["fake-separation"])
    host = EngineHost(Settings(engine_processes=1), registry)
    crashed = await separated(Separate(files, host, registry), files, work)
    assert host.counters["fake-separation"].restarts == {"crash": 1}
    await host.close()
    assert all(np.array_equal(one, other) for one, other in zip(calm, crashed, strict=True))


@pytest.mark.parametrize(("command", "error"), [("fail=no_luck", EngineFailed), ("nonsense", BadAudio)])
async def test_what_the_engine_cannot_do_is_an_error_and_leaves_no_files(
    command: str, error: type[Exception], files: Folder, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SEPARATION", f"separate:{command}")
    registry = EngineRegistry.load(["fake-separation"])
    host = EngineHost(Settings(engine_processes=1), registry)
    with pytest.raises(error):
        await separated(Separate(files, host, registry), files, work)
    await host.close()
    assert {path.name for path in files.folder.iterdir()} == {ORIGINAL, SEGMENTS}


async def test_without_such_an_engine_there_are_no_voices(files: Folder, work: Work) -> None:
    registry = EngineRegistry({})
    await Separate(files, EngineHost(Settings(), registry), registry)(work, lambda _: None)
    assert (files.folder / BED).exists()
    assert not (files.folder / VOICE).exists()


def test_the_engine_hears_what_is_around_speech_and_no_more() -> None:
    total = 20 * RATE
    assert stretches([], total) == []
    near = [Segment(0.5, 1.0), Segment(2.0, 3.0), Segment(10.0, 19.9)]
    assert stretches(near, total) == [(0, round(4.01 * RATE)), (9 * RATE, total)]
    assert stretches([Segment(3.0, 4.0)], 2 * RATE) == []


async def test_a_background_is_not_just_ducked_where_the_operator_names_an_engine(
    tmp_path: Path, files: Folder, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "none"))
    registry = EngineRegistry.load(["fake", "demucs"])
    with pytest.raises(EngineUnavailable, match="`demucs` cannot be used here"):
        await Separate(files, EngineHost(Settings(), registry), registry)(work, lambda _: None)
    assert not (files.folder / BED).exists()


async def test_a_dub_says_how_its_background_was_made(tmp_path: Path, film: Path) -> None:
    node: Node = build_node(
        Settings(data_dir=tmp_path, engines=SEPARATING, engine_processes=1, queue_poll_seconds=0.05)
    )
    await node.start()
    try:
        services = node.services
        caller = await new_caller(node, 100_000)
        dub = await services.dubbing.create(
            caller, request_for("es"), api="native", base_url="http://myna.test", source=film.read_bytes()
        )
        done = await services.dubbing.wait(caller.account.id, dub.id, 60)
        assert (done.job.status, done.job.error_message, done.bed) == ("succeeded", None, "separated")
        assert done.targets[0].files["bed"].made_by == "fake-separation"
        assert done.stages["separate"].engines == ("fake-separation",)
        bed = await services.storage.get(done.targets[0].files["bed"].object_key)
        assert len(soundfile.read(io.BytesIO(bed))[0]) >= FILM_SECONDS * RATE
        assert not [found.key async for found in services.storage.list("dubs") if found.key.endswith(VOICE)]
    finally:
        await node.stop()

"""Films made to do damage, and damaged ones: each is read, dubbed or refused, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from myna.errors import MynaError, UnsupportedMedia
from myna.media.extract import extract_sound, extract_subtitles
from myna.media.mux import Mux, SubtitleText, mux
from myna.media.probe import MediaInfo, packet_hash, probe_untrusted
from myna.media.soundfiles import SoundReader, write_sound
from tests.fixtures.canary import SECRET_SECONDS, Canary
from tests.fixtures.hostile_films import FILM_SECONDS, bombs, hostile_films, real_films
from tests.fixtures.processes import descendants
from tests.unit.media.test_decode import ATTACKS

pytestmark = pytest.mark.fault

SEED = 11
MAX_SECONDS = 120.0
AT_ONCE = 2
MOST_GROWTH = 50_000_000
"""Bytes."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The private folder of a job: the file that came, and nothing else."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


async def dubbed(source: Path, dub: Path) -> str:
    """All that is done with the source of a dub. `dubbed`, or the words of the refusal; all else is raised."""
    try:
        info = await probe_untrusted(source)
        assert 0 < info.duration < 7_202
        await heard(source, info)
        target = source.with_name(f"{source.name}-dubbed")
        await mux(
            Mux(source, target, info.result_container, dub, "es", keep_original=True,
                subtitles=(SubtitleText("es", ()),))
        )  # fmt: skip
        if info.video:
            assert (await packet_hash(target)).hash == (await packet_hash(source)).hash
        target.unlink()
    except UnsupportedMedia as refusal:
        return f"{refusal.message} {refusal.details.get('reason', '')}"
    return "dubbed"


async def heard(source: Path, info: MediaInfo) -> None:
    target = source.with_name(f"{source.name}-sound")
    await extract_sound(source, target, max_seconds=MAX_SECONDS, timeout=60)
    with SoundReader(target) as reader:
        assert 0 < reader.seconds <= MAX_SECONDS + 1
        assert reader.seconds != pytest.approx(SECRET_SECONDS, abs=0.1), "the secret was read"
    target.unlink()
    for track in info.subtitles:
        assert "secret" not in await extract_subtitles(source, track.index)


@pytest.mark.parametrize("name", ["upload.mp4", "upload.m3u8", "upload.mkv", "upload.sdp", "upload.mpd"])
@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_playlist_is_refused_whatever_its_name(attack: str, name: str, canary: Canary, work: Path):
    for folder in (work, work.parent):  # the canaries lie beside it and above it
        for secret in (canary.wav, canary.stream, canary.text):
            copy = folder / secret.name
            copy.write_bytes(secret.read_bytes())
    before = sorted(path.name for path in work.rglob("*"))
    source = work / name
    source.write_bytes(ATTACKS[attack](canary))
    for read in (
        probe_untrusted(source),
        extract_sound(source, work / "sound.flac", max_seconds=60, timeout=30),
        extract_subtitles(source, 0),
        packet_hash(source),
    ):
        with pytest.raises(UnsupportedMedia):
            await read
    source.unlink()
    assert canary.requests == []
    assert sorted(path.name for path in work.rglob("*")) == before


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_playlist_is_refused_by_the_sandbox_itself_too(attack: str, canary: Canary, work: Path):
    """Behind a beginning that looks like a film, so that the cheap first look lets it pass."""
    dub = work / "dub.flac"
    write_sound(dub, np.zeros((48_000, 2), np.float32), 48_000)
    for number, beginning in enumerate((b"\x1aE\xdf\xa3", b"\0\0\0\x08free", b"\0")):
        source = work / f"source-{number}"
        source.write_bytes(beginning + b"\n" + ATTACKS[attack](canary))
        assert await dubbed(source, dub) != "dubbed"
        with pytest.raises(UnsupportedMedia):
            await mux(Mux(source, work / "result", "mp4", dub, "es"))
        source.unlink()
    assert canary.requests == []
    assert os.listdir(work) == ["dub.flac"]


@pytest.mark.parametrize("kind", ["picture", "frames", "sound tracks", "subtitles", "too long"])
async def test_a_bomb_is_refused_by_its_packets(kind: str, work: Path):
    bomb = bombs(work)[kind]()
    assert bomb.stat().st_size < 2_000_000
    own = psutil.Process()
    before = own.cpu_times()
    with pytest.raises(UnsupportedMedia, match="Send") as refusal:
        await probe_untrusted(bomb)
    after = own.cpu_times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"\n{kind}: refused after {spent:.2f} s of computing, {bomb.stat().st_size / 1e3:.0f} kB")
    assert refusal.value.details["reason"] == kind
    assert os.listdir(work) == [bomb.name]


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(40, id="short", marks=pytest.mark.timeout(600)),
        pytest.param(600, id="full", marks=[pytest.mark.full, pytest.mark.timeout(3_600)]),
    ],
)
async def test_hostile_films_are_dubbed_or_refused(count: int, canary: Canary, work: Path):
    dub = work / "dub.flac"
    write_sound(dub, np.zeros((round(FILM_SECONDS * 48_000), 2), np.float32), 48_000)
    own = psutil.Process()
    for name, data in real_films().items():
        (work / "source").write_bytes(data)
        assert await dubbed(work / "source", dub) == "dubbed", name
    (work / "source").unlink()
    descriptors, grown_from = own.num_fds(), memory()
    outcomes: dict[str, str] = {}
    slowest = 0.0
    places = asyncio.Semaphore(AT_ONCE)

    async def take(number: int, name: str, data: bytes) -> None:
        nonlocal slowest
        async with places:
            start = time.monotonic()
            source = work / f"source-{number}"
            await asyncio.to_thread(source.write_bytes, data)
            outcomes[f"{number}: {name}"] = await dubbed(source, dub)
            source.unlink()
            slowest = max(slowest, time.monotonic() - start)

    async with asyncio.TaskGroup() as tasks:
        for number, (name, data) in enumerate(hostile_films(count, SEED, canary.targets)):
            tasks.create_task(take(number, name, data))
    growth = memory() - grown_from
    read = sum(outcome == "dubbed" for outcome in outcomes.values())
    print(f"\n{count} films, seed {SEED}: {read} dubbed, slowest {slowest:.1f} s, grown by {growth / 1e6:.1f} MB")

    assert 0 < read < count == len(outcomes)
    blocked = {name: words for name, words in outcomes.items() if "No module named" in words or "thread" in words}
    assert blocked == {}, "the sandbox stood in the way of an honest reader"
    assert descendants(own.pid, "myna.media.child") == []
    assert own.num_fds() <= descriptors + 1  # asyncio's watcher
    assert os.listdir(work) == ["dub.flac"]
    assert canary.requests == []
    assert growth < MOST_GROWTH


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def test_what_is_wrong_is_said_in_words(work: Path):
    (work / "source").write_bytes(real_films()[".mp4"][:700])
    with pytest.raises(MynaError) as refusal:
        await probe_untrusted(work / "source")
    assert refusal.value.status == 422
    assert "Send" in refusal.value.message

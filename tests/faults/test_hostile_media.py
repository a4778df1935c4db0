"""Damaged recordings and files made to do damage: each ends in sound or in a refusal, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from myna.errors import UnsupportedMedia
from myna.media.decode import Decoded
from myna.media.sandbox import decode_untrusted
from tests.fixtures.canary import SECRET_SECONDS, Canary
from tests.fixtures.hostile import SECONDS, hostile_files, real_recordings
from tests.fixtures.processes import descendants

pytestmark = pytest.mark.fault

SEED = 3
MAX_SECONDS = 120.0
AT_ONCE = 4
MOST_GROWTH = 30_000_000
"""Bytes: a few results of two minutes, which are freed but may stay with the allocator."""


async def outcome(data: bytes) -> str:
    """`sound`, or the words of the refusal and its reason. Whatever else happens is raised."""
    try:
        found = await decode_untrusted(data, max_seconds=MAX_SECONDS)
    except UnsupportedMedia as refusal:
        return f"{refusal.message} {refusal.details.get('reason', '')}"
    check(found)
    return "sound"


def check(found: Decoded) -> None:
    assert 0 < len(found.samples) <= MAX_SECONDS * found.sample_rate
    assert 4_000 <= found.sample_rate <= 48_000
    assert np.isfinite(found.samples).all()
    assert np.abs(found.samples).max() <= 8
    assert found.seconds != pytest.approx(SECRET_SECONDS, abs=0.1), "the secret was read"


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def test_undamaged_recordings_of_every_kind_are_read():
    for name, data in real_recordings().items():
        found = await decode_untrusted(data, max_seconds=MAX_SECONDS)
        assert found.seconds == pytest.approx(SECONDS, abs=0.1), name


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(60, id="short"),
        pytest.param(1_000, id="full", marks=[pytest.mark.full, pytest.mark.timeout(1_800)]),
    ],
)
async def test_hostile_files_end_in_sound_or_a_refusal(count: int, canary: Canary, tmp_path: Path):
    before = 0
    own = psutil.Process()
    descriptors, files = own.num_fds(), sorted(os.listdir(tmp_path))
    outcomes: dict[str, str] = {}
    slowest = 0.0
    batch: list[tuple[str, bytes]] = []

    async def run_batch() -> None:
        nonlocal slowest
        start = time.monotonic()
        results = await asyncio.gather(*(outcome(data) for _, data in batch))
        slowest = max(slowest, time.monotonic() - start)
        outcomes.update(
            (f"{len(outcomes) + index}: {name}", result)
            for index, ((name, _), result) in enumerate(zip(batch, results, strict=True))
        )
        batch.clear()

    for number, named in enumerate(hostile_files(count, SEED, targets=canary.targets)):
        batch.append(named)
        if len(batch) == AT_ONCE or number == count - 1:
            await run_batch()
        if len(outcomes) == count // 3 // AT_ONCE * AT_ONCE:
            before = memory()
    growth = memory() - before
    sounds = sum(result == "sound" for result in outcomes.values())
    print(f"\n{count} files, seed {SEED}: {sounds} sound, slowest four {slowest:.1f} s, grown by {growth / 1e6:.1f} MB")

    assert len(outcomes) == count
    assert 0 < sounds < count
    blocked = {name: result for name, result in outcomes.items() if "No module named" in result or "thread" in result}
    assert blocked == {}, "the sandbox stood in the way of an honest decoder"
    assert descendants(own.pid, "myna.media.child") == []
    assert own.num_fds() <= descriptors + 1  # asyncio's watcher
    assert sorted(os.listdir(tmp_path)) == files
    assert canary.requests == []
    assert growth < MOST_GROWTH


async def test_the_same_seed_makes_the_same_files():
    first = list(hostile_files(12, 5))
    assert first == list(hostile_files(12, 5))
    assert [name for name, _ in first] != [name for name, _ in hostile_files(12, 6)]

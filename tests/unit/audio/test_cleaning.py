"""Noise goes by the engine that is named, at any rate, and never by another one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import numpy as np
import pytest

from myna.audio.cleaning import Denoiser
from myna.audio.denoise import denoise
from myna.engines.base import Samples
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import EngineFailed, EngineUnavailable
from myna.settings import Settings

NAME = "fake-denoising"


@pytest.fixture
async def host() -> AsyncIterator[EngineHost]:
    made = EngineHost(Settings(engine_processes=1), EngineRegistry.load([NAME]))
    yield made
    await made.close()


def noisy(rate: int) -> Samples:
    """Two seconds of noise, then as much of a loud tone; both also above 8 kHz, where there is room."""
    times = np.arange(4 * rate) / rate
    noise = 0.005 * np.random.default_rng(1).standard_normal(len(times))
    tone = 0.4 * np.sign(np.sin(2 * np.pi * 200 * times)) * (times >= 2)
    return (noise + tone).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
async def test_quiet_noise_goes_and_loud_sound_stays_up_to_its_highest_tones(rate: int, host: EngineHost) -> None:
    sound = noisy(rate)
    clean = await Denoiser(host, EngineRegistry.load([NAME]), NAME).denoise(sound, rate)
    assert clean.shape == sound.shape
    assert clean.dtype == np.float32
    quiet, loud = slice(rate // 4, rate), slice(5 * rate // 2, 7 * rate // 2)
    assert clean[quiet].std() < 0.3 * sound[quiet].std()
    assert np.abs(clean[loud] - sound[loud]).std() < 0.1 * sound[loud].std()


async def test_nobody_named_is_the_embedded_one(host: EngineHost) -> None:
    sound = noisy(24_000)
    assert np.array_equal(
        await Denoiser(host, EngineRegistry.load([NAME])).denoise(sound, 24_000), denoise(sound, 24_000)
    )
    assert host.counters == {}


async def test_an_engine_that_is_not_here_is_an_error(host: EngineHost) -> None:
    with pytest.raises(EngineUnavailable, match="kazoo"):
        await Denoiser(host, EngineRegistry.load([NAME]), "kazoo").denoise(noisy(16_000), 16_000)
    with pytest.raises(EngineUnavailable, match="cannot denoise"):
        await Denoiser(host, EngineRegistry.load(["fake"]), "fake").denoise(noisy(16_000), 16_000)


async def test_a_crash_is_forgiven_and_a_refusal_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = EngineRegistry.load([NAME])
    for command, fails in ((f"crash-once={os.urandom(6).hex()}", False), ("fail=no_luck", True)):
        monkeypatch.setenv("FAKE_DENOISING", f"denoise:{command}")
        host = EngineHost(Settings(engine_processes=1), registry)
        try:
            if fails:
                with pytest.raises(EngineFailed, match="no luck"):
                    await Denoiser(host, registry, NAME).denoise(noisy(16_000), 16_000)
            else:
                assert len(await Denoiser(host, registry, NAME).denoise(noisy(16_000), 16_000)) == 64_000
        finally:
            await host.close()


async def test_work_in_a_thread_has_it_too(host: EngineHost) -> None:
    denoiser = Denoiser(host, EngineRegistry.load([NAME]), NAME)
    clean = denoiser.for_threads()
    sound = noisy(16_000)
    assert np.array_equal(await asyncio.to_thread(clean, sound, 16_000), await denoiser.denoise(sound, 16_000))
    assert not len(await denoiser.denoise(sound[:0], 16_000))

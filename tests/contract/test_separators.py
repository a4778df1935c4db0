"""What every engine promises that takes a sound apart, or noise out of speech: in this process where its library is,
and through the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from myna.engines.base import Samples
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry, load_engine
from myna.engines.separation import Stems, Stereo
from myna.errors import InvalidRequest
from myna.models.store import ModelStore
from myna.settings import Settings
from tests.fixtures.checkpoints import demucs_folder, gtcrn_folder
from tests.fixtures.elsewhere import torch_python, torch_pythons

SEPARATORS = ("fake-separation", "demucs")
DENOISERS = ("fake-denoising", "sherpa")
SECONDS = 1.9
PATIENCE = 60
"""Seconds; only so that a failure ends."""


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tiny models in the real formats, where they can be made."""
    store = ModelStore(tmp_path_factory.mktemp("models"))
    if torch_python():
        store.add("demucs-tiny", "demucs", demucs_folder())
    if find_spec("sherpa_onnx"):
        store.add("gtcrn-tiny", "sherpa", gtcrn_folder(tmp_path_factory.mktemp("gtcrn")))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MYNA_MODELS_DIR", str(store.folder))
        environment.setenv("MYNA_ENGINE_THREADS", "1")  # several would wait for each other more than they compute
        registry.cache_clear()
        yield
    registry.cache_clear()


@cache
def registry() -> EngineRegistry:
    return EngineRegistry.load([*SEPARATORS, *DENOISERS], torch_pythons("demucs"))


def present(name: str) -> str:
    """The engine, or a skip that says why it is not here."""
    for kind in ("separation", "denoising"):
        if name in (absent := registry().unavailable_of(kind)):
            pytest.skip(f"{name}: {absent[name]}")
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(models: None) -> AsyncIterator[EngineHost]:
    made = EngineHost(Settings(engine_processes=1), registry())
    yield made
    await made.close()


def music(rate: int, seconds: float = SECONDS) -> Stereo:
    """A chord on the left, another one on the right, and noise."""
    times = np.arange(round(seconds * rate)) / rate
    sides = [sum(np.sin(2 * np.pi * pitch * times) for pitch in pitches) for pitches in ((220, 330), (262, 392))]
    noise = np.random.default_rng(7).standard_normal((len(times), 2))
    return (0.1 * np.stack(sides, axis=1) + 0.02 * noise).astype(np.float32)


async def taken_apart(host: EngineHost, name: str, sound: Stereo, stems: list[str], size: int) -> Stems:
    parts = [part async for part in host.separate(name, in_blocks(sound, size), stems)]
    return np.concatenate(parts, axis=1)


async def in_blocks(sound: Stereo, size: int) -> AsyncIterator[Stereo]:
    for start in range(0, len(sound), size):
        yield sound[start : start + size]


@pytest.mark.parametrize("name", [*SEPARATORS, *DENOISERS])
def test_it_describes_itself(name: str) -> None:
    present(name)
    able = registry().describe_separator(name) if name in SEPARATORS else registry().describe_denoiser(name)
    assert able.name == name
    assert able.licence
    assert able.version
    assert 8_000 <= able.sample_rate <= 192_000
    if name in SEPARATORS:
        assert registry().describe_separator(name).speech in registry().describe_separator(name).stems
        assert registry().describe_separator(name).block_seconds > 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SEPARATORS)
async def test_the_stems_are_as_long_as_the_sound_however_it_is_cut(name: str, host: EngineHost) -> None:
    able = registry().describe_separator(present(name))
    sound = music(able.sample_rate)
    whole = await taken_apart(host, name, sound, list(able.stems), len(sound))
    cut = await taken_apart(host, name, sound, list(able.stems), 7_919)
    assert whole.shape == cut.shape == (len(able.stems), len(sound), 2)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    assert np.abs(whole - cut).max() < 1e-4


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SEPARATORS)
async def test_only_the_stems_that_are_wanted_come(name: str, host: EngineHost) -> None:
    able = registry().describe_separator(present(name))
    sound = music(able.sample_rate, 1.2)
    every = await taken_apart(host, name, sound, list(able.stems), 20_000)
    speech = await taken_apart(host, name, sound, [able.speech], 20_000)
    assert np.allclose(speech[0], every[able.stems.index(able.speech)], atol=1e-5)
    with pytest.raises(InvalidRequest, match="kazoo"):
        await taken_apart(host, name, sound, ["kazoo"], 20_000)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SEPARATORS)
async def test_a_sound_of_hardly_any_length_is_no_error(name: str, host: EngineHost) -> None:
    able = registry().describe_separator(present(name))
    for count in (0, 1, 100):
        stems = await taken_apart(host, name, music(able.sample_rate)[:count], [able.speech], 50)
        assert stems.shape == (1, count, 2)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SEPARATORS)
async def test_what_was_left_in_the_middle_is_forgotten(name: str, host: EngineHost) -> None:
    able = registry().describe_separator(present(name))
    sound = music(able.sample_rate)
    alone = await taken_apart(host, name, sound, [able.speech], 30_000)
    async with contextlib.aclosing(host.separate(name, in_blocks(-sound, 100_000), [able.speech])) as parts:
        await anext(parts)
    async with asyncio.timeout(PATIENCE):
        again = await taken_apart(host, name, sound, [able.speech], 30_000)
    assert np.allclose(alone, again, atol=1e-5)


async def test_a_film_that_nobody_wants_any_more_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SEPARATION", "separate:slow=0.2")
    host = EngineHost(Settings(engine_processes=1), registry())
    able = registry().describe_separator("fake-separation")
    try:
        working = asyncio.create_task(taken_apart(host, able.name, music(able.sample_rate), [able.speech], 100))
        while able.name not in host.counters or not host.counters[able.name].running:
            await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        async with asyncio.timeout(PATIENCE):
            again = await taken_apart(host, able.name, music(able.sample_rate)[:100], [able.speech], 100)
        assert again.shape == (1, 100, 2)
    finally:
        await host.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_block_in_the_works_can_be_canceled(host: EngineHost) -> None:
    """Nothing is asserted of how far it was: a segment may be done by then."""
    able = registry().describe_separator(present("demucs"))
    await host.warm("demucs")
    sound = music(able.sample_rate, 20)
    working = asyncio.create_task(taken_apart(host, "demucs", sound, [able.speech], len(sound)))
    while not host.counters["demucs"].running:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    async with asyncio.timeout(PATIENCE):
        again = await taken_apart(host, "demucs", sound[:1000], [able.speech], 1000)
    assert again.shape == (1, 1000, 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_demucs_in_blocks_gives_what_demucs_gives_at_once(host: EngineHost, tmp_path: Path) -> None:
    able = registry().describe_separator(present("demucs"))
    sound = music(able.sample_rate)
    np.save(tmp_path / "sound.npy", sound)
    program = Path(__file__).parents[1] / "fixtures" / "checkpoints" / "demucs.py"
    model = next(demucs_folder().glob("*.safetensors"))
    python = torch_python()
    assert python is not None
    subprocess.run(
        [python, program, model, tmp_path / "sound.npy", tmp_path / "stems.npy"], check=True, capture_output=True
    )
    wanted = np.load(tmp_path / "stems.npy")
    made = await taken_apart(host, "demucs", sound, list(able.stems), 12_345)
    assert np.abs(wanted).max() > 0.001
    assert np.abs(made - wanted).max() < 1e-3 * np.abs(wanted).max()


def noisy(rate: int) -> tuple[Samples, int]:
    """Noise, and from the returned place on a loud tone in it."""
    noise = 0.02 * np.random.default_rng(5).standard_normal(round(7.3 * rate))
    begin = 2 * rate
    noise[begin:] += 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(noise) - begin) / rate)
    return noise.astype(np.float32), begin


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", DENOISERS)
async def test_noise_goes_and_what_is_loud_stays(name: str, host: EngineHost) -> None:
    rate = registry().describe_denoiser(present(name)).sample_rate
    sound, begin = noisy(rate)
    clean = await host.denoise(name, sound)
    assert clean.shape == sound.shape
    assert clean.dtype == np.float32
    assert clean[: begin - rate].std() < 0.5 * sound[: begin - rate].std()
    tone = slice(begin + rate, len(sound) - rate)
    assert np.dot(clean[tone], sound[tone]) == pytest.approx(np.dot(sound[tone], sound[tone]), rel=0.1)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", DENOISERS)
async def test_the_same_recording_is_cleaned_the_same_whatever_was_before(name: str, host: EngineHost) -> None:
    rate = registry().describe_denoiser(present(name)).sample_rate
    for count in (0, 1, 255, 80_000):
        sound = noisy(rate)[0][:count]
        first = await host.denoise(name, sound)
        await host.denoise(name, noisy(rate)[0])
        assert len(first) == count
        assert np.array_equal(await host.denoise(name, sound), first)


@pytest.mark.parametrize("told", [{"model_type": "dpdfnet"}, {"hop_length": None}, {"conv_cache_shape": None}])
def test_sherpa_refuses_what_would_end_its_process(
    told: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = load_engine(present("sherpa"))
    store = ModelStore(tmp_path / "store")
    store.add("broken", "sherpa", gtcrn_folder(tmp_path / "made", **told))
    monkeypatch.setenv("MYNA_MODELS_DIR", str(store.folder))
    with pytest.raises(Exception, match="no GTCRN"):
        kind()

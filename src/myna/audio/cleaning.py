"""Takes noise out of speech, with an engine where the operator names one, and never the speech."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from myna.audio.denoise import denoise, guarded
from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.engines.forgiving import forgiving
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.kit.threads import run_in_thread

Clean = Callable[[Samples, int], Samples]
"""Takes mono sound and its rate; gives as much of it, with less noise. For threads."""

_STEP_SECONDS = 0.02


class Denoiser:
    """The embedded RNNoise, unless an engine is named. That one never is replaced by another silently."""

    def __init__(self, engines: EngineHost, registry: EngineRegistry, engine: str = "") -> None:
        """`engine` is the name of one that denoises; it is looked for when there is something to denoise."""
        self._engines = engines
        self._registry = registry
        self._engine = engine

    def check(self) -> None:
        """Raises `EngineUnavailable`, which says what to do, when the engine that is named is not here."""
        if self._engine:
            self._registry.describe_denoiser(self._engine)

    async def denoise(self, samples: Samples, rate: int) -> Samples:
        """The recording with less noise; same length, same timing; speech never falls by more than 10 dB.

        Raises `EngineUnavailable` when the engine is not here, and what `EngineHost.denoise` raises at last.
        """
        if not self._engine or not len(samples):
            return await run_in_thread(denoise, samples, rate)
        own_rate = self._registry.describe_denoiser(self._engine).sample_rate
        low = await run_in_thread(resample, samples, rate, own_rate)
        clean = await self._by_engine(low)
        return await run_in_thread(_put_together, samples, low, clean, rate, own_rate)

    def for_threads(self) -> Clean:
        """The same for work that runs in a thread while this event loop goes on."""
        loop = asyncio.get_running_loop()
        return lambda samples, rate: asyncio.run_coroutine_threadsafe(self.denoise(samples, rate), loop).result()

    async def _by_engine(self, samples: Samples) -> Samples:
        return await forgiving(self._engine, lambda: self._engines.denoise(self._engine, samples))


def _put_together(samples: Samples, low: Samples, clean: Samples, rate: int, own_rate: int) -> Samples:
    """What is above the engine's frequencies goes down as what is below; and the guard of all denoising."""
    below = _of_length(resample(clean, own_rate, rate), len(samples))
    if rate <= own_rate:
        return guarded(samples, below, rate)
    above = samples - _of_length(resample(low, own_rate, rate), len(samples))
    return guarded(samples, below + _gains(low, clean, own_rate, rate, len(samples)) * above, rate)


def _gains(before: Samples, after: Samples, own_rate: int, rate: int, count: int) -> Samples:
    """How far the engine turned each moment down, at most 1, for each sample of the recording."""
    step = round(_STEP_SECONDS * own_rate)
    powers = [
        np.square(np.pad(sound, (0, -len(sound) % step))).reshape(-1, step).sum(axis=1) for sound in (before, after)
    ]
    gains: NDArray[np.float32] = np.sqrt(np.minimum(1.0, powers[1] / np.maximum(powers[0], 1e-12)))
    centres = (np.arange(len(gains)) + 0.5) * step * rate / own_rate
    return np.asarray(np.interp(np.arange(count), centres, gains), np.float32)


def _of_length(samples: Samples, count: int) -> Samples:
    return np.asarray(np.pad(samples[:count], (0, max(0, count - len(samples)))), np.float32)

"""Sound that a listener gets before the sentence is whole."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from myna.engines.base import Capabilities
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import EngineFailed
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.schemas import SpeechRequest
from myna.speech.script import Script
from myna.voices.catalogue import VoiceCatalogue

TEXT = "The beginning of this is heard long before {} its end has come"


class PassingRegistry(EngineRegistry):
    """As if the fake engine took its time."""

    patient = False
    """It gives nothing before the whole."""
    forgetful = False
    """It does not say the same again."""

    def describe(self, name: str) -> Capabilities:
        able = super().describe(name)
        options = able.options - {"seed"} if self.forgetful else able.options
        return replace(able, passes_on=not self.patient, options=options)


@pytest.fixture
def registry() -> PassingRegistry:
    registry = PassingRegistry.load(["fake"])
    assert isinstance(registry, PassingRegistry)
    return registry


@pytest.fixture
async def renderer(registry: PassingRegistry) -> AsyncIterator[Renderer]:
    host = EngineHost(Settings(engine_processes=1), registry)
    yield Renderer(host, registry)
    await host.close()


def script(renderer: Renderer, registry: EngineRegistry, command: str) -> Script:
    voice = VoiceCatalogue(registry).default("en")
    assert voice
    return renderer.prepare(SpeechRequest(TEXT.format(command), voice.id), voice)


async def heard(renderer: Renderer, spoken: Script) -> list[np.ndarray]:
    return [part.samples async for part in renderer.speak_on(spoken)]


async def test_it_comes_in_parts_that_are_the_whole(renderer: Renderer, registry: PassingRegistry) -> None:
    registry.patient = True
    (whole,) = await heard(renderer, script(renderer, registry, ""))
    registry.patient = False
    parts = await heard(renderer, script(renderer, registry, "fake:slow=2"))
    assert len(parts) > 1
    assert np.array_equal(np.concatenate(parts), whole)


async def test_what_breaks_off_goes_on_where_it_was(renderer: Renderer, registry: PassingRegistry) -> None:
    broken = script(renderer, registry, f"fake:slow=2 fake:crash-once={time.time_ns()}")
    parts = await heard(renderer, broken)
    assert len(parts) > 1
    assert np.array_equal(np.concatenate(parts), np.concatenate(await heard(renderer, broken)))


async def test_an_engine_that_does_not_say_the_same_again_is_not_asked(
    renderer: Renderer, registry: PassingRegistry
) -> None:
    registry.forgetful = True
    broken = script(renderer, registry, f"fake:slow=2 fake:crash-once={time.time_ns()}")
    parts = []
    with pytest.raises(EngineFailed):
        async for part in renderer.speak_on(broken):
            parts.append(part)  # noqa: PERF401 - what was heard before the error counts
    assert parts

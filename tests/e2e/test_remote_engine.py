"""A Myna that speaks through another Myna, which is a process of its own and serves OpenAI's API."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from myna.app import Node, build_node
from myna.engines.base import SynthesisRequest
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import EngineUnavailable
from myna.http.native.health import refresh_metrics
from myna.settings import Settings
from myna.speech.schemas import SpeechRequest
from tests.fixtures.dubs import SECONDS_TO_DUB, new_caller, request_for
from tests.fixtures.server import ServerFactory, ServerProcess
from tests.fixtures.sound import seconds

SENTENCE = "Well, the small boat sailed over the wide river; nobody saw it, and the moon was low."


@pytest.fixture(scope="module")
def upstream(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_RATE_LIMITS="off", MYNA_PRICES="off")


@pytest.fixture(scope="module")
def surroundings(upstream: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a Myna that is told of the other one, but of none of its voices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYNA_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        patch.setenv("MYNA_REMOTE_URL", f"{upstream.url}/v1")
        patch.setenv("MYNA_REMOTE_KEY", upstream.new_key(0))
        yield patch


@pytest.fixture(scope="module")
def registry(surroundings: pytest.MonkeyPatch) -> EngineRegistry:
    return EngineRegistry.load(["remote"])


@pytest.fixture
async def host(registry: EngineRegistry) -> AsyncIterator[EngineHost]:
    host = EngineHost(Settings(engine_processes=1), registry)
    yield host
    await host.close()


def request(registry: EngineRegistry, text: str, **options: Any) -> SynthesisRequest:
    voice = next(voice for voice in registry.voices("remote") if voice.language == "en-US")
    return SynthesisRequest(text, "en-US", voice.settings, **options)


def test_the_voices_of_the_other_server_are_found_with_their_languages(registry: EngineRegistry) -> None:
    voices = {voice.settings["voice"]: voice for voice in registry.voices("remote")}
    assert voices["fake:de-DE.1"].language == "de-DE"
    assert voices["fake:de-DE.1"].gender == "female"
    assert voices["alloy"].language == "en-US"


async def test_through_the_host_many_requests_are_served_at_once(host: EngineHost, registry: EngineRegistry) -> None:
    texts = [f"Sentence {'word ' * number}is not like any other one." for number in range(1, 9)]
    spoken = await asyncio.gather(*(host.synthesize("remote", request(registry, text)) for text in texts))
    lengths = [seconds(chunks) for chunks in spoken]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == len(lengths), "nobody has the sound of another request"
    assert host.counters["remote"].processes > 1


async def test_through_the_host_it_is_canceled_at_once(host: EngineHost, registry: EngineRegistry) -> None:
    slow = request(registry, "fake:slow=60 This takes a whole minute to be spoken.")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.5):
            await host.synthesize("remote", slow)
    assert seconds(await host.synthesize("remote", request(registry, SENTENCE))) > 2
    assert not host.counters["remote"].restarts, "the process lives on"


async def test_a_server_that_does_not_answer_is_said_and_the_node_stays_ready(
    surroundings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with surroundings.context() as patch:
        patch.setenv("MYNA_REMOTE_URL", "http://127.0.0.1:9/v1")
        patch.setenv("MYNA_REMOTE_VOICES", "alloy=en-US")
        patch.setenv("MYNA_REMOTE_FAILURES", "2")
        registry = EngineRegistry.load(["remote"])
        host = EngineHost(Settings(engine_silence_seconds=20), registry)
        try:
            await host.warm("remote")
            with pytest.raises(EngineUnavailable, match=r"cannot be reached|left alone"):
                await host.synthesize("remote", request(registry, SENTENCE))
            with pytest.raises(EngineUnavailable, match="left alone"):
                await host.synthesize("remote", request(registry, SENTENCE))
        finally:
            await host.close()


@pytest.fixture
async def node(surroundings: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Node]:
    """It speaks through the other Myna alone; it hears and translates itself."""
    engines = ["remote", "fake-recognition", "fake-translation"]
    node = build_node(Settings(data_dir=tmp_path, engines=engines, engine_processes=1, queue_poll_seconds=0.05))
    await node.start()
    yield node
    await node.stop()


async def test_a_film_is_dubbed_with_the_speech_of_another_server(
    node: Node, upstream: ServerProcess, film: Path
) -> None:
    caller, dubbing = await new_caller(node, 100_000), node.services.dubbing
    made = await dubbing.create(caller, request_for("es", "de"), api="native", base_url="", source=film.read_bytes())
    dub = await dubbing.wait(caller.account.id, made.id, SECONDS_TO_DUB)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    for target in dub.targets:
        assert len(target.lines) == 2
        assert not [line.error for line in target.lines if line.fit == "failed"]
        assert {line.voice_id.partition(":")[0] for line in target.lines} == {"remote"}
    dialogue = await node.services.storage.get(dub.targets[0].files["dialogue"].object_key)
    sound, rate = soundfile.read(io.BytesIO(dialogue), dtype="float32")
    for line in dub.targets[0].lines:
        assert np.abs(sound[round(line.start * rate) : round(line.end * rate)]).max() > 0.02
    assert node.services.engines.counters["remote"].requests >= 4
    assert "/v1/audio/speech" in httpx.get(f"{upstream.url}/metrics", timeout=20).text


async def test_what_servers_do_is_told_in_the_metrics(node: Node, upstream: ServerProcess) -> None:
    caller = await new_caller(node, 100_000)
    voice = await node.services.voices.resolve("native", "remote:alloy", caller.account.id)
    script = node.services.speech.renderer.prepare(SpeechRequest(SENTENCE, voice.id), voice)
    await node.services.speech.renderer.render(SpeechRequest(SENTENCE, voice.id), script)
    await refresh_metrics(node.services)
    text = node.services.metrics.render().decode()
    name = upstream.url.removeprefix("http://")
    assert f'myna_upstream_open{{upstream="{name}"}} 0.0' in text
    assert f'myna_upstream_requests{{outcome="answered",upstream="{name}"}}' in text

"""Engines in processes of their own: what goes wrong in one stays in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import psutil
import pytest
import uvloop

from myna.engines.base import AudioChunk, SynthesisRequest
from myna.engines.host import EngineHost, spawn_engine
from myna.engines.registry import GROUP, EngineRegistry
from myna.engines.translation import TranslationRequest
from myna.errors import (
    BadAudio,
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    Unavailable,
    Unsupported,
)
from myna.kit.beneficiary import work_for
from myna.kit.processes import LESS_URGENT
from myna.settings import Settings
from tests.fixtures.sound import joined, pitch, seconds

FAKE = EngineRegistry.load(["fake", "fake-recognition", "fake-translation"])
PATIENCE = 20
"""Seconds; only so that a failure ends."""

MakeHost = Callable[..., EngineHost]


@pytest.fixture
async def make_host() -> AsyncIterator[MakeHost]:
    hosts: list[EngineHost] = []

    def make(**settings: float) -> EngineHost:
        hosts.append(EngineHost(Settings(**{"engine_processes": 1, **settings}), FAKE))  # type: ignore[arg-type]
        return hosts[-1]

    yield make
    for host in hosts:
        await host.close()


@pytest.fixture
async def make_odd_host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeHost]:
    """Hosts for the classes of tests/fixtures/engines.py."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    hosts: list[EngineHost] = []

    def make(engine: str, **settings: float) -> EngineHost:
        value = f"tests.fixtures.engines:{engine}"
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in engine).strip("_")
        registry = EngineRegistry({name: EntryPoint(name, value, GROUP)})
        assert registry.names == (name,)
        chosen = Settings(**{"engine_processes": 1, **settings})  # type: ignore[arg-type]
        hosts.append(EngineHost(chosen, registry, lambda _: spawn_engine(value)))
        return hosts[-1]

    yield make
    for host in hosts:
        await host.close()


@pytest.fixture
def token() -> Iterator[str]:
    name = f"test-{uuid.uuid4()}"
    yield name
    marker(name).unlink(missing_ok=True)


def marker(token: str) -> Path:
    return Path(tempfile.gettempdir()) / f"myna-fake-{token}"


def ask(text: str, frequency: float = 150.0, **options: float) -> SynthesisRequest:
    return SynthesisRequest(text, "en-US", {"frequency": frequency}, **options)  # type: ignore[arg-type]


async def listen(stream: AsyncIterator[AudioChunk], heard: list[AudioChunk]) -> None:
    async for chunk in stream:
        heard.append(chunk)  # noqa: PERF401 - what was heard before an error counts


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if is_engine(child)]


def is_engine(process: psutil.Process) -> bool:
    try:
        return "myna.engines.child" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_speaks(make_host: MakeHost) -> None:
    host = make_host()
    chunks = await host.synthesize("fake", ask("Hello there world."))
    assert seconds(chunks) == pytest.approx(18 * 0.06)
    assert [word.text_position for chunk in chunks for word in chunk.words] == [0, 6, 12]
    assert not chunks[0].samples.flags.writeable


async def test_a_process_is_used_again(make_host: MakeHost) -> None:
    host = make_host()
    await host.synthesize("fake", ask("one"))
    first = children()
    await host.synthesize("fake", ask("two"))
    assert children() == first
    assert host.counters["fake"].requests == 2
    assert host.counters["fake"].processes == 1
    assert host.counters["fake"].running == 0


async def test_a_crash_in_the_middle_of_a_sentence(make_host: MakeHost) -> None:
    host = make_host()
    heard: list[AudioChunk] = []
    with pytest.raises(EngineCrashed):
        await listen(host.stream("fake", ask("Hello there fake:crash my friend.")), heard)
    assert seconds(heard) == pytest.approx(0.06 * 11, abs=1e-3)
    assert await host.synthesize("fake", ask("again"))
    assert host.counters["fake"].restarts == {"crash": 1}


async def test_a_crash_that_happens_once_costs_one_retry(make_host: MakeHost, token: str) -> None:
    host = make_host()
    request = ask(f"Hello fake:crash-once={token} world.")
    with pytest.raises(EngineCrashed):
        await host.synthesize("fake", request)
    assert seconds(await host.synthesize("fake", request)) == pytest.approx(12 * 0.06)


async def test_a_process_killed_in_the_middle(make_host: MakeHost) -> None:
    host = make_host()
    stream = host.stream("fake", ask("Hello there. fake:slow=600"))
    await anext(stream)
    children()[0].kill()
    with pytest.raises(EngineCrashed):
        await listen(stream, [])
    assert await host.synthesize("fake", ask("again"))


async def test_a_process_killed_at_rest_costs_nothing(make_host: MakeHost) -> None:
    host = make_host()
    await host.synthesize("fake", ask("one"))
    victim = children()[0]
    victim.kill()
    await until(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE)
    await asyncio.sleep(0.05)
    assert await host.synthesize("fake", ask("two"))


async def test_a_hanging_engine_is_replaced(make_host: MakeHost) -> None:
    host = make_host(engine_silence_seconds=0.3)
    with pytest.raises(EngineTimeout):
        await host.synthesize("fake", ask("Hello fake:hang world."))
    assert await host.synthesize("fake", ask("again"))
    assert host.counters["fake"].restarts == {"silence": 1}


@pytest.mark.parametrize("command", ["nan", "rate"])
async def test_unusable_sound_never_leaves_the_host(make_host: MakeHost, command: str) -> None:
    host = make_host()
    heard: list[AudioChunk] = []
    with pytest.raises(BadAudio):
        await listen(host.stream("fake", ask(f"Hello fake:{command} world.")), heard)
    assert all(np.isfinite(chunk.samples).all() and chunk.sample_rate == 24_000 for chunk in heard)
    assert await host.synthesize("fake", ask("again"))
    assert host.counters["fake"].restarts == {"bad_audio": 1}


async def test_no_sound_at_all_is_an_error(make_host: MakeHost) -> None:
    host = make_host()
    with pytest.raises(BadAudio):
        await host.synthesize("fake", ask("Hello fake:empty world."))
    assert not host.counters["fake"].restarts


async def test_silence_is_left_to_others_to_judge(make_host: MakeHost) -> None:
    assert not joined(await make_host().synthesize("fake", ask("Hello fake:silence"))).any()


async def test_the_engine_says_what_is_wrong(make_host: MakeHost) -> None:
    host = make_host()
    with pytest.raises(EngineFailed, match="no such phoneme"):
        await host.synthesize("fake", ask("Hello fake:fail=no_such_phoneme"))
    assert await host.synthesize("fake", ask("again"))
    assert not host.counters["fake"].restarts


async def test_a_process_that_has_grown_is_replaced_quietly(make_host: MakeHost) -> None:
    host = make_host(engine_memory_mb=80)
    await host.synthesize("fake", ask("one"))
    small = children()
    assert await host.synthesize("fake", ask("two fake:grow=100"))
    assert await host.synthesize("fake", ask("three"))
    assert children() != small
    assert host.counters["fake"].restarts == {"memory": 1}


async def test_an_idle_process_is_let_go(make_host: MakeHost) -> None:
    host = make_host(engine_idle_seconds=1)
    await host.synthesize("fake", ask("one"))
    await until(lambda: not children())
    assert host.counters["fake"].restarts == {"idle": 1}
    assert host.counters["fake"].processes == 0
    assert await host.synthesize("fake", ask("two"))


async def test_closing_a_stream_frees_the_process(make_host: MakeHost) -> None:
    host = make_host()
    async with contextlib.aclosing(host.stream("fake", ask("Hello there. " * 100 + "fake:slow=600"))) as stream:
        await anext(stream)
    async with asyncio.timeout(PATIENCE):
        assert await host.synthesize("fake", ask("next"))
    assert not host.counters["fake"].restarts


async def test_a_stream_that_nobody_reads_is_canceled_with_its_task(make_host: MakeHost) -> None:
    host = make_host()
    task = asyncio.create_task(host.synthesize("fake", ask("Hello there. " * 100 + "fake:slow=600")))
    await until(lambda: "fake" in host.counters and host.counters["fake"].requests == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await host.synthesize("fake", ask("next"))
    assert not host.counters["fake"].restarts


async def test_whoever_leaves_at_any_moment_leaves_a_process_that_works(make_host: MakeHost) -> None:
    host = make_host()
    await host.warm("fake")
    for number in range(60):
        task = asyncio.create_task(host.synthesize("fake", ask("Hello there. " * 200)))
        await asyncio.sleep(number / 10_000)
        task.cancel()
        await asyncio.wait({task})
    assert await host.synthesize("fake", ask("next"))
    counters = host.counters["fake"]
    assert (counters.running, counters.waiting, counters.processes) == (0, 0, 1)
    assert not counters.restarts["protocol"], "what is said was understood each time"


async def test_a_process_that_is_about_to_be_free_is_waited_for(make_host: MakeHost) -> None:
    host = make_host(engine_processes=2)
    for number in range(5):
        async with contextlib.aclosing(host.stream("fake", ask("Hello there. fake:slow=600"))) as stream:
            await anext(stream)
        assert await host.synthesize("fake", ask(f"next {number}"))
    assert (host.counters["fake"].processes, host.counters["fake"].restarts) == (1, {})


async def test_whoever_leaves_while_waiting_for_it_keeps_no_place(make_host: MakeHost) -> None:
    host = make_host(engine_processes=2)
    async with contextlib.aclosing(host.stream("fake", ask("Hi fake:hang"))) as stream:
        await anext(stream)
        await asyncio.sleep(0.3)
    next_one = asyncio.create_task(host.synthesize("fake", ask("next")))
    await asyncio.sleep(0.1)
    next_one.cancel()
    await asyncio.wait({next_one})
    await until(lambda: not host.counters["fake"].running)
    assert host.counters["fake"].restarts == {"cancel": 1}
    assert len(await asyncio.gather(*(host.synthesize("fake", ask("after")) for _ in range(2)))) == 2


async def test_an_engine_that_does_not_stop_is_replaced(make_host: MakeHost) -> None:
    host = make_host()
    async with contextlib.aclosing(host.stream("fake", ask("Hi fake:hang"))) as stream:
        await anext(stream)
        await asyncio.sleep(0.3)
    async with asyncio.timeout(PATIENCE):
        assert await host.synthesize("fake", ask("next"))
    assert host.counters["fake"].restarts == {"cancel": 1}


async def test_a_slow_listener_makes_the_engine_wait(make_host: MakeHost, token: str) -> None:
    host = make_host()
    text = "Hello there. " * 200
    stream = host.stream("fake", ask(f"{text}fake:crash-once={token}"))
    heard = [await anext(stream)]
    await asyncio.sleep(0.7)
    assert not marker(token).exists()
    with pytest.raises(EngineCrashed):
        await listen(stream, heard)
    assert seconds(heard) == pytest.approx(len(text) * 0.06, rel=0.01)


async def test_parallel_requests_each_get_their_own_sound(make_host: MakeHost) -> None:
    host = make_host(engine_processes=2)
    asked = [("ma" * (number + 5), 100.0 + 9 * number) for number in range(20)]
    answers = await asyncio.gather(*(host.synthesize("fake", ask(text, tone)) for text, tone in asked))
    for (text, tone), chunks in zip(asked, answers, strict=True):
        assert seconds(chunks) == pytest.approx(len(text) * 0.06, abs=1e-3)
        assert pitch(joined(chunks), 24_000) == pytest.approx(tone, rel=0.02)
    assert len(children()) == 2
    assert host.counters["fake"].waiting == 0


async def test_requests_are_served_in_order(make_host: MakeHost) -> None:
    host = make_host()
    ended: list[int] = []

    async def one(number: int) -> None:
        await host.synthesize("fake", ask("short"))
        ended.append(number)

    tasks = []
    for number in range(10):
        tasks.append(asyncio.create_task(one(number)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert ended == list(range(10))


async def test_accounts_take_turns(make_host: MakeHost) -> None:
    host = make_host()
    busy = asyncio.create_task(host.synthesize("fake", ask("Hello fake:hang")))
    await until(lambda: "fake" in host.counters and host.counters["fake"].running == 1)
    ended: list[str] = []

    async def one(account: str) -> None:
        work_for(account)
        await host.synthesize("fake", ask("short"))
        ended.append(account)

    tasks = [asyncio.create_task(one(account)) for account in "aaaab"]
    await until(lambda: host.counters["fake"].waiting == 5)
    busy.cancel()
    await asyncio.gather(*tasks)
    assert "".join(ended) == "abaaa"


async def test_the_queue_that_one_account_has_filled_has_room_for_another(make_host: MakeHost) -> None:
    host = make_host(engine_queue=4)

    async def one(account: str) -> list[AudioChunk]:
        work_for(account)
        return await host.synthesize("fake", ask("Hello fake:slow=0.3"))

    many = [asyncio.create_task(one("a")) for _ in range(4)]
    await until(lambda: "fake" in host.counters and host.counters["fake"].waiting == 3)
    with pytest.raises(Unavailable):
        await one("a")
    assert all(await asyncio.gather(*many, one("b")))


async def test_one_engine_at_a_time(make_host: MakeHost) -> None:
    host = make_host(engines_at_once=1)
    speaking = asyncio.create_task(host.synthesize("fake", ask("Hello fake:slow=0.5")))
    await until(lambda: "fake" in host.counters and host.counters["fake"].running == 1)
    hello = TranslationRequest(("hello",), "en", "es")
    assert await host.translate("fake-translation", hello)
    assert speaking.done(), "it was waited for"
    assert [name for name, counters in host.counters.items() if counters.processes] == ["fake-translation"]
    assert len(children()) == 1
    assert await host.synthesize("fake", ask("again"))
    assert host.counters["fake"].restarts == host.counters["fake-translation"].restarts == {"room": 1}
    assert host.memory_bytes["fake"] > 0
    assert host.memory_bytes["fake-translation"] == 0


async def test_a_full_queue_is_said_at_once(make_host: MakeHost) -> None:
    host = make_host(engine_queue=2)
    busy = [asyncio.create_task(host.synthesize("fake", ask("Hello fake:slow=0.5"))) for _ in range(3)]
    await until(lambda: "fake" in host.counters and host.counters["fake"].waiting == 2)
    with pytest.raises(Unavailable) as caught:
        await host.synthesize("fake", ask("too many"))
    assert caught.value.retry_after >= 1
    assert all(await asyncio.gather(*busy))


async def test_whoever_gives_up_waiting_keeps_no_place(make_host: MakeHost) -> None:
    host = make_host()
    first = asyncio.create_task(host.synthesize("fake", ask("Hello fake:slow=0.5")))
    await until(lambda: "fake" in host.counters and host.counters["fake"].running == 1)
    second = asyncio.create_task(host.synthesize("fake", ask("never")))
    await until(lambda: host.counters["fake"].waiting == 1)
    second.cancel()
    assert await first
    assert await host.synthesize("fake", ask("third"))
    assert host.counters["fake"].running == host.counters["fake"].waiting == 0


async def test_whoever_gives_up_while_a_process_starts_leaves_it_to_the_next(make_host: MakeHost) -> None:
    host = make_host()
    first = asyncio.create_task(host.synthesize("fake", ask("never")))
    await until(lambda: "fake" in host.counters and host.counters["fake"].processes == 1)
    started = children()
    first.cancel()
    assert await host.synthesize("fake", ask("second"))
    assert children() == started


async def test_an_unknown_engine(make_host: MakeHost) -> None:
    with pytest.raises(EngineUnavailable, match="espeak"):
        await make_host().synthesize("espeak", ask("hello"))


async def test_an_engine_that_cannot_clone_says_so(make_odd_host: MakeHost) -> None:
    with pytest.raises(Unsupported, match="`mute` cannot clone voices"):
        await make_odd_host("Mute").prepare_voice("mute", np.zeros(100, np.float32), 16_000)


async def test_closing_leaves_no_process_and_no_waiting_request(make_host: MakeHost) -> None:
    host = make_host(engine_processes=2)
    await asyncio.gather(*(host.synthesize("fake", ask("hello")) for _ in range(2)))
    busy = asyncio.create_task(host.synthesize("fake", ask("Hello there. fake:slow=600")))
    hanging = asyncio.create_task(host.synthesize("fake", ask("Hello fake:hang")))
    await until(lambda: host.counters["fake"].requests == 4)
    waiting = asyncio.create_task(host.synthesize("fake", ask("hello")))
    await until(lambda: host.counters["fake"].waiting == 1)
    started = children()
    assert len(started) == 2
    await host.close()
    assert not any(process.is_running() for process in started)
    results = await asyncio.gather(busy, hanging, waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, EngineCrashed, Unavailable]
    with pytest.raises(Unavailable):
        await host.synthesize("fake", ask("late"))


async def test_closing_while_a_process_starts(make_host: MakeHost) -> None:
    host = make_host()
    task = asyncio.create_task(host.synthesize("fake", ask("hello")))
    await until(lambda: bool(children()))
    await host.close()
    with pytest.raises((Unavailable, EngineCrashed)):
        await task
    assert not children()


SERVER = """
import asyncio
from tests.unit.engines.test_host import FAKE, ask, children
from myna.engines.host import EngineHost
from myna.kit.beneficiary import work_for
from myna.kit.processes import LESS_URGENT
from myna.settings import Settings

async def main():
    host = EngineHost(Settings(engine_processes=3), FAKE)
    await asyncio.gather(*(host.synthesize("fake", ask("hello fake:slow=0.1")) for _ in range(3)))
    texts = ("hello fake:hang", "hello fake:slow=600")
    tasks = [asyncio.create_task(host.synthesize("fake", ask(text))) for text in texts]
    await asyncio.sleep(0.1)
    print(*(child.pid for child in children()), flush=True)
    await asyncio.gather(*tasks)

asyncio.run(main())
"""


async def test_no_process_outlives_a_server_that_is_killed() -> None:
    root = str(Path(__file__).parents[3])
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=PIPE, cwd=root)
    assert server.stdout
    line = await server.stdout.readline()
    processes = [psutil.Process(int(pid)) for pid in line.split()]
    assert len(processes) == 3
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await until(lambda: not any(process.is_running() for process in processes))


async def test_signals_for_the_server_do_not_end_its_engines(make_host: MakeHost) -> None:
    host = make_host()
    task = asyncio.create_task(host.synthesize("fake", ask("Hello fake:slow=0.5")))
    await until(lambda: "fake" in host.counters and host.counters["fake"].requests == 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        children()[0].send_signal(number)
    assert await task


async def test_a_voice_is_made_from_a_recording(make_odd_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_SECRET", "hidden")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    host = make_odd_host("Plain")
    reference = np.full(500_000, 0.5, np.float32)
    made = await host.prepare_voice("plain", reference, 44_100, "hello")
    assert made["sum"] == 250_000
    assert (made["rate"], made["transcript"]) == (44_100, "hello")
    environment = {"MYNA_SECRET": None, "AWS_SECRET_ACCESS_KEY": None, "ORT_DISABLE_TELEMETRY": "1"}
    assert made["environment"] == environment


async def test_what_an_engine_prints_is_kept_out_of_the_pipe(make_odd_host: MakeHost) -> None:
    assert seconds(await make_odd_host("Chatty").synthesize("chatty", ask("hello"))) == 1


async def test_double_precision_is_converted(make_odd_host: MakeHost) -> None:
    chunks = await make_odd_host("Doubles").synthesize("doubles", ask("hello"))
    assert chunks[0].samples.dtype == np.float32
    assert (chunks[0].samples == 0.25).all()


@pytest.mark.parametrize("engine", ["Stereo", "Integers"])
async def test_sound_of_a_wrong_shape_is_refused(make_odd_host: MakeHost, engine: str) -> None:
    with pytest.raises(BadAudio, match="not mono float32"):
        await make_odd_host(engine).synthesize(engine.lower(), ask("hello"))


async def test_any_exception_is_an_engine_failure(make_odd_host: MakeHost) -> None:
    host = make_odd_host("Raising")
    for _ in range(2):
        with pytest.raises(EngineFailed, match="the weights are zero"):
            await host.synthesize("raising", ask("hello"))
    assert host.counters["raising"].processes == 1


async def test_a_pipe_that_was_written_to_by_another(make_odd_host: MakeHost) -> None:
    host = make_odd_host("Babble")
    with pytest.raises(EngineCrashed, match="cannot be understood"):
        await host.synthesize("babble", ask("hello"))
    assert host.counters["babble"].restarts == {"protocol": 1}


async def test_an_engine_that_cannot_start_says_why(make_odd_host: MakeHost) -> None:
    host = make_odd_host("BrokenStart")
    for _ in range(2):
        with pytest.raises(EngineUnavailable, match="no weights here"):
            await host.warm("broken_start")
    assert host.counters["broken_start"].running == 0
    assert host.counters["broken_start"].restarts == {"start": 2}


async def test_an_engine_that_dies_while_it_starts(make_odd_host: MakeHost) -> None:
    with pytest.raises(EngineCrashed):
        await make_odd_host("DeadStart").warm("dead_start")


async def test_an_engine_that_never_starts(make_odd_host: MakeHost) -> None:
    host = make_odd_host("SlowStart", engine_start_seconds=1)
    with pytest.raises(EngineTimeout):
        await host.warm("slow_start")
    assert host.counters["slow_start"].processes == 0


async def test_no_python_to_start() -> None:
    host = EngineHost(Settings(), FAKE, lambda engine: spawn_engine(engine, python=Path("/nowhere/python")))
    with pytest.raises(EngineUnavailable, match="can be started"):
        await host.warm("fake")
    await host.close()


async def test_warming_up_starts_a_process(make_host: MakeHost) -> None:
    host = make_host()
    await host.warm("fake")
    assert len(children()) == 1


async def test_what_hears_and_translates_leaves_the_processor_to_what_speaks(make_host: MakeHost) -> None:
    host, own = make_host(), os.getpriority(os.PRIO_PROCESS, 0)
    niceness = {}
    for engine in ("fake", "fake-recognition", "fake-translation"):
        await host.warm(engine)
        (process,) = [child for child in psutil.Process().children() if engine in child.cmdline()]
        niceness[engine] = process.nice() - own
    assert niceness == {"fake": 0, "fake-recognition": LESS_URGENT, "fake-translation": LESS_URGENT}


def test_it_works_on_the_event_loop_of_the_server() -> None:
    async def speak() -> float:
        host = EngineHost(Settings(engine_processes=1), FAKE)
        async with contextlib.aclosing(host.stream("fake", ask("Hello there. " * 20))) as stream:
            await anext(stream)
        chunks = await host.synthesize("fake", ask("Hello"))
        with pytest.raises(EngineCrashed):
            await host.synthesize("fake", ask("Hello fake:crash"))
        await host.close()
        return seconds(chunks)

    assert uvloop.run(speak()) == pytest.approx(0.3)
    assert not children()


async def test_a_long_step_is_interrupted_and_the_process_goes_on(
    make_odd_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.engines.process._CONFIRM_SECONDS", PATIENCE)
    host = make_odd_host("Stubborn")
    async with contextlib.aclosing(host.stream("stubborn", ask("stay"))) as stream:
        await anext(stream)
    assert seconds(await host.synthesize("stubborn", ask("hello"))) == 1
    assert not host.counters["stubborn"].restarts

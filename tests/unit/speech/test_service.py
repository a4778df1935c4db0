"""Accepting, charging and streaming speech, with all real parts."""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
import soundfile

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.engines.waiting import Claim, WaitingRequests
from myna.errors import (
    EngineFailed,
    InsufficientCredits,
    InvalidRequest,
    RateLimited,
    TextTooLong,
    Unavailable,
    VoiceNotFound,
)
from myna.jobs.schemas import Job
from myna.media.decode import decode
from myna.media.formats import AudioFormat
from myna.speech.schemas import SpeechRequest
from myna.speech.timing import Alignment
from tests.fixtures.leftovers import nothing_is_left


@pytest.fixture
def request_for(node: Node) -> SpeechRequest:
    return SpeechRequest(text="One sentence. And a second one.", voice_id=node.services.voices.default("en").id)


async def accept(node: Node, caller: Caller, request: SpeechRequest, price: int = 5_000) -> Job:
    return await node.services.speech.accept(caller, request, api="native", price=price, base_url="http://test")


async def speak(node: Node, caller: Caller, request: SpeechRequest, *, interactive: bool = True) -> Job:
    job = await accept(node, caller, request)
    await node.services.speech.start(job, interactive=interactive)
    return await node.services.speech.wait(job.id, timeout=60)


@pytest.mark.parametrize("interactive", [True, False])
async def test_a_job_makes_an_output_and_is_charged(
    node: Node, caller: Caller, request_for: SpeechRequest, interactive: bool
) -> None:
    job = await speak(node, caller, request_for, interactive=interactive)
    assert (job.status, job.charged, job.progress) == ("succeeded", 5_000, 1.0)
    assert await node.services.credits.balance(caller.account.id) == 95_000
    [output] = await node.services.outputs.of_job(job.id)
    samples, rate = decode(await node.services.storage.get(output.object_key))
    assert len(samples) / rate == pytest.approx(output.duration, abs=0.05)
    assert len(output.waveform) == 50


async def test_a_job_that_was_accepted_is_not_turned_away_from_a_full_queue(
    node: Node, caller: Caller, request_for: SpeechRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Claim] = []

    def has_room(_: WaitingRequests, claim: Claim) -> bool:
        asked.append(claim)
        return claim.goes_on

    monkeypatch.setattr(WaitingRequests, "has_room", has_room)
    slow = replace(request_for, text="fake:slow=0.1 A slow sentence. " * 2)
    jobs = await asyncio.gather(*(speak(node, caller, slow) for _ in range(4)))
    assert [job.status for job in jobs] == ["succeeded"] * 4
    assert asked
    assert all(claim.goes_on for claim in asked)


async def test_a_failed_job_costs_nothing_and_leaves_nothing(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    job = await speak(node, caller, replace(request_for, text="fake:fail=sore_throat now."))
    assert (job.status, job.error_code, job.charged) == ("failed", "engine_failed", 0)
    assert "sore throat" in (job.error_message or "")
    assert await node.services.credits.balance(caller.account.id) == 100_000
    assert await node.services.outputs.of_job(job.id) == []
    assert [item async for item in node.services.storage.list("outputs/")] == []


async def test_a_canceled_job_costs_nothing_and_leaves_nothing(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    slow = replace(request_for, text=" ".join(["fake:slow=0.3 A slow sentence."] * 20))
    job = await accept(node, caller, slow)
    await node.services.speech.start(job, interactive=True)
    await node.services.speech.cancel(caller.account.id, job.id)
    job = await node.services.speech.wait(job.id, timeout=60)
    assert (job.status, job.charged) == ("canceled", 0)
    assert await node.services.credits.balance(caller.account.id) == 100_000
    assert [item async for item in node.services.storage.list("outputs/")] == []


async def test_waiting_ends_but_the_job_goes_on(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    job = await accept(node, caller, replace(request_for, text="fake:slow=1 Slow."))
    await node.services.speech.start(job, interactive=True)
    with pytest.raises(TimeoutError):
        await node.services.speech.wait(job.id, timeout=0.1)
    assert (await node.services.speech.wait(job.id, timeout=60)).status == "succeeded"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"text": ""}, InvalidRequest),
        ({"text": "..."}, InvalidRequest),
        ({"text": "a" * 50_001}, TextTooLong),
        ({"voice_id": "nobody"}, VoiceNotFound),
    ],
)
async def test_a_bad_request_is_refused_before_it_costs(
    node: Node, caller: Caller, request_for: SpeechRequest, changes: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await accept(node, caller, replace(request_for, **changes))  # type: ignore[arg-type]
    assert await node.services.jobs.active(caller.account.id) == 0
    assert await node.services.credits.balance(caller.account.id) == 100_000


async def test_a_job_that_costs_more_than_there_is_is_refused(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    with pytest.raises(InsufficientCredits):
        await accept(node, caller, request_for, price=100_001)


async def test_jobs_that_nobody_started_are_started(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    job = await accept(node, caller, request_for)
    assert await node.services.speech.resume_unstarted(older_than=0.0) == 1
    assert (await node.services.speech.wait(job.id, timeout=60)).status == "succeeded"


async def test_starting_twice_works_once(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    job = await accept(node, caller, request_for)
    await node.services.speech.start(job, interactive=True)
    await node.services.speech.start(job, interactive=False)
    assert (await node.services.speech.wait(job.id, timeout=60)).charged == 5_000
    assert len(await node.services.outputs.of_job(job.id)) == 1


@pytest.mark.parametrize("interactive", [True, False])
async def test_a_job_is_begun_later_or_free_while_durable_work_is_away(
    node: Node, caller: Caller, request_for: SpeechRequest, interactive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable

    job = await accept(node, caller, request_for)
    with monkeypatch.context() as patch:
        patch.setattr(node.work, "begin", away)
        if interactive:
            with pytest.raises(Unavailable):
                await node.services.speech.start(job, interactive=True)
        else:
            await node.services.speech.start(job, interactive=False)
    await node.services.speech.resume_unstarted(older_than=0.0)
    job = await node.services.speech.wait(job.id, timeout=60)
    assert (job.status, job.charged) == (("canceled", 0) if interactive else ("succeeded", 5_000))


async def open_stream(node: Node, caller: Caller, request: SpeechRequest):
    return await node.services.speech.stream(
        caller, request, api="openai", price_per_character=10, base_url="http://test"
    )


async def test_a_stream_is_charged_when_it_ends(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    stream = await open_stream(node, caller, request_for)
    data = b"".join([block async for block in stream])
    samples, rate = decode(data)
    assert len(samples) / rate > 1
    assert await node.services.credits.balance(caller.account.id) == 100_000 - 10 * len(request_for.text)
    page = await node.services.jobs.list(caller.account.id)
    assert [job.status for job in page.items] == ["succeeded"]


async def test_a_stream_may_speak_with_a_voice_that_is_not_kept(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    voice = replace(node.services.voices.default("de"), id="preview", kind="cloned")
    request = replace(request_for, voice_id="preview", language="en")
    stream = await node.services.speech.stream(
        caller, request, api="munsit", price_per_character=10, base_url="http://test", voice=voice
    )
    assert b"".join([block async for block in stream])
    [job] = (await node.services.jobs.list(caller.account.id)).items
    assert (job.status, job.charged, job.request["voice_id"]) == ("succeeded", 10 * len(request.text), "preview")
    with pytest.raises(VoiceNotFound):
        await open_stream(node, caller, request)


async def test_breaks_are_charged_as_sent(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    request = replace(request_for, text='One. <break time="1s"/> Two.', breaks=True)
    stream = await open_stream(node, caller, request)
    assert b"".join([block async for block in stream])
    assert await node.services.credits.balance(caller.account.id) == 100_000 - 10 * len(request.text)


@pytest.mark.parametrize("audio_format", ["pcm", "wav"])
@pytest.mark.parametrize("rate", [8_000, 11_025, 12_345, 16_000, 22_050, 24_000, 44_100, 47_999, 48_000])
async def test_a_stream_has_exactly_the_length_of_its_sound_at_any_rate(
    node: Node, caller: Caller, request_for: SpeechRequest, audio_format: AudioFormat, rate: int
) -> None:
    text = "A sentence of some words. " * 12
    request = replace(request_for, text=text, format=audio_format, sample_rate=rate)
    stream = await open_stream(node, caller, request)
    data = b"".join([block async for block in stream])
    header = 44 if audio_format == "wav" else 0
    assert len(data) == header + 2 * round(round(stream.seconds * 24_000) * rate / 24_000)
    if header:
        assert int.from_bytes(data[24:28], "little") == rate


@pytest.mark.parametrize("audio_format", ["pcm", "wav", "mp3"])
@pytest.mark.parametrize("rate", [None, 8_000, 44_100])
async def test_a_timed_stream_says_when_each_character_is_spoken(
    node: Node, caller: Caller, request_for: SpeechRequest, audio_format: AudioFormat, rate: int | None
) -> None:
    text = 'I see 25 dogs.  <break time="300ms"/>And you, 😀 friend?\n\nGood.'
    request = replace(request_for, text=text, breaks=True, format=audio_format, sample_rate=rate)
    stream = await open_stream(node, caller, request)
    blocks = [block async for block in stream.timed()]
    whole = Alignment.joined(block.alignment for block in blocks)
    assert "".join(whole.characters) == text
    edges = [edge for span in zip(whole.starts, whole.ends, strict=True) for edge in span]
    assert edges == sorted(edges)
    data = b"".join(block.audio for block in blocks)
    if audio_format == "pcm":
        duration = len(data) / 2 / (rate or 24_000)
        assert edges[-1] <= duration
        assert duration == pytest.approx(stream.seconds, abs=0.0002)
        assert len([block for block in blocks if block.audio]) == 3
    # The fake engine's words begin 60 ms after each other for each letter of what is said.
    assert whole.starts[text.index("see")] == pytest.approx(0.06 * len("I "), abs=0.001)
    assert whole.starts[text.index("dogs")] == pytest.approx(0.06 * len("I see twenty-five "), abs=0.001)
    assert whole.starts[text.index("And")] == pytest.approx(0.06 * len("I see twenty-five dogs.") + 0.3, abs=0.001)
    assert await node.services.credits.balance(caller.account.id) == 100_000 - 10 * len(text)


async def test_a_timed_stream_that_is_left_is_charged_for_what_was_spoken(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    text = " ".join(["fake:slow=0.1 A slow sentence."] * 20)
    stream = await open_stream(node, caller, replace(request_for, text=text, format="pcm"))
    async with aclosing(stream.timed()) as blocks:
        assert (await anext(blocks)).audio
    spent = 100_000 - await node.services.credits.balance(caller.account.id)
    assert 0 < spent < len(text) * 10


async def test_a_timed_stream_that_breaks_raises_and_is_free(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    text = "A good sentence. Another good sentence. And one more. fake:fail=hoarse now."
    stream = await open_stream(node, caller, replace(request_for, text=text))
    with pytest.raises(EngineFailed):
        _ = [block async for block in stream.timed()]
    assert await node.services.credits.balance(caller.account.id) == 100_000


async def test_a_stream_that_is_left_is_charged_for_what_was_spoken(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    text = " ".join(["fake:slow=0.1 A slow sentence."] * 20)
    stream = await open_stream(node, caller, replace(request_for, text=text))
    await stream.aclose()
    spent = 100_000 - await node.services.credits.balance(caller.account.id)
    assert 0 < spent < len(text) * 10


async def settled(node: Node, caller: Caller) -> Job | None:
    """The account's job when it has ended; None when there never was one."""
    async with asyncio.timeout(60):
        while True:
            jobs = (await node.services.jobs.list(caller.account.id)).items
            if not jobs or jobs[0].finished:
                return jobs[0] if jobs else None
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13, 21])
async def test_a_stream_whose_closing_is_canceled_is_charged_all_the_same(
    node: Node, caller: Caller, request_for: SpeechRequest, turns: int
) -> None:
    text = " ".join(["fake:slow=0.1 A slow sentence."] * 20)
    stream = await open_stream(node, caller, replace(request_for, text=text))
    closing = asyncio.create_task(stream.aclose())
    for _ in range(turns):  # of the event loop: the closing is at another place each time
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait({closing})
    job = await settled(node, caller)
    assert job is not None
    assert 0 < job.charged < len(text) * 10
    assert await node.services.credits.balance(caller.account.id) == 100_000 - job.charged


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.01, 0.02, 0.04])
async def test_a_stream_that_is_left_while_it_begins_is_free(
    node: Node, caller: Caller, request_for: SpeechRequest, seconds: float
) -> None:
    opening = asyncio.create_task(open_stream(node, caller, replace(request_for, text="fake:slow=5 A slow sentence.")))
    async with asyncio.timeout(60):
        while not node.services.engines.counters or not any(
            counter.running for counter in node.services.engines.counters.values()
        ):
            await asyncio.sleep(0)
    await asyncio.sleep(seconds)  # the price is being held meanwhile
    opening.cancel()
    await asyncio.wait({opening})
    job = await settled(node, caller)
    assert job is None or (job.status, job.charged) == ("failed", 0)
    assert await node.services.credits.balance(caller.account.id) == 100_000


@pytest.mark.parametrize("text", ["One. Two. Three.", "One. Two. fake:fail=hoarse now.", "fake:fail=hoarse now."])
async def test_a_stream_that_is_canceled_at_any_moment_and_again_leaves_nothing(
    node: Node, caller: Caller, request_for: SpeechRequest, text: str
) -> None:
    async def listen() -> None:
        stream = await open_stream(node, caller, replace(request_for, text=text))
        try:
            async for _ in stream:
                pass
        finally:
            await stream.aclose()

    for number in range(24):
        listening = asyncio.create_task(listen())
        await asyncio.sleep(number / 400)
        for _ in range(1 + number % 3):
            listening.cancel()
            await asyncio.sleep(0)
        await asyncio.wait({listening})
    await nothing_is_left(node.services.database, node.services.engines)
    if text.startswith("fake:fail"):
        assert await node.services.credits.balance(caller.account.id) == 100_000
    limit = node.settings.max_concurrent_streams
    streams = [await open_stream(node, caller, replace(request_for, text="Hi.")) for _ in range(limit)]
    for stream in streams:
        await stream.aclose()


async def test_a_stream_is_charged_as_soon_as_the_database_is_back(
    node: Node, caller: Caller, request_for: SpeechRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    succeed, attempts = node.services.jobs.succeed, 0

    async def away(*args: Any, **values: Any) -> Job:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise Unavailable
        return await succeed(*args, **values)

    monkeypatch.setattr(node.services.jobs, "succeed", away)
    monkeypatch.setattr("myna.kit.finishing.BETWEEN_TRIES", 0.01)
    stream = await open_stream(node, caller, request_for)
    assert [piece async for piece in stream]
    await nothing_is_left(node.services.database)
    assert await node.services.credits.balance(caller.account.id) == 100_000 - 10 * len(request_for.text)


async def test_a_stream_that_cannot_begin_is_an_error_and_free(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    with pytest.raises(EngineFailed):
        await open_stream(node, caller, replace(request_for, text="fake:fail=hoarse now."))
    assert await node.services.credits.balance(caller.account.id) == 100_000


async def test_a_stream_that_breaks_raises_and_is_free(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    text = "A good sentence. Another good sentence. And one more. fake:fail=hoarse now."
    stream = await open_stream(node, caller, replace(request_for, text=text))
    with pytest.raises(EngineFailed):
        _ = [block async for block in stream]
    assert await node.services.credits.balance(caller.account.id) == 100_000


async def test_streams_of_one_account_are_limited(node: Node, caller: Caller, request_for: SpeechRequest) -> None:
    limit = node.settings.max_concurrent_streams
    streams = [await open_stream(node, caller, request_for) for _ in range(limit)]
    with pytest.raises(RateLimited):
        await open_stream(node, caller, request_for)
    await streams[0].aclose()
    streams.append(await open_stream(node, caller, request_for))
    for stream in streams:
        await stream.aclose()


async def test_streams_of_a_dead_node_fail_and_cost_nothing(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    stream = await open_stream(node, caller, request_for)
    await node.services.speech.on_node_dead(node.id)
    [job] = (await node.services.jobs.list(caller.account.id)).items
    assert (job.status, job.error_code) == ("failed", "engine_crashed")
    assert await node.services.credits.balance(caller.account.id) == 100_000
    await stream.aclose()


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "flac", "opus"])
async def test_a_stream_of_one_sentence_is_a_whole_file_with_exact_headers(
    node: Node, caller: Caller, request_for: SpeechRequest, audio_format: AudioFormat
) -> None:
    request = replace(request_for, text="A single sentence.", format=audio_format)
    stream = await open_stream(node, caller, request)
    data = b"".join([block async for block in stream])
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert file.frames / file.samplerate == pytest.approx(stream.seconds, abs=0.001)


async def test_flac_is_readable_by_libsndfile_however_long(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    stream = await open_stream(node, caller, replace(request_for, format="flac"))
    samples, rate = soundfile.read(io.BytesIO(b"".join([block async for block in stream])))
    assert len(samples) / rate == pytest.approx(stream.seconds, abs=0.001)


async def test_jobs_beyond_the_places_wait_in_the_queue_and_are_done(
    node: Node, caller: Caller, request_for: SpeechRequest
) -> None:
    slow = replace(request_for, text="fake:slow=0.2 A slow sentence.")
    jobs = [await accept(node, caller, slow, price=1) for _ in range(node.settings.worker_concurrency + 3)]
    for job in jobs:
        await node.services.speech.start(job, interactive=False)
    finished = [await node.services.speech.wait(job.id, timeout=60) for job in jobs]
    assert {job.status for job in finished} == {"succeeded"}

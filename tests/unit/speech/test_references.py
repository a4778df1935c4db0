"""Voices of jobs that bring their own recording, with all real parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.errors import Unavailable
from myna.jobs.schemas import Job
from myna.speech.references import References
from myna.speech.schemas import SpeechRequest
from myna.storage.base import ObjectStorage
from myna.voices.schemas import REFERENCE_VOICE, Voice

UPLOAD = "uploads/somebody/recording.wav"
KEPT = Voice(
    id=REFERENCE_VOICE,
    name="Preview",
    engine="fake",
    languages=("en-US", "de-DE"),
    gender="neutral",
    kind="cloned",
    settings={"format": "fake/1", "frequency": 140.0, "tilt": 1.0},
)

Accept = Callable[..., Any]


@pytest.fixture
def references(node: Node) -> References:
    return references_of(node, node.services.storage)


def references_of(node: Node, storage: ObjectStorage) -> References:
    services = node.services
    return References(
        services.settings,
        storage,
        services.jobs,
        services.registry,
        services.fetcher,
        services.cloning,
        services.accounts,
    )


@pytest.fixture
def accept(node: Node, caller: Caller) -> Accept:
    async def accept(reference: dict[str, str] | None = None, text: str = "One sentence.") -> Job:
        return await node.services.speech.accept(
            caller,
            SpeechRequest(text=text, voice_id=REFERENCE_VOICE, format="wav"),
            api="magichour",
            price=5_000,
            base_url="http://test",
            details={"reference": reference or {"object_key": UPLOAD}},
            checked=True,
        )

    return accept


async def keys(node: Node) -> list[str]:
    return [found.key async for found in node.services.storage.list("jobs/")]


async def keep(node: Node, job: Job, voice: Voice) -> None:
    document = json.dumps(asdict(voice)).encode()
    await node.services.storage.put(f"jobs/{job.id}/prepared.json", document)


async def finished(node: Node, job: Job) -> Job:
    await node.services.speech.start(job, interactive=True)
    return await node.services.speech.wait(job.id, timeout=60)


async def test_a_recording_becomes_a_voice_once(
    node: Node, references: References, accept: Accept, low_voice: bytes
) -> None:
    await node.services.storage.put(UPLOAD, low_voice)
    job = await accept()
    voice = await references.voice(job)
    assert (voice.id, voice.engine, voice.settings["format"]) == (REFERENCE_VOICE, "fake", "fake/1")
    await node.services.storage.delete(UPLOAD)
    assert await references.voice(job) == voice
    await references.forget(job)
    assert await keys(node) == []


async def test_accounts_share_nothing(node: Node, references: References, accept: Accept, low_voice: bytes) -> None:
    """Whoever sends the recording of somebody else cannot tell by the time it takes that it was sent before."""
    services = node.services
    stranger = await services.accounts.create_account("stranger")
    await services.cloning.prepare(stranger, low_voice)
    await services.storage.put(UPLOAD, low_voice)
    asked = services.engines.counters["fake"].requests
    await references.voice(await accept())
    assert services.engines.counters["fake"].requests == asked + 1
    await references.voice(await accept())
    assert services.engines.counters["fake"].requests == asked + 1, "the same account waits once"


async def test_what_another_node_prepared_is_spoken(node: Node, accept: Accept) -> None:
    job = await accept()
    await keep(node, job, KEPT)
    done = await finished(node, job)
    assert (done.status, done.charged) == ("succeeded", 5_000)
    assert await keys(node) == []


@pytest.mark.parametrize(
    "voice", [replace(KEPT, engine="gone"), replace(KEPT, settings={**KEPT.settings, "format": "fake/0"})]
)
async def test_what_no_engine_here_speaks_is_prepared_again(
    node: Node, references: References, accept: Accept, voice: Voice, low_voice: bytes
) -> None:
    await node.services.storage.put(UPLOAD, low_voice)
    job = await accept()
    await keep(node, job, voice)
    assert (await references.voice(job)).settings["format"] == "fake/1"


@pytest.mark.parametrize(
    ("reference", "content", "code", "words"),
    [
        (None, None, "not_found", "Send it again"),
        (None, b"no sound", "unsupported_media", "Send WAV"),
        (None, bytes(26_214_401), "body_too_large", "26214401 bytes"),
        ({"url": "http://127.0.0.1:1/a.wav"}, None, "address_refused", "not a public one"),
        ({"url": "ftp://example.org/a.wav"}, None, "invalid_request", "https://"),
    ],
)
async def test_a_recording_that_cannot_be_used_fails_the_job(
    node: Node,
    caller: Caller,
    accept: Accept,
    reference: dict[str, str] | None,
    content: bytes | None,
    code: str,
    words: str,
) -> None:
    if content is not None:
        await node.services.storage.put(UPLOAD, content)
    job = await finished(node, await accept(reference))
    assert (job.status, job.error_code, job.charged) == ("failed", code, 0)
    assert words in (job.error_message or "")
    assert await node.services.credits.balance(caller.account.id) == 100_000
    assert await keys(node) == []


async def test_a_blocked_speaker_fails_the_job(node: Node, accept: Accept, low_voice: bytes) -> None:
    await node.services.storage.put(UPLOAD, low_voice)
    await node.services.cloning.block(low_voice, "Somebody", "asked for it")
    job = await finished(node, await accept())
    assert (job.status, job.error_code) == ("failed", "voice_blocked")
    assert await keys(node) == []


async def test_a_failure_of_the_engine_leaves_nothing(node: Node, accept: Accept) -> None:
    job = await accept(text="fake:fail=sore_throat now.")
    await keep(node, job, KEPT)
    assert (await finished(node, job)).error_code == "engine_failed"
    assert await keys(node) == []


async def test_a_canceled_job_leaves_nothing(node: Node, caller: Caller, accept: Accept) -> None:
    job = await accept(text=" ".join(["fake:slow=0.3 A slow sentence."] * 10))
    await keep(node, job, KEPT)
    await node.services.speech.start(job, interactive=True)
    await node.services.speech.cancel(caller.account.id, job.id)
    await node.services.speech.wait(job.id, timeout=60)
    await node.work.stop(10)
    assert await keys(node) == []


async def test_housekeeping_removes_what_dead_nodes_left(node: Node, references: References, accept: Accept) -> None:
    waiting, ended = await accept(), await accept()
    for job in (waiting, ended, replace(waiting, id="unknown")):
        await keep(node, job, KEPT)
    await node.services.jobs.fail(ended.id, "engine_failed", "It broke.")
    assert await references.remove_left() == 2
    assert await keys(node) == [f"jobs/{waiting.id}/prepared.json"]
    assert await references.remove_left() == 0


class Away:
    """A storage that removes nothing."""

    async def delete(self, *keys: str) -> None:
        raise Unavailable


async def test_a_job_ends_also_while_the_storage_is_away(node: Node, accept: Accept) -> None:
    job = await accept()
    await keep(node, job, KEPT)
    await references_of(node, Away()).forget(job)  # type: ignore[arg-type]
    assert await keys(node) == [f"jobs/{job.id}/prepared.json"]
    await node.services.jobs.cancel(job.account_id, job.id)
    chore = next(chore for chore in node.housekeeping.chores if chore.name == "remove_left")
    assert await chore.work() == 1
    assert await keys(node) == []

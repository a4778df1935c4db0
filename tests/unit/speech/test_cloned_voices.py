"""Jobs and streams with a voice of one's own, and with one that is gone."""

from __future__ import annotations

import pytest

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.errors import VoiceNotFound
from myna.jobs.schemas import Job
from myna.media.decode import decode
from myna.speech.schemas import SpeechRequest
from myna.voices.schemas import ClonedVoice, NewVoice
from tests.fixtures.cloning import prepared_voice
from tests.fixtures.sound import pitch

PRICE = 1_000


async def clone(node: Node, caller: Caller, frequency: float) -> ClonedVoice:
    prepared = prepared_voice(node.services.registry.describe("fake"), frequency=frequency)
    return await node.services.cloning.create(caller, prepared, NewVoice("Myna"), api="native")


async def accept(node: Node, caller: Caller, voice_id: str) -> Job:
    request = SpeechRequest(text="ma" * 20, voice_id=voice_id, format="wav")
    return await node.services.speech.accept(caller, request, api="native", price=PRICE, base_url="")


async def finish(node: Node, job: Job) -> Job:
    await node.services.speech.start(job, interactive=False)
    return await node.services.speech.wait(job.id, 30)


async def test_a_job_speaks_with_it(node: Node, caller: Caller) -> None:
    voice = await clone(node, caller, 230.0)
    job = await finish(node, await accept(node, caller, voice.id))
    (output,) = await node.services.outputs.of_job(job.id)
    samples, rate = decode(await node.services.storage.get(output.object_key))
    assert pitch(samples, rate) == pytest.approx(230, rel=0.03)


async def test_a_queued_job_whose_voice_is_deleted_fails_and_costs_nothing(node: Node, caller: Caller) -> None:
    services, account_id = node.services, caller.account.id
    balance = await services.credits.balance(account_id)
    voice = await clone(node, caller, 200.0)
    job = await accept(node, caller, voice.id)
    assert await services.credits.balance(account_id) == balance - PRICE
    await services.cloning.delete(account_id, voice.id)
    failed = await finish(node, job)
    assert (failed.status, failed.error_code, failed.charged) == ("failed", VoiceNotFound.code, 0)
    assert await services.credits.balance(account_id) == balance
    assert await services.outputs.of_job(job.id) == []


async def test_nobody_else_speaks_with_it(node: Node, caller: Caller) -> None:
    services = node.services
    voice = await clone(node, caller, 200.0)
    stranger = await services.accounts.create_account("stranger")
    await services.credits.grant(stranger.id, 100_000)
    other = await services.accounts.authenticate((await services.accounts.create_key(stranger.id, "key"))[1])
    for voice_id in (voice.id, voice.record_id):
        with pytest.raises(VoiceNotFound):
            await accept(node, other, voice_id)
    assert await services.credits.balance(stranger.id) == 100_000

"""What a transcription writes, what it costs, and what it leaves."""

from __future__ import annotations

import json

import pytest

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.errors import NotFound
from myna.jobs.schemas import Job, NewJob
from myna.kit import ids
from myna.settings import Settings
from myna.transcription.schemas import TimedWord
from myna.transcription.steps import TranscriptionSteps, price_of, written

WORDS = (
    TimedWord("good", 0.5, 0.8),
    TimedWord("day", 0.8, 1.2004),
    TimedWord("how", 3.0, 3.2),
    TimedWord("nice", 3.2, 3.6),
)


def test_plain_text_has_a_line_for_each_sentence() -> None:
    assert written(WORDS, None) == "Good day.\nHow nice.\n"
    assert written((), None) == ""


def test_words_have_their_times() -> None:
    words = json.loads(written(WORDS, "word"))
    assert words[1] == {"text": "day", "start": 0.8, "end": 1.2}
    assert [word["text"] for word in words] == ["good", "day", "how", "nice"]


def test_sentences_have_their_times() -> None:
    assert json.loads(written(WORDS, "sentence")) == [
        {"text": "Good day.", "start": 0.5, "end": 1.2},
        {"text": "How nice.", "start": 3.0, "end": 3.6},
    ]


@pytest.mark.parametrize(("seconds", "price"), [(60.0, 600), (0.01, 1), (0.0, 0)])
def test_each_second_has_its_price(seconds: float, price: int) -> None:
    assert price_of(seconds, Settings(transcription_millicredits_per_second=10)) == price
    assert price_of(seconds, Settings(prices="off")) == 0


@pytest.fixture
def steps(node: Node) -> TranscriptionSteps:
    services = node.services
    return TranscriptionSteps(
        node_id=node.id,
        settings=node.settings,
        database=services.database,
        storage=services.storage,
        jobs=services.jobs,
        outputs=services.outputs,
        fetcher=services.fetcher,
        transcription=services.transcription,
    )


async def accepted(node: Node, caller: Caller) -> Job:
    account_id = caller.account.id
    new = NewJob(ids.new_uuid(), account_id, None, kind="transcription", api="native", request={}, price=1)
    return await node.services.jobs.accept(new)


async def test_what_dead_processes_left_of_ended_jobs_goes(
    node: Node, caller: Caller, steps: TranscriptionSteps
) -> None:
    running, ended = await accepted(node, caller), await accepted(node, caller)
    await node.services.jobs.cancel(caller.account.id, ended.id)
    folder = node.settings.data_dir / "hearing"
    for name in (running.id, ended.id, "unknown"):
        (folder / name / "run").mkdir(parents=True)
        (folder / name / "run" / "source").write_bytes(b"a recording")
    assert await steps.remove_left() == 2
    assert [path.name for path in folder.iterdir()] == [running.id]
    assert await steps.remove_left() == 0


async def test_a_text_that_was_stored_and_is_no_longer_wanted_goes(
    node: Node, caller: Caller, steps: TranscriptionSteps
) -> None:
    """By a process that died before it could say so; then the job was canceled, or failed in the next process."""
    for end in ("canceled", "failed"):
        job = await accepted(node, caller)
        key = f"outputs/{job.account_id}/{ids.derived_uuid(job.id, 'output')}.txt"
        await node.services.storage.put(key, b"Some words.")
        if end == "canceled":
            await node.services.jobs.cancel(caller.account.id, job.id)
            await steps.forget(job.id)
        else:
            await steps.give_up(job.id, "engine_failed", "It broke.")
        found = await node.services.jobs.find(job.id)
        assert found is not None
        assert (found.status, found.charged) == (end, 0)
        with pytest.raises(NotFound):
            await node.services.storage.get(key)

"""`myna jobs` and `myna outputs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.cli.local import LocalData, account_named, run
from myna.jobs.schemas import Job, JobKind, NewJob
from myna.kit import ids
from myna.outputs.schemas import NewOutput
from tests.unit.cli.conftest import CommandLine

SOUND = b"not really an mp3"
TEXT = "A text that is rather longer than the sixty characters that a table shows."


def accept(kind: JobKind = "speech") -> Job:
    """A job of alice that costs two credits, in the data of the test."""

    async def work(data: LocalData) -> Job:
        account = await account_named(data, "alice")
        new = NewJob(ids.new_uuid(), account.id, None, kind, "native", {"text": TEXT}, price=2_000)
        return await data.jobs.accept(new)

    return run(work)


def succeed(job: Job) -> str:
    """End the job with an output; returns its id."""

    async def work(data: LocalData) -> str:
        key = f"outputs/{job.id}.mp3"
        await data.storage.put(key, SOUND)
        await data.jobs.start(job.id, "node")
        new = NewOutput(ids.new_uuid(), key, "speech.mp3", "audio/mpeg", len(SOUND), 1.5, 22_050, (0.5,) * 50, TEXT)
        await data.outputs.record(job, new)
        await data.jobs.succeed(job.id)
        return new.id

    return run(work)


def fail(job: Job) -> None:
    async def work(data: LocalData) -> None:
        await data.jobs.start(job.id, "node")
        await data.jobs.fail(job.id, "engine_failed", "The engine lost its voice.")

    run(work)


@pytest.fixture
def alice(myna: CommandLine) -> None:
    myna("keys", "create", "alice", "--credits", "10")


@pytest.mark.usefixtures("alice")
def test_jobs_are_listed_whatever_became_of_them(myna: CommandLine) -> None:
    assert myna("jobs", "list", "alice").out == "Nothing yet.\n"
    waiting, good, bad = accept(), accept(), accept()
    succeed(good)
    fail(bad)
    rows = myna("jobs", "list", "alice", "--json").json
    assert [(row["id"], row["status"]) for row in rows] == [
        (bad.id, "failed"),
        (good.id, "succeeded"),
        (waiting.id, "queued"),
    ]
    assert [row["credits"] for row in rows] == [0, 2, 2]
    assert "engine_failed" in myna("jobs", "list", "alice").out
    (failed,) = myna("jobs", "list", "alice", "--status", "failed", "--json").json
    assert failed["id"] == bad.id
    assert len(myna("jobs", "list", "alice", "--limit", "2", "--json").json) == 2


@pytest.mark.usefixtures("alice")
def test_a_job_says_why_it_failed(myna: CommandLine) -> None:
    job = accept()
    fail(job)
    shown = myna("jobs", "show", job.id, "--json").json
    assert (shown["why"], shown["outputs"], shown["credits"]) == ("The engine lost its voice.", [], 0)
    assert shown["request"] == {"text": TEXT}
    assert "The engine lost its voice." in myna("jobs", "show", job.id).out


@pytest.mark.usefixtures("alice")
def test_a_job_is_canceled_once_and_its_price_given_back(myna: CommandLine) -> None:
    job = accept()
    assert myna("jobs", "cancel", job.id).out == f"Canceled {job.id}.\n"
    assert myna("accounts", "list", "--json").json[0]["credits"] == 10
    assert myna("jobs", "cancel", job.id).code == 0
    done = accept()
    succeed(done)
    refused = myna("jobs", "cancel", done.id)
    assert (refused.code, refused.err) == (1, "myna: The job has succeeded already.\n")


def test_an_unknown_job_is_not_found(myna: CommandLine) -> None:
    for command in ("show", "cancel"):
        refused = myna("jobs", command, "nope")
        assert (refused.code, refused.out) == (1, "")
        assert "There is no job `nope`. `myna jobs list NAME`" in refused.err


@pytest.mark.usefixtures("alice")
def test_outputs_are_listed_and_searched(myna: CommandLine) -> None:
    job = accept()
    output = succeed(job)
    (row,) = myna("outputs", "list", "alice", "--search", "rather", "--json").json
    assert (row["id"], row["file"], row["seconds"], row["text"]) == (output, "speech.mp3", 1.5, TEXT)
    assert TEXT[:59] in myna("outputs", "list", "alice").out
    assert TEXT not in myna("outputs", "list", "alice").out
    assert myna("outputs", "list", "alice", "--search", "absent", "--json").json == []
    assert myna("jobs", "show", job.id, "--json").json["outputs"] == [output]


@pytest.mark.usefixtures("alice")
def test_an_output_is_saved_and_deleted(myna: CommandLine) -> None:
    output = succeed(accept())
    assert myna("outputs", "save", "alice", output).out == "speech.mp3\n"
    assert myna("outputs", "save", "alice", output, "-o", "other.mp3").out == "other.mp3\n"
    assert Path("speech.mp3").read_bytes() == Path("other.mp3").read_bytes() == SOUND
    assert "Cannot use `nowhere/a.mp3`" in myna("outputs", "save", "alice", output, "-o", "nowhere/a.mp3").err
    assert myna("outputs", "delete", "alice", output).out == f"Deleted {output}.\n"
    for command in ("save", "delete"):
        refused = myna("outputs", command, "alice", output)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.startswith("myna: ")

"""The life of one dub, as a durable workflow.

Each stage is a step: a killed node costs at most the stage in flight, and that one finds what it had made already. When
a stage fails, the job fails and nothing is charged; what was made stays, so that a further job can go on from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dbos import DBOS

from myna.dubbing.steps import DubSteps
from myna.errors import Canceled, Unavailable
from myna.jobs.steps import MAX_STARTS, announcing, failure, settling, working

_steps: DubSteps
_announce: Callable[[str], Awaitable[None]]

Ending = list[str]
"""Why a job ends early: the code and the message of its error. Nothing, when all is well."""

CANCELED = Canceled.code


def bind(steps: DubSteps, announce: Callable[[str], Awaitable[None]]) -> None:
    """Give the workflow what its steps need. The durable runtime is one for a process, and so is this."""
    global _steps, _announce
    _steps, _announce = steps, announce


@DBOS.workflow(name="dub", max_recovery_attempts=MAX_STARTS)
async def dub(job_id: str) -> None:
    ended_early = (
        await stage("fetch", job_id)
        or await stage("probe", job_id)
        or await stage("extract", job_id)
        or await stage("listen", job_id)
        or await stage("separate", job_id)
        or await stage("speakers", job_id)
        or await stage("transcribe", job_id)
        or await stage("translate", job_id)
        or await stage("speak", job_id)
        or await stage("plan", job_id)
        or await stage("fit", job_id)
        or await stage("mix", job_id)
        or await stage("mux", job_id)
        or await stage("verify", job_id)
        or await stage("publish", job_id)
    )
    await clear_up(job_id, ended_early)
    await announce(job_id)


async def stage(name: str, job_id: str) -> Ending:
    """A storage or an engine that stays away through all attempts fails the job, not the workflow."""
    try:
        return await run_stage(name, job_id)
    except Exception as error:
        return list(failure(error))


@working("dub.stage")
async def run_stage(name: str, job_id: str) -> Ending:
    try:
        await _steps.run(name, job_id)
    except Canceled as error:
        return [CANCELED, error.message]
    except Unavailable:
        raise
    except Exception as error:
        return list(failure(error))
    return []


@settling("dub.clear_up")
async def clear_up(job_id: str, ended_early: Ending) -> None:
    if not ended_early:
        await _steps.finish(job_id)
    elif ended_early[0] == CANCELED:
        await _steps.forget(job_id)
    else:
        await _steps.give_up(job_id, *ended_early)


@announcing("dub.announce")
async def announce(job_id: str) -> None:
    await _announce(job_id)

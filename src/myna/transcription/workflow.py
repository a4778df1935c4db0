"""The life of one transcription job, as a durable workflow: hear it and store the text, publish it, tell of it.

A killed node costs at most the step in flight: another node, or this one after its restart, goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS

from myna.errors import Canceled, Unavailable
from myna.jobs.steps import MAX_STARTS, announcing, failure, settling, working
from myna.kit.threads import taking_its_time
from myna.transcription.steps import TranscriptionSteps

_steps: TranscriptionSteps
_announce: Callable[[str], Awaitable[None]]


def bind(steps: TranscriptionSteps, announce: Callable[[str], Awaitable[None]]) -> None:
    """Give the workflow what its steps need. The durable runtime is one for a process, and so is this."""
    global _steps, _announce
    _steps, _announce = steps, announce


@DBOS.workflow(name="transcription", max_recovery_attempts=MAX_STARTS)
async def transcription(job_id: str) -> None:
    made = await hear_or_say_why(job_id)
    if "error" in made:
        await give_up(job_id, *made["error"])
    elif "output" in made:
        await publish(job_id, made["output"])
    await announce(job_id)


async def hear_or_say_why(job_id: str) -> dict[str, Any]:
    """A storage or an engine that stays away through all attempts fails the job, not the workflow."""
    try:
        return await hear(job_id)
    except Exception as error:
        return {"error": failure(error)}


@working("transcription.hear")
async def hear(job_id: str) -> dict[str, Any]:
    try:
        with taking_its_time():
            return {"output": await _steps.hear(job_id)}
    except Canceled:
        await _steps.forget(job_id)
        return {}
    except Unavailable:
        raise
    except Exception as error:
        return {"error": failure(error)}


@settling("transcription.publish")
async def publish(job_id: str, output: dict[str, Any]) -> None:
    await _steps.publish(job_id, output)


@settling("transcription.give_up")
async def give_up(job_id: str, code: str, message: str) -> None:
    await _steps.give_up(job_id, code, message)


@announcing("transcription.announce")
async def announce(job_id: str) -> None:
    await _announce(job_id)

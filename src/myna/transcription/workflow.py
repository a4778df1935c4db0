"""The life of one transcription job, as a durable workflow: hear it and store the text, publish it, tell of it.

A killed node costs at most the step in flight: another node, or this one after its restart, goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS
from dbos import error as durable_error

from myna.errors import Canceled, Unavailable
from myna.kit.threads import taking_its_time
from myna.transcription.steps import TranscriptionSteps, failure

MAX_STARTS = 10
"""A job in whose work the process died this often is parked and fails."""

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
        attempts = error.errors if isinstance(error, durable_error.DBOSMaxStepRetriesExceeded) else []
        return {"error": failure(attempts[-1] if attempts else error)}


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Unavailable)


@DBOS.step(
    name="transcription.hear",
    retries_allowed=True,
    max_attempts=5,
    interval_seconds=0.5,
    should_retry=_worth_another_try,
)
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


@DBOS.step(name="transcription.publish", retries_allowed=True, max_attempts=10, interval_seconds=0.5)
async def publish(job_id: str, output: dict[str, Any]) -> None:
    await _steps.publish(job_id, output)


@DBOS.step(name="transcription.give_up", retries_allowed=True, max_attempts=10, interval_seconds=0.5)
async def give_up(job_id: str, code: str, message: str) -> None:
    await _steps.give_up(job_id, code, message)


@DBOS.step(name="transcription.announce", retries_allowed=True, max_attempts=3)
async def announce(job_id: str) -> None:
    await _announce(job_id)

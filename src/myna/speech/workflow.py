"""The life of one speech job, as a durable workflow.

Render the voiceover and store it; publish it, which charges for it; tell those who want to know.
When rendering fails, the job fails and nothing is charged. A killed node costs at most the step in
flight: another node, or this one after its restart, goes on from the last step that was done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS

from myna.errors import Canceled, Unavailable
from myna.jobs.steps import MAX_STARTS, announcing, failure, settling, working
from myna.speech.steps import SpeechSteps

_steps: SpeechSteps
_announce: Callable[[str], Awaitable[None]]


def bind(steps: SpeechSteps, announce: Callable[[str], Awaitable[None]]) -> None:
    """Give the workflow what its steps need. The durable runtime is one for a process, and so is this."""
    global _steps, _announce
    _steps, _announce = steps, announce


@DBOS.workflow(name="speech", max_recovery_attempts=MAX_STARTS)
async def speech(job_id: str) -> None:
    made = await render_or_say_why(job_id)
    if "error" in made:
        await give_up(job_id, *made["error"])
    elif "output" in made:
        await publish(job_id, made["output"])
    await announce(job_id)


async def render_or_say_why(job_id: str) -> dict[str, Any]:
    """A storage or an engine that stays away through all attempts fails the job, not the workflow."""
    try:
        return await render(job_id)
    except Exception as error:
        return {"error": failure(error)}


@working("speech.render")
async def render(job_id: str) -> dict[str, Any]:
    try:
        return {"output": await _steps.render(job_id)}
    except Canceled:
        await _steps.forget(job_id)
        return {}
    except Unavailable:
        raise
    except Exception as error:
        return {"error": failure(error)}


@settling("speech.publish")
async def publish(job_id: str, output: dict[str, Any]) -> None:
    await _steps.publish(job_id, output)


@settling("speech.give_up")
async def give_up(job_id: str, code: str, message: str) -> None:
    await _steps.give_up(job_id, code, message)


@announcing("speech.announce")
async def announce(job_id: str) -> None:
    await _announce(job_id)

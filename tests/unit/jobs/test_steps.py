"""What a job that fails keeps of the error."""

from __future__ import annotations

import structlog
from dbos import error as durable_error

from myna.errors import EngineFailed, EngineUnavailable
from myna.jobs.steps import failure


def test_an_error_of_ours_keeps_its_words() -> None:
    assert failure(EngineFailed("Line 2 could not be spoken.")) == ("engine_failed", "Line 2 could not be spoken.")


def test_any_other_is_for_the_log() -> None:
    error = ValueError("/a/secret/path")
    with structlog.testing.capture_logs() as logs:
        said = failure(error)
    assert said == ("internal_error", "Something unexpected went wrong. The server's log says what.")
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("jobs.unexpected", error)]


def test_of_a_step_that_was_tried_in_vain_the_last_attempt_counts() -> None:
    attempts: list[Exception] = [EngineFailed("First."), EngineUnavailable()]
    in_vain = durable_error.DBOSMaxStepRetriesExceeded("speech.render", 2, attempts)
    assert failure(in_vain) == (EngineUnavailable.code, EngineUnavailable().message)

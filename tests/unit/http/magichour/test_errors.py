from __future__ import annotations

import json

import pytest

from myna import errors
from myna.http.magichour.errors import UnprocessableEntity, error_response

SUGGESTED_EXTENSION = "'mp4' is an invalid audio extension."


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (errors.Unauthorized("An API key is needed."), 401, "unauthorized", "Unauthorized"),
        (errors.InsufficientCredits("2 are missing"), 402, "insufficient_credits", "Payment required"),
        (errors.NotFound("no such job"), 404, "not_found", "Not Found"),
        (errors.MethodNotAllowed("GET only"), 404, "not_found", "Not Found"),
        (errors.InvalidRequest("name: wrong", field="name"), 400, "invalid_request", "name: wrong"),
        (errors.VoiceNotFound("no voice `x`"), 400, "invalid_request", "no voice `x`"),
        (errors.TextTooLong("limit is 10", field="text"), 400, "invalid_request", "limit is 10"),
        (
            errors.InvalidRequest("nothing to say", field="text"),
            422,
            "unprocessable_entity",
            "Unable to generate speech",
        ),
        (errors.Unsupported("not Finnish", field="language"), 422, "unprocessable_entity", "Unable to generate speech"),
        (UnprocessableEntity(SUGGESTED_EXTENSION), 422, "unprocessable_entity", SUGGESTED_EXTENSION),
        (errors.BodyTooLarge("too big"), 413, "invalid_request", "too big"),
        (errors.RateLimited("slow down"), 429, "rate_limit_exceeded", "Too Many Requests"),
        (errors.QueueFull("1000 jobs"), 429, "rate_limit_exceeded", "Too Many Requests"),
        (errors.AccountBanned("blocked"), 403, "account_banned", "blocked"),
        (errors.RequestInProgress("still running"), 409, "request_in_progress", "still running"),
        (errors.IdempotencyMismatch("another body"), 422, "idempotency_mismatch", "another body"),
        (errors.Unavailable("no engine"), 503, "unavailable", "no engine"),
        (errors.MynaError("secret detail"), 500, "internal_server_error", "Internal Server Error"),
        (errors.EngineFailed("secret detail"), 500, "internal_server_error", "Internal Server Error"),
    ],
)
def test_every_error_in_the_vendors_body(error, status, code, message):
    answer = error_response(error)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == {"code": code, "message": message}
    assert answer.body == f'{{"code":"{code}","message":"{message}"}}'.encode()


def test_errors_that_pass_say_when():
    assert error_response(errors.RateLimited(retry_after=2.2)).headers["retry-after"] == "3"
    assert error_response(errors.Unavailable()).headers["retry-after"] == "1"
    assert "retry-after" not in error_response(errors.Unauthorized()).headers


def test_non_ascii_is_written_as_it_is():
    assert "é".encode() in error_response(errors.InvalidRequest("é", field="name")).body

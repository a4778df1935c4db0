"""Errors in Stablecog's words."""

from __future__ import annotations

import pytest

from myna import errors
from myna.http.stablecog.errors import UNKNOWN_ERROR, StablecogError, error_response, trouble_as
from myna.http.stablecog.wire import Undecodable


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Undecodable(), 400, b'{"error":"json_parse_error"}\n'),
        (errors.Unauthorized(), 401, b'{"error":"Unauthorized"}\n'),
        (errors.AccountBanned(), 403, b'{"error":"user_banned"}\n'),
        (errors.InsufficientCredits(), 400, b'{"error":"insufficient_credits"}\n'),
        (errors.QueueFull(), 400, b'{"error":"queue_limit_reached"}\n'),
        (errors.VoiceNotFound(), 400, b'{"error":"invalid_speaker_id"}\n'),
        (errors.TextTooLong(field="text"), 400, b'{"error":"prompt_too_long"}\n'),
        (errors.InvalidRequest("Nothing to say.", field="text"), 400, b'{"error":"prompt_required"}\n'),
        (errors.Unsupported(field="language"), 400, b'{"error":"unsupported"}\n'),
        (errors.BodyTooLarge(), 413, b'{"error":"body_too_large"}\n'),
        (errors.RequestInProgress(), 409, b'{"error":"request_in_progress"}\n'),
        (errors.IdempotencyMismatch(), 422, b'{"error":"idempotency_mismatch"}\n'),
        (errors.Unavailable(), 503, b'{"error":"An unknown error has occured"}\n'),
        (errors.MynaError(), 500, b'{"error":"An unknown error has occured"}\n'),
        (StablecogError(500, "TIMEOUT"), 500, b'{"error":"TIMEOUT"}\n'),
        (StablecogError(500, "a < b", {"seed": 1}), 500, b'{"error":"a \\u003c b","settings":{"seed":1}}\n'),
    ],
)
def test_errors_are_json(error: errors.MynaError, status: int, body: bytes) -> None:
    response = error_response(error)
    assert (response.status_code, response.body) == (status, body)
    assert response.headers["content-type"] == "application/json; charset=utf-8"


def test_the_limiter_speaks_plain_text() -> None:
    response = error_response(errors.RateLimited(retry_after=41.2))
    assert (response.status_code, response.body) == (429, b"Too Many Requests\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["retry-after"] == "42"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_unknown_paths_are_plain_text() -> None:
    response = error_response(errors.NotFound())
    assert (response.status_code, response.body) == (404, b"404 page not found\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_other_methods_get_nothing() -> None:
    response = error_response(errors.MethodNotAllowed(allow="POST"))
    assert (response.status_code, response.body) == (405, b"")
    assert "allow" not in response.headers


def test_what_passes_by_itself_says_when() -> None:
    assert error_response(errors.Unavailable(retry_after=3)).headers["retry-after"] == "3"
    assert "retry-after" not in error_response(errors.QueueFull()).headers


@pytest.mark.parametrize("trouble", [ValueError("disk"), errors.Unavailable(), errors.MynaError("secret path")])
async def test_trouble_is_told_without_its_reason(trouble: Exception) -> None:
    with pytest.raises(StablecogError) as caught:
        async with trouble_as("Error getting credits"):
            raise trouble
    assert (caught.value.status_code, caught.value.message) == (500, "Error getting credits")


@pytest.mark.parametrize("refusal", [errors.InsufficientCredits(), StablecogError(500, "TIMEOUT")])
async def test_refusals_are_no_trouble(refusal: errors.MynaError) -> None:
    with pytest.raises(type(refusal)) as caught:
        async with trouble_as(UNKNOWN_ERROR):
            raise refusal
    assert caught.value is refusal

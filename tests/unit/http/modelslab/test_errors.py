"""Every error in the vendor's words, and the layer that answers 200."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from myna import errors
from myna.http.modelslab.errors import (
    BadBody,
    FeatureNotAvailable,
    KeyMissing,
    LegacyStatus,
    error_response,
    surround,
)
from myna.settings import Settings
from tests.fixtures.asgi import Connection, http_scope


def said(response: Response) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(response.body))
    return body


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyMissing(), 401, "API key required"),
        (errors.Unauthorized(), 401, "Invalid API key"),
        (BadBody(), 400, "Invalid API Request"),
        (errors.InvalidRequest("prompt is required", field="prompt"), 400, "prompt is required"),
        (errors.UnsupportedMedia("no sound"), 400, "no sound"),
        (errors.InsufficientCredits(), 402, "Insufficient credits. Please add more credits to continue."),
        (FeatureNotAvailable("Feature not available: songs"), 403, "Feature not available: songs"),
        (errors.NotFound("gone"), 404, "gone"),
        (errors.BodyTooLarge("too large"), 413, "too large"),
        (errors.RateLimited("slow down"), 429, "Rate limit exceeded. slow down"),
        (errors.QueueFull("a lot", limit=5), 429, "Rate limit exceeded. Maximum 5 queued requests allowed."),
        (errors.EngineFailed("secret words"), 500, "Internal server error. Please try again."),
        (errors.MynaError(), 500, "Internal server error. Please try again."),
    ],
)
def test_status_and_message(error: errors.MynaError, status: int, message: str) -> None:
    response = error_response(error)
    body = said(response)
    assert (response.status_code, body["status"], body["message"]) == (status, "error", message)


def test_unavailable_has_the_vendors_words_and_ours() -> None:
    response = error_response(errors.Unavailable("The storage is away.", retry_after=2))
    assert said(response)["message"].startswith("Service temporarily unavailable. Please try again later.")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


def test_when_to_come_again_is_said_in_seconds_and_as_a_moment() -> None:
    response = error_response(errors.RateLimited(retry_after=7.2))
    assert response.headers["retry-after"] == "8"
    assert 0 < int(response.headers["x-ratelimit-reset"]) - time.time() < 10


def test_what_else_a_body_may_have() -> None:
    assert said(error_response(BadBody()))["tip"].startswith("1. Make sure")
    assert said(error_response(errors.QueueFull()))["retry_after"] == 30
    assert said(error_response(errors.RateLimited(retry_after=7.2)))["retry_after"] == 8
    fault = said(error_response(errors.InvalidRequest("too long", field="text")))
    assert fault["errors"] == {"prompt": ["too long"]}
    assert error_response(errors.MethodNotAllowed(allow="POST")).headers["allow"] == "POST"


async def through(layer_of: Response) -> Connection:
    connection = Connection()
    await LegacyStatus(layer_of)(http_scope(), connection.receive, connection.send)
    return connection


async def test_in_legacy_mode_a_refusal_is_200_with_an_object() -> None:
    answer = await through(error_response(errors.InvalidRequest("init_video is required", field="init_video")))
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "status": "error",
        "message": {"init_video": ["The init video field is required."]},
    }
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_in_legacy_mode_other_answers_are_untouched() -> None:
    answer = await through(PlainTextResponse("hello", 201))
    assert (answer.status, answer.body) == (201, b"hello")
    odd = await through(PlainTextResponse("not json", 500))
    assert (odd.status, odd.body) == (200, b"not json")


def test_only_in_legacy_mode() -> None:
    app = PlainTextResponse("x")
    assert surround(app, Settings()) is app
    assert isinstance(surround(app, Settings(modelslab_legacy_status="on")), LegacyStatus)

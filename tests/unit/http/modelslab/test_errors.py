"""Every error in the vendor's words, and the layer that answers 200."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from myna.errors import (
    BodyTooLarge,
    EngineFailed,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    NotFound,
    QueueFull,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)
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
        (Unauthorized(), 401, "Invalid API key"),
        (BadBody(), 400, "Invalid API Request"),
        (InvalidRequest("prompt is required", field="prompt"), 400, "prompt is required"),
        (UnsupportedMedia("no sound"), 400, "no sound"),
        (InsufficientCredits(), 402, "Insufficient credits. Please add more credits to continue."),
        (FeatureNotAvailable("Feature not available: songs"), 403, "Feature not available: songs"),
        (NotFound("gone"), 404, "gone"),
        (BodyTooLarge("too large"), 413, "too large"),
        (RateLimited("slow down"), 429, "Rate limit exceeded. slow down"),
        (EngineFailed("secret words"), 500, "Internal server error. Please try again."),
        (MynaError(), 500, "Internal server error. Please try again."),
    ],
)
def test_status_and_message(error: MynaError, status: int, message: str) -> None:
    response = error_response(error)
    body = said(response)
    assert (response.status_code, body["status"], body["message"]) == (status, "error", message)


def test_unavailable_has_the_vendors_words_and_ours() -> None:
    response = error_response(Unavailable("The storage is away.", retry_after=2))
    assert said(response)["message"].startswith("Service temporarily unavailable. Please try again later.")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


def test_what_else_a_body_may_have() -> None:
    assert said(error_response(BadBody()))["tip"].startswith("1. Make sure")
    assert said(error_response(QueueFull()))["retry_after"] == 30
    assert said(error_response(RateLimited(retry_after=7.2)))["retry_after"] == 8
    fault = said(error_response(InvalidRequest("too long", field="text")))
    assert fault["errors"] == {"prompt": ["too long"]}
    assert error_response(MethodNotAllowed(allow="POST")).headers["allow"] == "POST"


async def through(layer_of: Response) -> Connection:
    connection = Connection()
    await LegacyStatus(layer_of)(http_scope(), connection.receive, connection.send)
    return connection


async def test_in_legacy_mode_a_refusal_is_200_with_an_object() -> None:
    answer = await through(error_response(InvalidRequest("prompt is required", field="prompt")))
    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "error", "message": {"prompt": ["prompt is required"]}}
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

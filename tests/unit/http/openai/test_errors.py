from __future__ import annotations

import inspect
import json

import pytest

from myna import errors
from myna.errors import (
    AccountBanned,
    Conflict,
    EngineFailed,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MynaError,
    QueueFull,
    RateLimited,
    RequestInProgress,
    Unauthorized,
    Unavailable,
    Unsupported,
    VoiceNotFound,
)
from myna.http.openai.errors import ModelNotFound, error_response

ALL = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, MynaError)]


@pytest.mark.parametrize("error", ALL)
def test_all_four_keys_for_every_error(error):
    answer = error_response(error())
    body = json.loads(bytes(answer.body))
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    assert answer.headers["content-type"] == "application/json"
    assert 400 <= answer.status_code < 600
    if answer.status_code in (429, 503):
        assert "retry-after" in answer.headers or answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("error", "status", "type", "param", "code"),
    [
        (Unauthorized(), 401, "authentication_error", None, "invalid_api_key"),
        (AccountBanned(), 403, "permission_error", None, "account_banned"),
        (InvalidRequest("x", field="text"), 400, "invalid_request_error", "input", "invalid_request"),
        (Unsupported("x", field="language"), 400, "invalid_request_error", "input", "unsupported"),
        (InvalidRequest("x", field="speed"), 400, "invalid_request_error", "speed", "invalid_request"),
        (VoiceNotFound(), 400, "invalid_request_error", "voice", "voice_not_found"),
        (ModelNotFound(), 404, "invalid_request_error", None, "model_not_found"),
        (MethodNotAllowed(), 405, "invalid_request_error", None, "method_not_supported"),
        (InsufficientCredits(), 429, "insufficient_quota", None, "insufficient_quota"),
        (RateLimited(), 429, "rate_limit_error", None, "rate_limit_exceeded"),
        (QueueFull(), 429, "rate_limit_error", None, "queue_full"),
        (EngineFailed(), 500, "server_error", None, "engine_failed"),
        (Unavailable(), 503, "server_error", None, "unavailable"),
    ],
)
def test_the_words(error, status, type, param, code):
    answer = error_response(error)
    body = json.loads(bytes(answer.body))["error"]
    assert (answer.status_code, body["type"], body["param"], body["code"]) == (status, type, param, code)


@pytest.mark.parametrize(
    ("error", "retry", "after"),
    [
        (MynaError(), "false", None),
        (EngineFailed(), "false", None),
        (Conflict(), "false", None),
        (InsufficientCredits(), "false", None),
        (RequestInProgress(), "true", "1"),
        (RateLimited(retry_after=2.2), None, "3"),
        (Unavailable(), None, "1"),
        (InvalidRequest(), None, None),
    ],
)
def test_clients_do_not_do_work_twice(error, retry, after):
    headers = error_response(error).headers
    assert headers.get("x-should-retry") == retry
    assert headers.get("retry-after") == after


def test_the_methods_that_are_allowed():
    assert error_response(MethodNotAllowed(allow="POST")).headers["allow"] == "POST"

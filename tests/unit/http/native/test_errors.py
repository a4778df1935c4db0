from __future__ import annotations

import inspect
import json

import pytest
import structlog

from myna import errors
from myna.errors import InvalidRequest, MethodNotAllowed, MynaError, RateLimited, Unauthorized
from myna.http.native.errors import error_response

ALL = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, MynaError)]


def problem(error):
    answer = error_response(error)
    assert answer.headers["content-type"] == "application/problem+json"
    return json.loads(bytes(answer.body))


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_a_problem(error):
    body = problem(error())
    assert set(body) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert body["status"] == error.status
    assert body["code"] == error.code
    assert body["detail"]


def test_the_request_id():
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        assert problem(MynaError())["request_id"] == "req_1"


def test_the_field():
    assert problem(InvalidRequest("too long", field="style.prompt"))["errors"] == [
        {"pointer": "#/style/prompt", "detail": "too long"}
    ]


def test_the_policy():
    body = problem(RateLimited(policy="requests"))
    assert body["violated-policies"] == ["requests"]
    assert body["type"].endswith("#quota-exceeded")


def test_headers():
    assert error_response(Unauthorized()).headers["www-authenticate"] == "Bearer"
    assert error_response(MethodNotAllowed(allow="GET")).headers["allow"] == "GET"
    assert error_response(RateLimited(retry_after=7)).headers["retry-after"] == "7"

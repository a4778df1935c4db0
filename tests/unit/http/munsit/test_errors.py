from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna import errors
from myna.http.munsit.errors import WALLET_CREDITS_PER_DOLLAR, error_response, wallet_too_low


def every_error(base=errors.MynaError):
    yield base
    for known in base.__subclasses__():
        if known.__module__ == "myna.errors":
            yield from every_error(known)


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: error.__name__)
def test_the_first_three_digits_are_the_status(error):
    answer = error_response(error())
    body = json.loads(bytes(answer.body))
    assert set(body) == {"errorCode", "errorMessage"}
    assert body["errorCode"] // 100 == answer.status_code
    assert body["errorCode"] % 100 == 1
    assert body["errorMessage"]


def test_waiting_times_are_told():
    assert error_response(errors.RateLimited(retry_after=7)).headers["retry-after"] == "7"
    assert error_response(errors.Unavailable()).headers["retry-after"] == "1"


def test_fields_of_a_voice_are_named():
    answer = error_response(errors.InvalidRequest("This has 101 characters; it may have 100.", field="name"))
    assert json.loads(bytes(answer.body))["errorMessage"] == "name: This has 101 characters; it may have 100."


@given(
    st.integers(min_value=1, max_value=10**9),
    st.integers(min_value=0, max_value=10**9),
    st.integers(min_value=1, max_value=10_000),
)
def test_dollars_never_promise_too_much(needed, balance, rate):
    needed = max(needed, balance + 1)
    message = wallet_too_low(errors.InsufficientCredits(needed=needed, balance=balance), rate).message
    required, available = (float(part.split("$")[1].rstrip(".")) for part in message.split(", "))
    each = rate * WALLET_CREDITS_PER_DOLLAR
    assert required >= needed / each - 1e-9
    assert available <= balance / each + 1e-9
    assert required > 0
    assert required - needed / each < 2e-6

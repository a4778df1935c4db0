from __future__ import annotations

import hashlib
import itertools
import time

import pytest

from myna.errors import RateLimited
from myna.http.context import RequestContext
from myna.http.limits import Policy, RequestLimiter, WindowCounts, network_of
from myna.settings import Settings


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands ten seconds after the start of a minute until it is moved."""

    class Clock:
        now = 1_200_000_010.0

        def __call__(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def limiter(**settings):
    return RequestLimiter(Settings(**settings))


def digest(token):
    return hashlib.sha256(token.encode()).digest()


def headers(context):
    return {name.decode(): value.decode() for name, value in context.headers}


def test_requests_within_the_rate_are_told_what_is_left(clock):
    context = RequestContext()
    limiter(requests_per_minute=3).count_request(context, "key")
    assert headers(context) == {"ratelimit-policy": '"requests";q=3;w=60', "ratelimit": '"requests";r=2;t=50'}


def test_a_request_too_many_is_refused_until_the_window_has_moved(clock):
    limits = limiter(requests_per_minute=3)
    for _ in range(3):
        limits.count_request(RequestContext(), "key")
    context = RequestContext()
    with pytest.raises(RateLimited) as refused:
        limits.count_request(context, "key")
    assert headers(context)["ratelimit"].startswith('"requests";r=0;')
    assert 1 <= refused.value.retry_after <= 60
    limits.count_request(RequestContext(), "another key")
    clock.now += 120
    limits.count_request(RequestContext(), "key")


def test_the_window_slides(clock):
    limits = limiter(requests_per_minute=60)
    for _ in range(60):
        limits.count_request(RequestContext(), "key")
    clock.now += 50 + 30
    allowed = 0
    for _ in range(60):
        try:
            limits.count_request(RequestContext(), "key")
        except RateLimited:
            break
        allowed += 1
    assert allowed == 30


def test_no_limits_when_they_are_off():
    limits = limiter(requests_per_minute=1, wrong_keys_per_minute=1, rate_limits="off")
    context = RequestContext()
    for number in range(5):
        limits.count_request(context, "key")
        limits.count_wrong_key("192.0.2.1", digest(str(number)))
        limits.refuse_guessing("192.0.2.1", digest(str(number)))
    assert context.headers == []


def test_own_policies(clock):
    limits = limiter()
    policy = Policy("create", 2, 20)
    answers = [limits.allow(policy, "somebody") for _ in range(3)]
    assert [(allowed, left) for allowed, left, _ in answers] == [(True, 1), (True, 0), (False, 0)]
    assert answers[-1][2] == pytest.approx(10)


def test_guessing_is_refused_but_keys_that_were_right_go_on(clock):
    limits = limiter(wrong_keys_per_minute=3)
    limits.remember_key(digest("right"))
    for number in range(3):
        limits.refuse_guessing("192.0.2.1", digest(f"wrong {number}"))
        limits.count_wrong_key("192.0.2.1", digest(f"wrong {number}"))
    with pytest.raises(RateLimited):
        limits.refuse_guessing("192.0.2.1", digest("wrong 4"))
    limits.refuse_guessing("192.0.2.1", digest("right"))
    limits.refuse_guessing("192.0.2.2", digest("right, but new"))


def test_a_new_key_waits_no_longer_than_the_window_even_while_guessing_goes_on(clock):
    limits = limiter(wrong_keys_per_minute=3)
    for number in itertools.count():
        try:
            limits.refuse_guessing("192.0.2.1", digest(f"wrong {number}"))
        except RateLimited:
            break
        limits.count_wrong_key("192.0.2.1", digest(f"wrong {number}"))
    waited = 0
    while waited <= 120:
        clock.now += 1
        waited += 1
        try:
            limits.refuse_guessing("192.0.2.1", digest("right, but new"))
        except RateLimited:
            continue
        break
    assert waited <= 61 + 20


def test_a_key_that_was_revoked_is_no_longer_known(clock):
    limits = limiter(wrong_keys_per_minute=1)
    limits.remember_key(digest("key"))
    limits.count_wrong_key("192.0.2.1", digest("key"))
    with pytest.raises(RateLimited):
        limits.refuse_guessing("192.0.2.1", digest("key"))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_network_of(address, network):
    assert network_of(address) == network


def test_counters_that_expired_are_swept(clock):
    counts = WindowCounts()
    counts.incr("old", 10)
    clock.now += 60
    counts.incr("new", 10)
    assert counts.get("old") == 0
    assert counts.get_expiry("new") == clock.now + 10
    assert counts.check()
    assert counts.reset() == 1


def test_a_sliding_window_can_be_cleared(clock):
    counts = WindowCounts()
    assert counts.acquire_sliding_window_entry("key", 1, 10)
    assert not counts.acquire_sliding_window_entry("key", 1, 10)
    counts.clear_sliding_window("key", 10)
    assert counts.acquire_sliding_window_entry("key", 1, 10)

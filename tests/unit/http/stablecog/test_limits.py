"""The limiter: doubled limits, double counting, one bucket."""

from __future__ import annotations

import pytest

from myna.http.stablecog.limits import CREATES, READS, RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> RateLimiter:
    return RateLimiter(clock)


def test_five_creates_a_second(limiter: RateLimiter) -> None:
    verdicts = [limiter.ask("1.2.3.4", CREATES) for _ in range(6)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert [verdict.remaining for verdict in verdicts] == [10, 8, 6, 4, 2, 0]


def test_ten_reads_a_second(limiter: RateLimiter) -> None:
    verdicts = [limiter.ask("1.2.3.4", READS) for _ in range(11)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 10 + [False]


def test_headers(limiter: RateLimiter) -> None:
    assert limiter.ask("1.2.3.4", READS).headers == {
        "X-RateLimit-Limit": "20",
        "X-RateLimit-Remaining": "20",
        "X-RateLimit-Reset": "1700000001",
    }


def test_reads_and_creates_share_one_bucket(limiter: RateLimiter) -> None:
    for _ in range(5):
        assert limiter.ask("1.2.3.4", READS).allowed
    assert not limiter.ask("1.2.3.4", CREATES).allowed
    assert limiter.ask("1.2.3.4", READS).remaining == 10


def test_addresses_have_their_own(limiter: RateLimiter) -> None:
    for _ in range(6):
        limiter.ask("1.2.3.4", CREATES)
    assert limiter.ask("1.2.3.5", CREATES).allowed


def test_admins_are_announced_the_limit_and_never_counted(limiter: RateLimiter) -> None:
    verdicts = [limiter.ask(None, CREATES) for _ in range(20)]
    assert {(verdict.allowed, verdict.remaining) for verdict in verdicts} == {(True, 10)}


def test_the_last_second_counts_by_what_is_left_of_it(limiter: RateLimiter, clock: Clock) -> None:
    for _ in range(5):
        limiter.ask("1.2.3.4", CREATES)
    clock.now += 1.0
    assert not limiter.ask("1.2.3.4", CREATES).allowed
    clock.now += 0.5
    assert limiter.ask("1.2.3.4", CREATES).remaining == 5
    clock.now += 1.5
    assert limiter.ask("1.2.3.4", CREATES).remaining == 10


def test_refusals_are_not_counted(limiter: RateLimiter, clock: Clock) -> None:
    for _ in range(50):
        limiter.ask("1.2.3.4", CREATES)
    clock.now += 1.9
    assert limiter.ask("1.2.3.4", CREATES).remaining == 9


def test_old_addresses_are_forgotten(limiter: RateLimiter, clock: Clock) -> None:
    for number in range(100):
        limiter.ask(f"10.0.0.{number}", READS)
    clock.now += 3
    limiter.ask("1.2.3.4", READS)
    assert list(limiter._counts) == ["1.2.3.4"]

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.webhooks.schedule import DAY, SCHEDULES, STANDARD, doubling, retry_after, wait_after

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_standard_schedule_is_ten_attempts_in_75_hours_35_minutes_5_seconds() -> None:
    assert len(STANDARD) == 10
    assert timedelta(seconds=sum(STANDARD)) == timedelta(hours=75, minutes=35, seconds=5)


def test_magic_hour_doubles_until_a_day_has_passed() -> None:
    schedule = SCHEDULES["magichour"]
    assert schedule[:6] == (0, 1, 2, 4, 8, 16)
    assert sum(schedule) == DAY


@given(st.floats(min_value=1, max_value=1e6))
def test_doubling_ends_exactly_in_time(total: float) -> None:
    assert sum(doubling(total)) == pytest.approx(total)


@given(st.integers(min_value=0, max_value=20), st.floats(min_value=0, max_value=1, exclude_max=True))
def test_a_wait_is_that_of_the_schedule_and_up_to_a_tenth(attempts: int, chance: float) -> None:
    wait = wait_after(STANDARD, attempts, None, lambda: chance)
    if attempts >= len(STANDARD):
        assert wait is None
    else:
        assert wait is not None
        assert STANDARD[attempts] <= wait <= STANDARD[attempts] * 1.1


def test_a_receiver_may_ask_for_more_time_but_not_for_less_nor_for_ever() -> None:
    assert wait_after(STANDARD, 1, 60.0, lambda: 0) == 60
    assert wait_after(STANDARD, 2, 60.0, lambda: 0) == 300
    assert wait_after(STANDARD, 1, 1e9, lambda: 0) == DAY
    assert wait_after(STANDARD, 10, 60.0) is None


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_in_seconds_or_as_a_date(status: int) -> None:
    assert retry_after(status, "120", NOW) == 120
    assert retry_after(status, format_datetime(NOW + timedelta(minutes=3), usegmt=True), NOW) == 180
    assert retry_after(status, format_datetime(NOW - timedelta(minutes=3), usegmt=True), NOW) == 0
    assert retry_after(status, "Sat, 21 Nov 2026 12:00:30", NOW) == 30


@pytest.mark.parametrize(
    ("status", "header"), [(500, "120"), (200, "5"), (429, None), (429, ""), (429, "soon"), (429, "-1")]
)
def test_retry_after_that_does_not_count(status: int, header: str | None) -> None:
    assert retry_after(status, header, NOW) is None

"""What engines that ask a server over HTTP have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from myna.engines.upstream import asked_pause, said


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("3", 3.0), (" 0 ", 0.0), ("1.5", 1.5), ("3600", 10.0), ("", None), ("soon", None), ("-1", None), ("١", None)],
)
def test_the_pause_that_a_server_asks_for(asked: str, seconds: float | None) -> None:
    assert asked_pause({"retry-after": asked}) == seconds


def test_a_server_may_say_until_when() -> None:
    now = datetime.now(UTC)
    assert asked_pause({"retry-after": format_datetime(now + timedelta(seconds=8), usegmt=True)}) == pytest.approx(7, 1)
    assert asked_pause({"retry-after": format_datetime(now - timedelta(seconds=8), usegmt=True)}) == 0.0


def test_keys_are_left_out_of_what_a_server_says() -> None:
    assert said("no secret\nhere: sk-abc***z.", ["secret"]) == "no … here: …"

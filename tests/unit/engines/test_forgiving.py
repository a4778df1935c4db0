"""How often an engine is asked again."""

from __future__ import annotations

import pytest

from myna.engines.forgiving import forgiving
from myna.errors import BadAudio, EngineCrashed, EngineFailed, EngineKilled, EngineTimeout, EngineUnavailable
from myna.kit.beneficiary import goes_on


@pytest.mark.parametrize(
    ("error", "times"), [(EngineKilled, 5), (EngineCrashed, 2), (EngineTimeout, 1), (BadAudio, 1), (EngineFailed, 0)]
)
async def test_a_kill_is_forgiven_more_often_than_a_crash(error: type[EngineFailed], times: int) -> None:
    asked = 0

    async def fail() -> None:
        nonlocal asked
        asked += 1
        raise error

    with pytest.raises(error):
        await forgiving("fake", fail)
    assert asked == times + 1


async def test_what_is_right_at_last_is_the_answer() -> None:
    failures = [EngineKilled(), EngineCrashed(), EngineTimeout(), EngineCrashed(), EngineKilled()]

    async def work() -> str:
        if failures:
            raise failures.pop()
        return "spoken"

    assert await forgiving("fake", work) == "spoken"


async def test_a_further_try_is_not_turned_away_from_a_full_queue() -> None:
    tries: list[bool] = []

    async def work() -> None:
        tries.append(goes_on())
        if len(tries) == 1:
            raise EngineKilled

    await forgiving("fake", work)
    assert tries == [False, True]


async def test_what_is_no_failure_of_the_work_is_not_tried_again() -> None:
    asked = 0

    async def work() -> None:
        nonlocal asked
        asked += 1
        raise EngineUnavailable("It is not here.")

    with pytest.raises(EngineUnavailable):
        await forgiving("fake", work)
    assert asked == 1

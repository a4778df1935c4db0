"""Progress through the stages."""

from __future__ import annotations

from myna.dubbing.schemas import STAGES
from myna.dubbing.steps import SHARES, _Progress, share


def test_the_shares_of_all_stages_make_a_whole() -> None:
    assert tuple(SHARES) == STAGES
    assert sum(SHARES.values()) == 100


def test_progress_goes_on_where_the_stage_before_has_ended() -> None:
    starts = [_Progress(stage).whole for stage in STAGES]
    assert starts == sorted(starts)
    for stage, following in zip(STAGES, starts[1:], strict=False):
        progress = _Progress(stage)
        progress.report(1.0)
        assert progress.whole == following


def test_progress_never_goes_back_nor_beyond_its_stage() -> None:
    progress = _Progress("mix")
    progress.report(0.5)
    half = progress.whole
    progress.report(0.2)
    assert progress.whole == half
    progress.report(7.0)
    assert progress.whole == _Progress("mux").whole


def test_only_what_has_moved_is_said() -> None:
    progress = _Progress("mix")
    assert not progress.has_moved()
    progress.report(0.5)
    assert progress.has_moved()
    assert not progress.has_moved()


def test_parts_of_a_stage_share_it() -> None:
    said: list[float] = []
    share(said.append, 1, 4)(0.5)
    assert said == [0.375]

"""What a dub costs: so much for each second of its source in each language. All prices in milli-credits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from myna.dubbing.schemas import Dub, DubbedLine, DubRequest, DubTarget, Quote


def price_of(seconds: float, per_second: int) -> int:
    """Rounded up."""
    return math.ceil(round(seconds * per_second, 6))


def first_price(seconds: float, request: DubRequest, per_second: int) -> int:
    """Of a source of this length in all languages of the request."""
    return price_of(seconds * len(request.target_languages), per_second)


def quote(dub: Dub, per_second: int, estimate: float) -> Quote:
    """What the next job of a dub costs: the changed lines, and languages that never were finished, whole.

    A source that never was fetched counts as `estimate` seconds long.
    """
    lines = {target.language: _anew(target) for target in dub.targets}
    seconds = sum(_seconds(target, dub.duration or estimate) for target in dub.targets)
    return Quote(
        price=price_of(seconds, per_second),
        lines={language: tuple(line.number for line in anew) for language, anew in lines.items()},
        seconds=round(seconds, 3),
    )


def charge_for(held: int, lines: Sequence[DubbedLine], spoken_seconds_held: float) -> int:
    """What is charged of `held` when some of the lines could not be spoken: nothing for those."""
    failed = sum(line.source_end - line.source_start for line in lines if line.fit == "failed")
    if not failed or spoken_seconds_held <= 0:
        return held
    return max(0, math.floor(held * (1 - min(1.0, failed / spoken_seconds_held))))


def _anew(target: DubTarget) -> Sequence[DubbedLine]:
    return target.changed if target.files else target.lines


def _seconds(target: DubTarget, duration: float) -> float:
    if not target.files:
        return duration
    return sum(line.source_end - line.source_start for line in target.changed)

"""When each line of a dub is spoken, and how fast. Pure: lines and durations in, placements out.

What listeners complain about is answered in this order. A line starts with its source, so nothing drifts. It may go on
into the silence after its source. What is still too long is spoken faster, then played faster, each within limits, and
lines of one speaker that follow each other keep nearly one pace. What is too long even then is marked, so that a
shorter text can be asked for, and cut. Two lines never overlap, and nothing reaches past the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from myna.dubbing.schemas import Fit, Placement

_SMOOTH = 1.1
"""How much faster than its neighbour a line of the same speaker may be: two just noticeable differences of tempo, 5 %
each (H. Quené, "On the just noticeable difference for tempo in speech", Journal of Phonetics 35, 2007)."""
_SMOOTH_PER_SECOND = 1.05
"""Each second of pause between two lines allows for this much more: who has paused may go on faster."""
_MOST_SHARED = 1.2
"""A line is made faster for its neighbour's sake up to here; it is what viewers of dubs accept at all."""
_UNNOTICED = 1.03
"""A line that misses its room by less is not spoken anew: playing it so much faster is not heard."""
_LEAST_SECONDS = 0.25
"""Every line gets this much, or all that it needs, even where the source has more lines than time."""
_DIGITS = 4
"""Times are given in tenths of a millisecond."""


@dataclass(frozen=True, slots=True)
class LineToPlace:
    """A line of which it is known how long it takes to be said."""

    number: int
    speaker: str
    start: float
    end: float
    """Where it is in the source, in seconds."""
    seconds: float
    """For `pace`: at rate 1. For `place`: as it was spoken. 0: it could not be spoken."""
    rate: float | None = None
    """At which it was spoken. For `pace`: None when that is still open."""
    fixed_start: float | None = None
    """Where somebody wants it to start, in place of its source."""
    can_speed: bool = True
    """Its voice can speak at other rates."""
    shortened: bool = False
    """Its text was made shorter to fit."""
    kept: Placement | None = None
    """Where it lies since an earlier run; it stays there unless a line with a fixed start wants this time."""

    @property
    def begin(self) -> float:
        return self.start if self.fixed_start is None else self.fixed_start


@dataclass(frozen=True, slots=True)
class Options:
    total: float
    """Seconds of the source; nothing lies after it."""
    speed: float = 1.0
    """The rate at which all lines are spoken as far as there is room."""
    most_rate: float = 1.35
    """The fastest that a line is spoken for want of room."""
    most_stretch: float = 1.25
    least_gap: float = 0.08
    """Seconds between two lines."""
    most_delay: float = 0.08
    """Seconds by which a line may wait for the one before it when that would be cut otherwise. Sound that is up to
    125 ms late is not noticed (ITU-R BT.1359-1)."""
    most_wait: float = 1.5
    """The same for a line that begins in the source while another is still being said: one of the two must give way."""


@dataclass(slots=True)
class _Slot:
    """The time that a line may take."""

    earliest: float
    latest: float
    """Starts from here on would take time from the next line."""
    close: float
    """It should end by then, so that the next line starts with its source."""
    limit: float
    """It must end by then."""


def rooms(lines: Iterable[LineToPlace], options: Options) -> dict[int, float]:
    """How many seconds each line may take, with the silence after it: what a translation should fit."""
    ordered = _in_order(lines)
    return {line.number: _rounded(_room(slot)) for line, slot in zip(ordered, _slots(ordered, options), strict=True)}


def pace(lines: Iterable[LineToPlace], options: Options) -> dict[int, float]:
    """The rate at which each line is to be spoken; `seconds` are those at rate 1.

    Lines that are kept, or have a rate already, keep it.
    """
    ordered = _in_order(lines)
    slots = _slots(ordered, options)
    wanted = [_wanted_rate(line, slot, options) for line, slot in zip(ordered, slots, strict=True)]
    bound = [_spoken_rate(line) is not None or not line.can_speed for line in ordered]
    even = _evened(ordered, wanted, bound, most=_MOST_SHARED * options.speed)
    return {line.number: round(rate, 2) for line, rate in zip(ordered, even, strict=True)}


def place(lines: Iterable[LineToPlace], options: Options) -> tuple[Placement, ...]:
    """Where each line lies, in order of time; `seconds` are those as it was spoken at `rate`.

    A line that is cut has the fit `overflow`; one that was not spoken, `failed`.
    """
    ordered = _in_order(_settled(lines))
    slots = _slots(ordered, options)
    needed = [_needed_stretch(line, slot, options) for line, slot in zip(ordered, slots, strict=True)]
    paces = [stretch * (line.rate or 1.0) for stretch, line in zip(needed, ordered, strict=True)]
    bound = [line.kept is not None or line.seconds <= 0 for line in ordered]
    even = _evened(ordered, paces, bound, most=_MOST_SHARED * options.speed)
    placed: list[Placement] = []
    free_from = 0.0
    for line, slot, wanted in zip(ordered, slots, even, strict=True):
        least = min(options.most_stretch, max(1.0, wanted / (line.rate or 1.0)))
        placement = line.kept or _placed(line, slot, free_from, least, options)
        placed.append(placement)
        free_from = max(free_from, placement.end + options.least_gap)
    return tuple(placed)


def too_long(placements: Iterable[Placement]) -> tuple[int, ...]:
    """The numbers of the lines that are cut: a shorter text would help them."""
    return tuple(placement.number for placement in placements if placement.fit == "overflow")


def _in_order(lines: Iterable[LineToPlace]) -> list[LineToPlace]:
    """By the time at which they begin; a kept line begins where it lies."""
    return sorted(lines, key=lambda line: (line.kept.start if line.kept else line.begin, line.number))


def _settled(lines: Iterable[LineToPlace]) -> list[LineToPlace]:
    """Kept lines are kept no more where a line with a fixed start begins in them."""
    return list(lines)


def _slots(ordered: Sequence[LineToPlace], options: Options) -> list[_Slot]:
    slots: list[_Slot] = []
    free_from, spoken_until = 0.0, 0.0
    for line in ordered:
        begin = line.kept.start if line.kept else line.begin
        earliest = min(options.total, max(begin, free_from))
        wait = min(options.most_wait, max(options.most_delay, spoken_until + options.least_gap - begin))
        pinned = line.kept is not None or line.fixed_start is not None
        slots.append(_Slot(earliest, earliest if pinned else max(earliest, begin + wait), options.total, options.total))
        free_from = earliest + min(_LEAST_SECONDS, _shortest(line, options)) + options.least_gap
        spoken_until = max(spoken_until, line.end)
    for (line, slot), (_, following) in reversed(list(pairwise(zip(ordered, slots, strict=True)))):
        following.latest = max(following.earliest, min(following.latest, following.limit))
        slot.close = max(slot.earliest, following.earliest - options.least_gap)
        slot.limit = max(slot.earliest, following.latest - options.least_gap)
        slot.latest = max(slot.earliest, min(slot.latest, slot.limit - _shortest(line, options)))
    return slots


def _shortest(line: LineToPlace, options: Options) -> float:
    """Seconds of the line at the greatest speed."""
    open_rate = options.most_rate if line.can_speed and line.rate is None else 1.0
    return line.seconds / (options.most_stretch * open_rate)


def _room(slot: _Slot) -> float:
    return slot.close - slot.earliest


def _spoken_rate(line: LineToPlace) -> float | None:
    return line.kept.rate if line.kept else line.rate


def _wanted_rate(line: LineToPlace, slot: _Slot, options: Options) -> float:
    spoken = _spoken_rate(line)
    if spoken is not None:
        return spoken
    if not line.can_speed:
        return 1.0
    needed = line.seconds / max(_room(slot), 1e-3)
    if needed <= options.speed * _UNNOTICED:
        return options.speed
    return max(options.speed, min(options.most_rate, math.ceil(needed * 100) / 100))


def _needed_stretch(line: LineToPlace, slot: _Slot, options: Options) -> float:
    if line.kept:
        return line.kept.stretch
    return min(options.most_stretch, max(1.0, line.seconds / max(_room(slot), 1e-3)))


def _evened(ordered: Sequence[LineToPlace], paces: list[float], bound: list[bool], *, most: float) -> list[float]:
    """The paces, raised where a neighbour of the same speaker would be much faster."""
    even = list(paces)
    for indices in _by_speaker(ordered):
        for order in (indices, indices[::-1]):
            for before, index in pairwise(order):
                if not bound[index]:
                    floor = even[before] / _difference(ordered[before], ordered[index])
                    even[index] = max(even[index], min(most, floor))
    return even


def _difference(one: LineToPlace, other: LineToPlace) -> float:
    """How much faster the one may be than the other, two lines of a speaker in any order."""
    pause = max(one.start, other.start) - min(one.end, other.end)
    return _SMOOTH * float(_SMOOTH_PER_SECOND ** max(0.0, min(30.0, pause)))


def _by_speaker(ordered: Sequence[LineToPlace]) -> list[list[int]]:
    indices: dict[str, list[int]] = {}
    for index, line in enumerate(ordered):
        indices.setdefault(line.speaker, []).append(index)
    return list(indices.values())


def _placed(line: LineToPlace, slot: _Slot, free_from: float, least: float, options: Options) -> Placement:
    start = min(options.total, max(slot.earliest, free_from))
    stretch = max(least, line.seconds / max(slot.close - start, 1e-3))
    if stretch > options.most_stretch:
        stretch = min(options.most_stretch, max(least, line.seconds / max(slot.limit - start, 1e-3)))
    stretch = math.ceil(round(stretch * 10**_DIGITS, 3)) / 10**_DIGITS
    needed = line.seconds / stretch
    end = max(start, min(start + needed, slot.limit if needed > slot.close - start else slot.close))
    cut = start + needed - end > 1e-3
    rate = line.rate or 1.0
    fit = _fit(line, end, rate, stretch, cut, options)
    return Placement(line.number, _rounded(start), _rounded(end), line.start, rate, stretch, fit)


def _fit(line: LineToPlace, end: float, rate: float, stretch: float, cut: bool, options: Options) -> Fit:
    ways: tuple[tuple[bool, Fit], ...] = (
        (line.seconds <= 0, "failed"),
        (cut, "overflow"),
        (line.shortened, "shortened"),
        (stretch > 1.0, "stretched"),
        (rate > options.speed, "paced"),
        (end > line.end, "absorbed"),
    )
    return next((fit for applies, fit in ways if applies), "natural")


def _rounded(seconds: float) -> float:
    return round(seconds, _DIGITS)

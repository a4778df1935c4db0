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
_EXACT = 0.01
"""Seconds; a line that goes on for less than this after its source ends with it."""
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
    """At which it was spoken; for `pace` None when that is still open, for `place` None is 1."""
    fixed_start: float | None = None
    """Where somebody wants it to start, in place of its source; it waits only for lines that are kept."""
    can_speed: bool = True
    """Its voice can speak at other rates."""
    shortened: bool = False
    """Its text was made shorter to fit."""
    kept: Placement | None = None
    """Where it lies since an earlier run, and stays, whatever becomes of the lines around it."""

    @property
    def begin(self) -> float:
        return self.start if self.fixed_start is None else self.fixed_start

    @property
    def spoken_rate(self) -> float | None:
        return self.kept.rate if self.kept else self.rate


@dataclass(frozen=True, slots=True)
class Options:
    """How far a line may be changed to fit."""

    total: float
    """Seconds of the source; nothing lies after it."""
    speed: float = 1.0
    """The rate at which all lines are spoken as far as there is room."""
    most_rate: float = 1.35
    """The fastest that a line is spoken for want of room."""
    most_stretch: float = 1.25
    """By how much a line is played faster than it was spoken, at most."""
    least_gap: float = 0.08
    """Seconds between two lines."""
    most_delay: float = 0.08
    """Seconds by which a line may wait for the one before it, when that one would be cut otherwise. Sound that is up to
    125 ms late is not noticed (ITU-R BT.1359-1)."""
    most_wait: float = 5.0
    """The same for a line that begins in the source while another is still being said: there one must give way."""


@dataclass(slots=True)
class _Slot:
    """The time that a line may take."""

    earliest: float
    """Its start, when the line before leaves it free."""
    latest: float
    """Its start when it waits for the line before."""
    close: float = 0.0
    """It ends by then, so that the next line starts with its source."""
    limit: float = 0.0
    """It ends by then, whatever it costs."""


def rooms(lines: Iterable[LineToPlace], options: Options) -> dict[int, float]:
    """How many seconds each line may take, with the silence after it: what a translation should fit.

    Where `seconds` are not known yet, give those of the source.
    """
    ordered = _in_order(lines)
    slots = _slots(ordered, options)
    return {line.number: _rounded(slot.close - slot.earliest) for line, slot in zip(ordered, slots, strict=True)}


def pace(lines: Iterable[LineToPlace], options: Options) -> dict[int, float]:
    """The rate at which each line is to be spoken; `seconds` are those at rate 1.

    Lines that were spoken at a rate already keep it.
    """
    all_lines = _in_order(lines)
    ordered = [line for line in all_lines if line.seconds > 0]
    wanted = [_wanted_rate(line, slot, options) for line, slot in zip(ordered, _slots(ordered, options), strict=True)]
    bound = [line.spoken_rate is not None or not line.can_speed for line in ordered]
    even = _evened(ordered, wanted, bound, most=_MOST_SHARED * options.speed)
    rates = {line.number: line.spoken_rate or _up(rate, 2) for line, rate in zip(ordered, even, strict=True)}
    return {line.number: rates.get(line.number, line.spoken_rate or options.speed) for line in all_lines}


def place(lines: Iterable[LineToPlace], options: Options) -> tuple[Placement, ...]:
    """Where each line lies, in order of time; `seconds` are those as it was spoken at `rate`.

    A line that is cut has the fit `overflow`. One that could not be spoken has `failed`, no length, and takes no time
    from others.
    """
    all_lines = _in_order(lines)
    ordered = [line for line in all_lines if line.seconds > 0]
    slots = _slots(ordered, options)
    stretches = _least_stretches(ordered, slots, options)
    placed = [_failed(line, options) for line in all_lines if line.seconds <= 0]
    free_from = 0.0
    for line, slot, stretch in zip(ordered, slots, stretches, strict=True):
        placement = line.kept or _placed(line, slot, free_from, stretch, options)
        placed.append(placement)
        free_from = placement.end + options.least_gap
    return tuple(sorted(placed, key=lambda each: (each.start, each.end, each.number)))


def too_long(placements: Iterable[Placement]) -> tuple[int, ...]:
    """The numbers of the lines that are cut: a shorter text would help them."""
    return tuple(placement.number for placement in placements if placement.fit == "overflow")


def _in_order(lines: Iterable[LineToPlace]) -> list[LineToPlace]:
    return sorted(lines, key=lambda line: (line.begin, line.number))


def _slots(ordered: Sequence[LineToPlace], options: Options) -> list[_Slot]:
    slots = _starts(ordered, options)
    latest_end, close = options.total, options.total
    earliest = options.total
    for line, slot in zip(reversed(ordered), reversed(slots), strict=True):
        slot.earliest = min(slot.earliest, earliest)
        slot.limit = max(slot.earliest, latest_end)
        slot.close = max(slot.earliest, min(slot.limit, close))
        if _pace_in(line, slot.close - slot.earliest) > _MOST_SHARED:
            slot.close = max(slot.close, min(slot.limit, line.end))
        slot.latest = max(slot.earliest, min(slot.latest, slot.limit - _shortest(line, options)))
        earliest = slot.earliest
        latest_end, close = slot.latest - options.least_gap, slot.earliest - options.least_gap
    return slots


def _starts(ordered: Sequence[LineToPlace], options: Options) -> list[_Slot]:
    """When each line can start at the earliest, and should at the latest."""
    slots: list[_Slot] = []
    free_from, spoken_until = 0.0, 0.0
    for line in ordered:
        if line.kept:
            slots.append(_Slot(line.kept.start, line.kept.start))
            free_from = line.kept.end + options.least_gap
        else:
            earliest = min(options.total, max(line.begin, free_from))
            wait = min(options.most_wait, max(options.most_delay, spoken_until + options.least_gap - line.begin))
            latest = line.begin + wait if line.fixed_start is None else earliest
            slots.append(_Slot(earliest, max(earliest, latest)))
            free_from = earliest + min(_LEAST_SECONDS, _shortest(line, options)) + options.least_gap
        spoken_until = max(spoken_until, line.end)
    return slots


def _shortest(line: LineToPlace, options: Options) -> float:
    """Seconds of the line at its greatest speed."""
    fastest = options.most_rate if line.can_speed and line.spoken_rate is None else 1.0
    return line.seconds / (options.most_stretch * fastest)


def _pace_in(line: LineToPlace, room: float) -> float:
    """How fast the line is, against its voice's own rate, when it takes so many seconds."""
    return line.seconds * (line.spoken_rate or 1.0) / max(room, 1e-3)


def _wanted_rate(line: LineToPlace, slot: _Slot, options: Options) -> float:
    if line.spoken_rate is not None or not line.can_speed:
        return line.spoken_rate or 1.0
    needed = _pace_in(line, slot.close - slot.earliest)
    if needed <= options.speed * _UNNOTICED:
        return options.speed
    return max(options.speed, min(options.most_rate, needed))


def _least_stretches(ordered: Sequence[LineToPlace], slots: Sequence[_Slot], options: Options) -> list[float]:
    """What each line is stretched by for its own sake, for the speed that was asked for, and for its neighbours'."""
    paces = []
    for line, slot in zip(ordered, slots, strict=True):
        rate = line.spoken_rate or 1.0
        needed = _pace_in(line, slot.close - slot.earliest)
        paces.append(line.kept.stretch * rate if line.kept else min(options.most_stretch * rate, max(rate, needed)))
    bound = [line.kept is not None or line.can_speed for line in ordered]  # the others share their pace by their rates
    even = _evened(ordered, paces, bound, most=_MOST_SHARED * options.speed)
    ratios = [max(each, options.speed) / (line.spoken_rate or 1.0) for each, line in zip(even, ordered, strict=True)]
    return [min(options.most_stretch, ratio) if ratio > _UNNOTICED else 1.0 for ratio in ratios]


def _evened(
    ordered: Sequence[LineToPlace], paces: Sequence[float], bound: Sequence[bool], *, most: float
) -> list[float]:
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
    start = min(slot.limit, max(slot.earliest, free_from))
    stretch = max(least, line.seconds / max(slot.close - start, 1e-3))
    end = slot.close if stretch <= options.most_stretch else slot.limit
    stretch = min(options.most_stretch, _up(stretch, _DIGITS))
    needed = line.seconds / stretch
    cut = start + needed > end + 10**-_DIGITS
    end = _rounded(end if cut else min(end, start + needed))
    return Placement(
        number=line.number,
        start=min(_rounded(start), end),
        end=end,
        source_start=line.start,
        rate=line.rate or 1.0,
        stretch=stretch,
        fit="overflow" if cut else _fit(line, end, stretch, options),
    )


def _fit(line: LineToPlace, end: float, stretch: float, options: Options) -> Fit:
    """The last thing that had to be done for it."""
    if line.shortened:
        return "shortened"
    if stretch > 1.0:
        return "stretched"
    if (line.rate or 1.0) > options.speed:
        return "paced"
    return "absorbed" if end > line.end + _EXACT else "natural"


def _failed(line: LineToPlace, options: Options) -> Placement:
    start = _rounded(min(options.total, max(0.0, line.begin)))
    return line.kept or Placement(line.number, start, start, line.start, line.rate or 1.0, 1.0, "failed")


def _rounded(seconds: float) -> float:
    return round(float(seconds), _DIGITS)


def _up(number: float, digits: int) -> float:
    """Rounded up, but for what is only noise of the arithmetic."""
    return float(math.ceil(round(number * 10**digits, 6)) / 10**digits)

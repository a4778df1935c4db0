"""Words become lines: what one speaker says without a longer pause, one to eight seconds long. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from myna.audio.turns import Turn
from myna.kit.scripts import joined
from myna.transcription.schemas import SourceLine, TimedWord

_PAUSE = 0.45
"""Seconds of silence that end a line."""
_SHORT_PAUSE = 0.12
"""Seconds of silence that end a line after a full stop."""
_SHORTEST, _LONGEST = 1.0, 8.0
_BRIDGED = 0.8
"""Seconds of silence over which a short line may be joined with its neighbour."""
_NEAR_CHANGE = 0.6
"""Seconds by which the place where the speaker changes may be wrong; it is moved to the longest pause within."""
_ENDS = ".?!…。？！؟۔।"
_CLOSERS = "\"'”’»)]"


@dataclass(frozen=True, slots=True)
class _Spoken:
    word: TimedWord
    speaker: int


def split_lines(words: Sequence[TimedWord], turns: Sequence[Turn]) -> tuple[SourceLine, ...]:
    """The lines of words that were heard. Words without any punctuation get capitals and full stops."""
    spoken = _attributed(words, turns)
    groups = [part for group in _merged(_grouped(spoken)) for part in _short_enough(group)]
    bare = not any(_ends_sentence(item.text) for item in words)
    return tuple(_line(number, group, bare) for number, group in enumerate(groups, 1))


def lines_of(words_per_line: Sequence[Sequence[TimedWord]], turns: Sequence[Turn]) -> tuple[SourceLine, ...]:
    """The lines of a known text, as they are: each has at least one word, and the speaker who says most of it."""
    lines = []
    for number, words in enumerate(words_per_line, 1):
        speakers = Counter[int]()
        for item in words:
            speakers[_speaker_of(item, turns)] += max(1, round(100 * (item.end - item.start)))
        speaker = speakers.most_common(1)[0][0]
        lines.append(_line(number, [_Spoken(item, speaker) for item in words], False))
    return tuple(lines)


def _attributed(words: Sequence[TimedWord], turns: Sequence[Turn]) -> list[_Spoken]:
    """Each word with its speaker; changes lie in pauses where there is one near."""
    spoken = [_Spoken(item, _speaker_of(item, turns)) for item in words]
    gaps = [after.start - before.end for before, after in pairwise(words)]
    for place in range(1, len(spoken)):
        if spoken[place].speaker == spoken[place - 1].speaker:
            continue
        change = words[place].start
        near = [at for at in range(1, len(words)) if abs(words[at].start - change) <= _NEAR_CHANGE]
        best = max(near, key=lambda at: (round(gaps[at - 1], 2), -abs(at - place)))
        earlier, later = spoken[place - 1].speaker, spoken[place].speaker
        for at in range(min(best, place), max(best, place)):
            spoken[at] = replace(spoken[at], speaker=later if best < place else earlier)
    return spoken


def _speaker_of(item: TimedWord, turns: Sequence[Turn]) -> int:
    """Whoever speaks during most of the word, else the nearest; 1 when nobody is known."""
    if not turns:
        return 1

    def nearness(turn: Turn) -> float:
        return min(item.end, turn.end) - max(item.start, turn.start)

    return max(turns, key=nearness).speaker


def _grouped(spoken: Sequence[_Spoken]) -> list[list[_Spoken]]:
    groups: list[list[_Spoken]] = []
    for item in spoken:
        if not groups or _begins_line(groups[-1][-1], item):
            groups.append([])
        groups[-1].append(item)
    return groups


def _begins_line(before: _Spoken, item: _Spoken) -> bool:
    gap = item.word.start - before.word.end
    if before.speaker != item.speaker or gap >= _PAUSE:
        return True
    return gap >= _SHORT_PAUSE and _ends_sentence(before.word.text)


def _merged(groups: Sequence[list[_Spoken]]) -> list[list[_Spoken]]:
    """Very short lines go with a neighbour of the same speaker, the nearer one."""
    merged = list(groups)
    place = 0
    while place < len(merged):
        partner = _partner(merged, place) if _length(merged[place]) < _SHORTEST else None
        if partner is None:
            place += 1
        else:
            first = min(place, partner)
            merged[first : first + 2] = [merged[first] + merged[first + 1]]
            place = max(0, first - 1)
    return merged


def _partner(groups: Sequence[list[_Spoken]], place: int) -> int | None:
    mine = groups[place]
    gaps = {}
    for other in (place - 1, place + 1):
        if 0 <= other < len(groups) and groups[other][0].speaker == mine[0].speaker:
            first, second = (groups[other], mine) if other < place else (mine, groups[other])
            gap = second[0].word.start - first[-1].word.end
            if gap <= _BRIDGED and second[-1].word.end - first[0].word.start <= _LONGEST:
                gaps[other] = gap
    return min(gaps, key=lambda other: gaps[other]) if gaps else None


def _short_enough(group: list[_Spoken]) -> Iterator[list[_Spoken]]:
    """Cut at the longest pause, rather in the middle, until every part is short enough."""
    if _length(group) <= _LONGEST or len(group) < 2:
        yield group
        return
    start, length = group[0].word.start, _length(group)

    def fitness(place: int) -> float:
        gap = group[place].word.start - group[place - 1].word.end
        middle = abs((group[place].word.start - start) / length - 0.5)
        comma = 0.15 if group[place - 1].word.text[-1:] in ",;:،、" else 0.0
        return gap + comma - 0.4 * middle

    cut = max(range(1, len(group)), key=fitness)
    yield from _short_enough(group[:cut])
    yield from _short_enough(group[cut:])


def _length(group: Sequence[_Spoken]) -> float:
    return group[-1].word.end - group[0].word.start


def _ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSERS).endswith(tuple(_ENDS))


def _line(number: int, group: Sequence[_Spoken], bare: bool) -> SourceLine:
    words = tuple(item.word for item in group)
    text = joined(item.text for item in words)
    if bare:
        text = text[:1].upper() + text[1:] + "."
    start, end = min(item.start for item in words), max(item.end for item in words)
    return SourceLine(number, start, end, f"speaker-{group[0].speaker}", text, words)

"""Each line in its voice, at a rate and in a place that fit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from myna.dubbing.schemas import DubbedLine, Placement
from myna.dubbing.steps import Report, share
from myna.dubbing.store import DubStore, Part, Work
from myna.dubbing.takes import Take, Takes, named
from myna.dubbing.timeline import LineToPlace, Options, pace, place, rooms, too_long
from myna.errors import EngineFailed, InvalidRequest, MynaError, NotFound, Unavailable
from myna.translation.service import TranslationService

_SAME_RATE = 0.005
DEFAULT_LANGUAGE = "en"


class Speaking:
    """Speaks lines one after the other, so that people who wait for a voiceover find a free engine."""

    def __init__(self, store: DubStore, takes: Takes) -> None:
        self._store = store
        self._takes = takes

    async def spoken(
        self, work: Work, part: Part, rates: Mapping[int, float], report: Report | None = None
    ) -> tuple[Part, dict[str, float]]:
        """The lines of which `rates` says how fast, with their takes, and how long these are. What cannot be spoken is
        marked; raises `EngineFailed`, naming the line, when the request says so."""
        lines, seconds, done = [], dict(part.draft.seconds), 0
        for line in part.draft.lines:
            if line.number in rates:
                line = await self._line(work, part, line, rates[line.number], seconds)
                done += 1
                if report:
                    report(done / len(rates))
            lines.append(line)
        part = replace(part, draft=replace(part.draft, lines=tuple(lines), seconds=seconds))
        return part, seconds

    async def _line(
        self, work: Work, part: Part, line: DubbedLine, rate: float, seconds: dict[str, float]
    ) -> DubbedLine:
        try:
            take = await self._take(work, part.language, line, rate)
        except Unavailable:
            raise
        except (EngineFailed, InvalidRequest, NotFound) as error:
            failed = named(line, error, "spoken")
            line = replace(line, take="", fit="failed", error=failed.message)
            if work.dub.request.on_failed_line == "fail":
                await self._store.keep_draft(work.dub.id, part.with_lines(_with(part.draft.lines, line)))
                raise failed from error
            return line
        seconds[take.name] = take.seconds
        fit = "natural" if line.fit == "failed" else line.fit
        return replace(line, take=take.name, rate=rate, error=None, fit=fit)

    async def _take(self, work: Work, language: str, line: DubbedLine, rate: float) -> Take:
        if not line.text:
            raise InvalidRequest("It has no text.")
        return await self._takes.speak(work, language, line, rate)


class Speak(Speaking):
    """Each line at the rate of the request, to know how long it takes."""

    async def __call__(self, work: Work, report: Report) -> list[str]:
        engines = set()
        for number, part in enumerate(work.parts):
            rates = {}
            for line in part.draft.lines:
                if part.is_open(line):
                    rates[line.number] = await _first_rate(self._takes, work, line)
                    engines.add((await self._takes.voice(work, line.voice_id)).engine)
            of_part = share(report, number, len(work.parts))
            part, _ = await self.spoken(work, part, rates, of_part)
            if part.draft.lines and all(line.fit == "failed" for line in part.draft.lines):
                raise EngineFailed(part.draft.lines[0].error)
            await self._store.keep_draft(work.dub.id, part)
        return sorted(engines)


class Plan:
    """How fast each line is to be spoken, by the room that it has."""

    def __init__(self, store: DubStore, takes: Takes) -> None:
        self._store = store
        self._takes = takes

    async def __call__(self, work: Work, report: Report) -> None:
        for part in work.parts:
            lines = [await _to_place(self._takes, work, part, line, natural=True) for line in part.draft.lines]
            rates = await asyncio.to_thread(pace, lines, _options(work))
            planned = [
                replace(line, rate=rates[line.number]) if part.is_open(line) and line.take else line
                for line in part.draft.lines
            ]
            await self._store.keep_draft(work.dub.id, part.with_lines(planned))


class Fit(Speaking):
    """The lines at their rates and in their places. What is too long even so gets a shorter text where that is
    possible."""

    def __init__(self, store: DubStore, takes: Takes, translation: TranslationService) -> None:
        super().__init__(store, takes)
        self._translation = translation

    async def __call__(self, work: Work, report: Report) -> None:
        for number, part in enumerate(work.parts):
            if part.draft.fitted:
                continue  # a node died before this stage could count as done
            of_part = share(report, number, len(work.parts))
            rates = {line.number: line.rate for line in part.draft.lines if part.is_open(line) and line.take}
            part, _ = await self.spoken(work, part, rates, of_part)
            placed, shortened = await self._placed(work, part, frozenset()), frozenset[int]()
            long = [line for line in part.draft.lines if line.number in too_long(placed) and _may_shorten(part, line)]
            if long:
                part, shortened = await self._shortened(work, part, long)
                placed = await self._placed(work, part, shortened)
            part = part.with_lines(_settled(part, placed))
            await self._store.keep_draft(work.dub.id, replace(part, draft=replace(part.draft, fitted=True)))

    async def _placed(self, work: Work, part: Part, shortened: frozenset[int]) -> tuple[Placement, ...]:
        lines = [
            replace(await _to_place(self._takes, work, part, line, natural=False), shortened=line.number in shortened)
            for line in part.draft.lines
        ]
        return await asyncio.to_thread(place, lines, _options(work))

    async def _shortened(self, work: Work, part: Part, long: Sequence[DubbedLine]) -> tuple[Part, frozenset[int]]:
        """With fewer words for lines that are too long, where a translator can say the same in fewer."""
        texts = await self._ask(work, part, long)
        shorter = {
            line.number: text for line, text in zip(long, texts, strict=False) if text and len(text) < len(line.text)
        }
        if not shorter:
            return part, frozenset()
        changed = [
            replace(line, text=shorter[line.number]) if line.number in shorter else line for line in part.draft.lines
        ]
        rates = {line.number: line.rate for line in changed if line.number in shorter}
        spoken, _ = await self.spoken(work, part.with_lines(changed), rates)
        return spoken, frozenset(shorter)

    async def _ask(self, work: Work, part: Part, long: Sequence[DubbedLine]) -> Sequence[str]:
        source = work.dub.source_language or DEFAULT_LANGUAGE
        glossary = work.dub.request.glossary
        engine = work.dub.request.translator
        able = self._translation.can_shorten(source, part.language, glossary=bool(glossary), engine=engine)
        if part.language in work.dub.request.translations or not able:
            return ()
        lines = [await _to_place(self._takes, work, part, line, natural=False) for line in part.draft.lines]
        room = rooms(lines, _options(work))
        try:
            return await self._translation.translate(
                [line.source_text for line in long],
                source,
                part.language,
                glossary=glossary,
                seconds=[room[line.number] for line in long],
                shorten=True,
                engine=engine,
            )
        except MynaError:
            return ()  # a line that is cut and marked is better than none


async def _first_rate(takes: Takes, work: Work, line: DubbedLine) -> float:
    speed = work.dub.request.speed
    return speed if speed == 1.0 or await takes.can_speed(work, line.voice_id) else 1.0


async def _to_place(takes: Takes, work: Work, part: Part, line: DubbedLine, *, natural: bool) -> LineToPlace:
    """As the planner wants it: `natural`, with the seconds at rate 1 and the rate still open."""
    if not part.is_open(line):
        kept = Placement(line.number, line.start, line.end, line.source_start, line.rate, line.stretch, line.fit)
        seconds = line.end - line.start
        return LineToPlace(line.number, line.speaker, line.source_start, line.source_end, seconds, line.rate, kept=kept)
    seconds = part.draft.seconds.get(line.take, 0.0)
    can_speed = bool(line.take) and await takes.can_speed(work, line.voice_id)
    spoken_at = await _first_rate(takes, work, line) if line.take else 1.0
    source = next((known for known in work.dub.lines if known.number == line.number), None)
    moved = source is not None and abs(source.start - line.source_start) > 1e-3
    return LineToPlace(
        number=line.number,
        speaker=line.speaker,
        start=line.source_start,
        end=line.source_end,
        seconds=seconds * spoken_at if natural else seconds,
        rate=None if natural else line.rate,
        fixed_start=line.source_start if moved else None,
        can_speed=can_speed,
    )


def _options(work: Work) -> Options:
    request = work.dub.request
    return Options(total=work.dub.duration or 0.0, speed=request.speed, most_stretch=request.most_stretch)


def _may_shorten(part: Part, line: DubbedLine) -> bool:
    """Not what a person has written, nor what is kept."""
    return part.is_open(line) and not line.edited


def _settled(part: Part, placed: Sequence[Placement]) -> list[DubbedLine]:
    """The lines in their places."""
    places = {placement.number: placement for placement in placed}
    return [_in_place(line, places[line.number]) if part.is_open(line) else line for line in part.draft.lines]


def _in_place(line: DubbedLine, found: Placement) -> DubbedLine:
    return replace(
        line,
        start=found.start,
        end=found.end,
        rate=found.rate,
        stretch=found.stretch,
        fit=found.fit,
        edited=False,
    )


def _with(lines: Sequence[DubbedLine], changed: DubbedLine) -> list[DubbedLine]:
    return [changed if line.number == changed.number else line for line in lines]

"""Speech into text with times: heard by a recogniser, or, when the text is known, found in the sound."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

from myna.audio.activity import Segment, speech_segments
from myna.engines.base import Samples
from myna.engines.forgiving import forgiving
from myna.engines.host import EngineHost
from myna.engines.recognition import Recognised, RecognitionRequest
from myna.engines.registry import EngineRegistry
from myna.kit.threads import run_in_thread
from myna.kit.timed_text import TimedText
from myna.transcription.choosing import DEFAULT_LANGUAGE, Recognisers, offered
from myna.transcription.lines import split_lines
from myna.transcription.reading import read_along, reader_for, shared_out
from myna.transcription.schemas import Progress, ReadSound, TimedWord, Transcript
from myna.transcription.stretches import LONGEST, sound_of, stretches

_READY = 2
"""Pieces of a recording that wait for an engine all of whose processes have one, so that none has nothing to do."""
_MARGIN = 0.4
"""Seconds around words whose place is known roughly, in which they are looked for."""
_CUE_MARGIN = 0.2
_SHORTEST = 0.01
_EDGE = 0.05
"""Seconds by which the edges of speech may be wrong."""
_SURE = 0.6
"""How sure an engine must be of a language before it is believed at once."""
_ASKED = 3
"""Stretches of speech that may have a say in which language it is."""
_LINE_BY_LINE = 0.0
"""Seconds of lines that are looked for at once: a misheard word then spoils the times of its own line alone."""
_FAR = 0.5
"""Seconds between where a word was heard and where it is found that mean that another one was found."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Sound:
    read: ReadSound
    rate: int


@dataclass(frozen=True, slots=True)
class _Listening:
    """Who listens to what, and what was heard before, by the second at which it begins."""

    engine: str
    sound: _Sound
    wanted: RecognitionRequest
    known: Mapping[float, Recognised]


class TranscriptionService:
    """Chooses the engine by what it can do, and cuts what is long into pieces for it."""

    def __init__(self, engines: EngineHost, registry: EngineRegistry) -> None:
        self._engines = engines
        self._registry = registry
        self._recognisers = Recognisers(registry)

    def can(self, language: str | None) -> bool:
        """Whether an engine here understands the language; None: the one that is found out, else English."""
        return self._recognisers.preferred(language) is not None

    def recogniser(self, language: str | None, engine: str = "") -> str | None:
        """The name of the engine that would hear the language; None when none here understands it. Raises as `check`
        when an engine, or a model, is named.
        """
        able = self._recognisers.chosen(language, engine)[0] if engine else self._recognisers.preferred(language)
        return able.name if able else None

    def finds_language(self, engine: str = "") -> bool:
        """Whether the engine that would hear an unknown language, or the one that is named, finds out which it is."""
        able = self._recognisers.named(engine)[0] if engine else self._recognisers.preferred(None)
        return able is not None and able.detects_language

    def check(self, language: str | None, engine: str = "") -> None:
        """Raises `Unsupported`, which says what to do, unless an engine here understands the language; of an engine, or
        a model, that is named, unless that one does, and `EngineNotFound` when it is not here."""
        self._recognisers.chosen(language, engine)

    def check_name(self, engine: str) -> None:
        """Raises `EngineNotFound` unless an engine, or a model, of this name hears here."""
        self._recognisers.named(engine)

    async def transcribe(
        self,
        read: ReadSound,
        rate: int,
        *,
        language: str | None,
        segments: Sequence[Segment],
        progress: Progress | None = None,
        vocabulary: Sequence[str] = (),
        engine: str = "",
        exact_times: bool = True,
    ) -> Transcript:
        """All words of a source of any length; only pieces of 30 seconds are in memory.

        `vocabulary` are words that may be said, for engines that listen for them; `engine` names one, or one of its
        models. Without `exact_times`, words may be only about where they were heard. Raises what `check` raises, and
        what `EngineHost.recognise` raises after a second try.
        """
        able, model = self._recognisers.chosen(language, engine)
        sound, parts = _Sound(read, rate), list(stretches(segments, able.window_seconds))
        tag = language or (None if able.detects_language else offered(able, DEFAULT_LANGUAGE))
        wanted = RecognitionRequest(tag, vocabulary=tuple(vocabulary) if able.vocabulary else (), model=model)
        known: dict[float, Recognised] = {}
        if tag is None:
            known = await self._found_out(able.name, sound, parts, wanted)
            wanted = replace(wanted, language=next((heard.language for heard in known.values()), None))
        heard = await self._heard(_Listening(able.name, sound, wanted, known), parts, progress)
        words = tuple(_in_speech(heard.words, segments))
        if exact_times and not able.exact_timestamps:
            words = await self.sharpened(read, rate, words, language=heard.language, segments=segments)
        if progress:
            await progress(1.0)
        return Transcript(heard.language, words)

    async def align(
        self,
        read: ReadSound,
        rate: int,
        lines: Sequence[str],
        *,
        language: str,
        segments: Sequence[Segment],
        progress: Progress | None = None,
    ) -> tuple[tuple[TimedWord, ...], ...]:
        """The words of each line of a text that is said in these segments, in order. No line is without words.

        A synthetic reading finds them in any language that an engine speaks; a recogniser that can makes them exact.
        In other languages each word gets as much of the speech as it has letters. Raises as `transcribe`.
        """
        sound, tokens = _Sound(read, rate), [line.split() or [line] for line in lines]
        if not segments or not tokens:
            return tuple(tuple(TimedWord(token, 0.0, 0.0) for token in line) for line in tokens)
        reader = reader_for(self._registry, language)
        if reader:
            words = await read_along(self._engines, reader, tokens, read, rate, segments)
        else:
            words = shared_out(tokens, segments)
        if progress:
            await progress(0.5)
        refined = await self._refined(sound, words, language, segments)
        if progress:
            await progress(1.0)
        return tuple(tuple(_rounded(word) for word in line) for line in refined)

    async def align_cues(
        self, read: ReadSound, rate: int, cues: Sequence[TimedText], *, language: str
    ) -> tuple[tuple[TimedWord, ...], ...]:
        """The words of each subtitle, found about the time in which it is shown. Raises as `align`."""
        sound, spans = _Sound(read, rate), _spans(cues)
        limit = self._limit()

        async def one(cue: TimedText, span: Segment) -> tuple[TimedWord, ...]:
            async with limit:
                return await self._aligned_cue(sound, cue, span, language)

        return tuple(await _all(one(cue, span) for cue, span in zip(cues, spans, strict=True)))

    async def _aligned_cue(self, sound: _Sound, cue: TimedText, span: Segment, language: str) -> tuple[TimedWord, ...]:
        samples = await run_in_thread(sound.read, span.start, span.end)
        heard = await run_in_thread(speech_segments, samples, sound.rate)
        spoken = [Segment(span.start + part.start, span.start + part.end) for part in heard]
        if not spoken:
            return tuple(shared_out([cue.text.split() or [cue.text]], [Segment(cue.start, cue.end)])[0])
        found = await self.align(sound.read, sound.rate, [cue.text], language=language, segments=spoken)
        return found[0]

    async def _found_out(
        self, engine: str, sound: _Sound, parts: Sequence[Segment], wanted: RecognitionRequest
    ) -> dict[float, Recognised]:
        """What was heard at the beginning of some stretches in the language of which the engine is surest."""
        heard: dict[float, Recognised] = {}
        for part in parts[:_ASKED]:
            start, samples = await run_in_thread(next, sound_of(part, sound.read, sound.rate))
            heard[start] = await self._recognise(engine, samples, sound.rate, wanted)
            if heard[start].words and heard[start].language_probability >= _SURE:
                break
        said = [each for each in heard.values() if _found_language(each)]
        surest = max(said, key=lambda each: (bool(each.words), each.language_probability), default=None)
        return {start: each for start, each in heard.items() if surest and each.language == surest.language}

    async def sharpened(
        self, read: ReadSound, rate: int, words: Sequence[TimedWord], *, language: str, segments: Sequence[Segment]
    ) -> tuple[TimedWord, ...]:
        """Words that were heard about where they are, with the times of an engine that finds known words exactly.

        Those that it finds somewhere else keep their times, and all do in a language for which there is none.
        """
        sound = _Sound(read, rate)
        lines = [line.words for line in split_lines(words, ())]
        refined = await self._refined(sound, lines, language, segments, _LINE_BY_LINE) if lines else []
        exact: list[TimedWord] = []
        for word, found in zip(words, (found for line in refined for found in line), strict=True):
            near = abs(found.start - word.start) <= _FAR and abs(found.end - word.end) <= _FAR
            kept = found if near else word
            start = max(kept.start, exact[-1].start if exact else 0.0)
            exact.append(_rounded(TimedWord(word.text, start, max(start, kept.end))))
        return tuple(exact)

    async def _heard(self, listening: _Listening, parts: Sequence[Segment], progress: Progress | None) -> Transcript:
        """The words of some stretches; all processes of the engine hear at once."""
        limit, done = self._limit(), 0

        async def one(part: Segment) -> Transcript:
            nonlocal done
            async with limit:
                heard = await self._heard_in(listening, part)
            done += 1
            if progress:
                await progress(done / len(parts))
            return heard

        found = await _all(one(part) for part in parts)
        spoken = (each.language for each in found if each.words)
        tag = next(spoken, listening.wanted.language or DEFAULT_LANGUAGE)
        return Transcript(tag, tuple(word for each in found for word in each.words))

    async def _heard_in(self, listening: _Listening, part: Segment) -> Transcript:
        words: list[TimedWord] = []
        sound, wanted = listening.sound, listening.wanted
        pieces = sound_of(part, sound.read, sound.rate)
        while piece := await run_in_thread(next, pieces, None):
            start, samples = piece
            if len(samples):
                heard = listening.known.get(start) or await self._recognise(
                    listening.engine, samples, sound.rate, wanted
                )
                wanted = replace(wanted, language=wanted.language or _found_language(heard))
                words += [TimedWord(word.text, start + word.start, start + word.end) for word in heard.words]
        return Transcript(wanted.language or DEFAULT_LANGUAGE, tuple(words))

    async def _refined(
        self,
        sound: _Sound,
        lines: Sequence[Sequence[TimedWord]],
        language: str,
        segments: Sequence[Segment],
        longest: float = LONGEST,
    ) -> list[list[TimedWord]]:
        """The same words with the times of a recogniser, where one can find them in `longest` seconds at once."""
        able = self._recognisers.preferred(language, alignment=True)
        if able is None:
            return [list(line) for line in lines]
        limit = self._limit()
        groups = list(_neighbours(lines, longest))

        async def one(group: Sequence[Sequence[TimedWord]], least: float, most: float) -> list[list[TimedWord]]:
            async with limit:
                return await self._found(able.name, sound, group, language, least, most)

        edges = [segments[0].start, *(_middle(before, after) for before, after in pairwise(groups)), segments[-1].end]
        found = await _all(one(group, *span) for group, span in zip(groups, pairwise(edges), strict=True))
        return [_out_of_hush(line, segments) for group in found for line in group]

    async def _found(
        self,
        engine: str,
        sound: _Sound,
        lines: Sequence[Sequence[TimedWord]],
        language: str,
        least: float,
        most: float,
    ) -> list[list[TimedWord]]:
        """The words between two moments, looked for around the times that they have."""
        known = [word for line in lines for word in line]
        start = max(0.0, least - _MARGIN, known[0].start - _MARGIN)
        end = min(most + _MARGIN, known[-1].end + _MARGIN)
        text = " ".join(word.text for word in known)
        samples = await run_in_thread(sound.read, start, max(end, start + _SHORTEST))
        if not len(samples):
            return [list(line) for line in lines]
        heard = await self._recognise(engine, samples, sound.rate, RecognitionRequest(language, text))
        exact = iter(_exact(known, [TimedWord(w.text, start + w.start, start + w.end) for w in heard.words]))
        return [[next(exact) for _ in line] for line in lines]

    def _limit(self) -> asyncio.Semaphore:
        """Of the pieces of one recording that are read, and heard or waiting for it."""
        return asyncio.Semaphore(self._engines.processes + _READY)

    async def _recognise(self, engine: str, samples: Samples, rate: int, request: RecognitionRequest) -> Recognised:
        return await forgiving(engine, lambda: self._engines.recognise(engine, samples, rate, request))


def _found_language(heard: Recognised) -> str | None:
    """None when an engine could not find it out, as of sound in which it hears no speech."""
    return heard.language if heard.language_probability > 0 else None


async def _all(works: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Their results in order; when one fails, the others are stopped."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def _out_of_hush(line: Sequence[TimedWord], segments: Sequence[Segment]) -> list[TimedWord]:
    """The words of a line without what an aligner gave them of the silence before and after speech."""
    ends = [segment.end for segment in segments]
    moved: list[TimedWord] = []
    reached = 0.0
    for word in line:
        start, end = _spoken_part(word, segments, ends, leads=not moved)
        start = max(reached, start)
        reached = max(start, end)
        moved.append(TimedWord(word.text, start, reached))
    return moved


def _spoken_part(
    word: TimedWord, segments: Sequence[Segment], ends: Sequence[float], *, leads: bool
) -> tuple[float, float]:
    """From when to when within speech. A word that lies in a pause stays, unless it leads a line that begins soon."""
    first = bisect_right(ends, word.start)
    if first == len(segments):
        return word.start, word.end
    begins = segments[first].start
    if word.end <= begins:
        soon = leads and begins - word.end <= _MARGIN
        return (begins, begins) if soon else (word.start, word.end)
    last = max(place for place in range(first, len(segments)) if segments[place].start < word.end)
    return max(word.start, begins), min(word.end, segments[last].end)


def _in_speech(words: Iterable[TimedWord], segments: Sequence[Segment]) -> Iterator[TimedWord]:
    """Without what was heard where nobody speaks."""
    starts = [segment.start for segment in segments]
    for word in words:
        middle = (word.start + word.end) / 2
        place = bisect_right(starts, middle + _EDGE) - 1
        if place >= 0 and middle <= segments[place].end + _EDGE:
            yield _rounded(word)


def _rounded(word: TimedWord) -> TimedWord:
    """To the millisecond, which is more than anybody can tell."""
    return TimedWord(word.text, round(word.start, 3), round(word.end, 3))


def _spans(cues: Sequence[TimedText]) -> list[Segment]:
    """A little more than each subtitle has, but not into its neighbours."""
    spans = []
    for index, cue in enumerate(cues):
        before = cues[index - 1].end if index else 0.0
        after = cues[index + 1].start if index + 1 < len(cues) else cue.end + _CUE_MARGIN
        start = max(0.0, min(cue.start, max(before, cue.start - _CUE_MARGIN)))
        spans.append(Segment(start, max(cue.end, min(after, cue.end + _CUE_MARGIN), start + _SHORTEST)))
    return spans


def _neighbours(lines: Sequence[Sequence[TimedWord]], longest: float) -> list[list[Sequence[TimedWord]]]:
    """Lines that follow each other and together last at most so long; those that are longer by themselves."""
    groups: list[list[Sequence[TimedWord]]] = []
    for line in lines:
        if not groups or line[-1].end - groups[-1][0][0].start > longest:
            groups.append([])
        groups[-1].append(line)
    return groups


def _middle(before: Sequence[Sequence[TimedWord]], after: Sequence[Sequence[TimedWord]]) -> float:
    return (before[-1][-1].end + after[0][0].start) / 2


def _exact(known: Sequence[TimedWord], heard: Sequence[TimedWord]) -> list[TimedWord]:
    """Each known word with the time at which it was heard; one that was left out keeps its own, between the others."""
    rest = list(heard)
    if not rest:
        return list(known)
    found: list[TimedWord] = []
    reached = rest[0].start
    for word in known:
        if rest and rest[0].text == word.text:
            found.append(rest.pop(0))
        else:
            start = min(max(word.start, reached), rest[0].start if rest else max(word.start, reached))
            found.append(TimedWord(word.text, start, max(start, min(word.end, rest[0].start if rest else word.end))))
        reached = found[-1].end
    return found

"""What is said, in the languages of the dub, and who says it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from myna.dubbing.casting import cast
from myna.dubbing.editing import new_line
from myna.dubbing.schemas import DubbedLine, SourceLine
from myna.dubbing.steps import Report
from myna.dubbing.store import DubStore, Part, Work
from myna.dubbing.takes import named
from myna.dubbing.timeline import LineToPlace, Options, rooms
from myna.dubbing.wording import matched, text_lines
from myna.errors import EngineFailed, Unsupported
from myna.translation.service import TranslationService
from myna.voices.languages import base_language
from myna.voices.service import VoiceService

_LINES_AT_ONCE = 200
DEFAULT_LANGUAGE = "en"


class Translate:
    """The lines of each language, with a voice for each. Lines that are there already stay as they are."""

    def __init__(self, store: DubStore, translation: TranslationService, voices: VoiceService) -> None:
        self._store = store
        self._translation = translation
        self._voices = voices

    async def __call__(self, work: Work, report: Report) -> list[str]:
        for place, part in enumerate(work.parts):
            lines = part.target.lines or await self._translated(work, part.language)
            part = part.with_lines(await self._cast(work, part.language, lines))
            part = replace(part, draft=replace(part.draft, levels=part.target.levels))
            await self._store.keep_draft(work.dub.id, part)
            _refuse_failed(work, part)
            report((place + 1) / len(work.parts))
        return [engine for part in work.parts if (engine := self._engine(work, part))]

    def _engine(self, work: Work, part: Part) -> str:
        """Who translates into a language, in this run or in one that a dead node began; empty when nobody does."""
        dub, language = work.dub, part.language
        if part.finished_before or language in dub.request.translations:
            return ""
        source, glossary = dub.source_language or DEFAULT_LANGUAGE, bool(dub.request.glossary)
        try:
            return self._translation.engine_for(source, language, glossary=glossary, engine=dub.request.translator)
        except Unsupported:
            return ""  # it has gone since an earlier run

    async def _translated(self, work: Work, language: str) -> tuple[DubbedLine, ...]:
        source = work.dub.lines
        if given := work.dub.request.translations.get(language):
            texts = matched(text_lines(given, field="translations"), source, language)
            return tuple(new_line(line, text) for line, text in zip(source, texts, strict=True) if text)
        seconds = _seconds_for(source, work.dub.duration or 0.0)
        return tuple([line async for line in self._batches(work, language, source, seconds)])

    async def _batches(
        self, work: Work, language: str, source: Sequence[SourceLine], seconds: Sequence[float]
    ) -> AsyncIterator[DubbedLine]:
        for start in range(0, len(source), _LINES_AT_ONCE):
            batch = source[start : start + _LINES_AT_ONCE]
            room = seconds[start : start + _LINES_AT_ONCE]
            try:
                texts = await self._ask(work, language, batch, room)
            except EngineFailed:
                for line, one in zip(batch, room, strict=True):
                    yield await self._alone(work, language, line, one)
            else:
                for line, text in zip(batch, texts, strict=True):
                    yield new_line(line, text)

    async def _alone(self, work: Work, language: str, line: SourceLine, seconds: float) -> DubbedLine:
        """A batch failed: which of its lines was that?"""
        try:
            return new_line(line, (await self._ask(work, language, [line], [seconds]))[0])
        except EngineFailed as error:
            failed = replace(new_line(line, ""), fit="failed")
            return replace(failed, error=named(failed, error, "translated").message)

    async def _ask(
        self, work: Work, language: str, lines: Sequence[SourceLine], seconds: Sequence[float]
    ) -> Sequence[str]:
        return await self._translation.translate(
            [line.text for line in lines],
            work.dub.source_language or DEFAULT_LANGUAGE,
            language,
            glossary=work.dub.request.glossary,
            seconds=seconds,
            engine=work.dub.request.translator,
        )

    async def _cast(self, work: Work, language: str, lines: Sequence[DubbedLine]) -> list[DubbedLine]:
        if all(line.voice_id for line in lines):
            return list(lines)
        dub = work.dub
        voices = await self._voices.list(dub.account_id, language=base_language(language))
        choice = self._voices.chosen(dub.request.engine) if dub.request.engine else None
        stock = [voice for voice in voices if voice.kind == "stock" and (choice is None or choice.includes(voice))]
        chosen = cast(dub.speakers, language, dub.request, stock)
        return [line if line.voice_id else replace(line, voice_id=chosen[line.speaker]) for line in lines]


def _seconds_for(lines: Sequence[SourceLine], total: float) -> list[float]:
    """How long each line may take, with the silence after it."""
    open_lines = [LineToPlace(line.number, line.speaker, line.start, line.end, line.end - line.start) for line in lines]
    room = rooms(open_lines, Options(total))
    return [room[line.number] for line in lines]


def _refuse_failed(work: Work, part: Part) -> None:
    """Raises `EngineFailed` for the first line that could not be translated, unless failed lines are to be marked."""
    failed = [line for line in part.draft.lines if line.fit == "failed" and line.error and not line.text]
    if failed and (work.dub.request.on_failed_line == "fail" or len(failed) == len(part.draft.lines)):
        raise EngineFailed(failed[0].error, line=failed[0].number)

"""Where somebody speaks, who that is, and what is said."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from myna.audio.activity import BLOCK_SECONDS, Segment, speech_segments
from myna.audio.turns import Turn, Turns, VoiceWindow, turns_known_in_part, turns_of, windows_of
from myna.dubbing.cloning import SpeakerClones
from myna.dubbing.files import DubFiles
from myna.dubbing.schemas import SourceLine, Speaker
from myna.dubbing.stages.separating import SEGMENTS, VOICE, read_segments
from myna.dubbing.stages.taking_in import ORIGINAL, SPEECH, SPEECH_RATE, SUBTITLES
from myna.dubbing.steps import Report
from myna.dubbing.store import DubStore, Work
from myna.dubbing.threads import SharedSound
from myna.dubbing.wording import TextLines, text_lines
from myna.errors import UnsupportedMedia
from myna.kit.threads import run_in_thread
from myna.transcription.lines import lines_of, split_lines
from myna.transcription.schemas import ReadSound
from myna.transcription.service import TranscriptionService

TURNS = "turns.json"
DEFAULT_LANGUAGE = "en"
_STRETCH_SECONDS = 120.0
"""So much sound is listened to at once."""
_LONGEST_NAME = 200
_LEAD = 0.04
"""Seconds from the beginning of a stretch of speech to the first sound: 54 ms in the median of 150 sentences by five
synthetic voices, with music and without, and less for one in ten."""
_UNSURE_SECONDS = 2.0
"""Speech that ends this near to the end of a stretch is listened to again with what follows."""


class Listen:
    """Where somebody speaks."""

    def __init__(self, files: DubFiles) -> None:
        self._files = files

    async def __call__(self, work: Work, report: Report) -> None:
        if await self._files.has(*work.place, SEGMENTS):
            return
        path = await self._files.local(*work.place, SPEECH)
        segments = await _segments_of(path, report) or _timed_speech(work)
        if not segments:
            raise UnsupportedMedia("Nobody speaks in this source. Send a transcript with times (SRT or WebVTT) if so.")
        data = json.dumps([[segment.start, segment.end] for segment in segments]).encode()
        await self._files.put(*work.place, SEGMENTS, data)


class Speakers:
    """Who speaks when, and voices of their own for them when that is wanted."""

    def __init__(self, files: DubFiles, store: DubStore, clones: SpeakerClones) -> None:
        self._files = files
        self._store = store
        self._clones = clones

    async def __call__(self, work: Work, report: Report) -> None:
        if not await self._files.has(*work.place, TURNS):
            path = await _speech_of(self._files, work)
            segments = await read_segments(self._files, work)
            windows = await _windows_of(path, segments, report)
            script = _sent_script(work)
            names = script.names if script else ()
            if script and names:
                found = await run_in_thread(turns_known_in_part, windows, _named_turns(script))
            else:
                found = await run_in_thread(turns_of, windows, work.dub.request.speakers)
            await self._store.keep_speakers(work.dub.id, _speakers(found, names, work.dub.speakers))
            turns = json.dumps([[turn.start, turn.end, turn.speaker] for turn in found.turns]).encode()
            await self._files.put(*work.place, TURNS, turns)
            work = await self._store.load(work.job)
        if work.dub.request.clone_speakers:
            original = await self._files.local(*work.place, ORIGINAL)
            await self._clones.make(work, original, await read_turns(self._files, work))


class Transcribe:
    """What is said, line by line: heard, or found in the sound when the text is known."""

    def __init__(self, files: DubFiles, store: DubStore, transcription: TranscriptionService) -> None:
        self._files = files
        self._store = store
        self._transcription = transcription

    async def __call__(self, work: Work, report: Report) -> Sequence[str] | None:
        if work.dub.lines:
            return None
        segments = await read_segments(self._files, work)
        turns = await read_turns(self._files, work)
        script = await self._script(work)
        with SharedSound(await _speech_of(self._files, work)) as sound:
            read = sound.read
            if script is None:
                language, lines = await self._heard(work, read, segments, turns, report)
            else:
                language = work.dub.request.source_language or DEFAULT_LANGUAGE
                lines = await self._found(script, read, language, segments, turns, report)
        if not lines:
            raise UnsupportedMedia("No word of this source was understood. Send what is said as a transcript.")
        told = set(_timed_speech(work))
        heard = [segment for segment in segments if segment not in told]
        await self._store.keep_lines(work.dub.id, language, map(_rounded, _begun(lines, heard)))
        return [] if script else self._hearing(work)

    def _hearing(self, work: Work) -> list[str]:
        """The engine that heard it, if it is still here."""
        wanted = work.dub.request
        return list(filter(None, [self._transcription.recogniser(wanted.source_language, wanted.recogniser)]))

    async def _script(self, work: Work) -> TextLines | None:
        if work.dub.request.use_subtitles:
            own = (await self._files.get(*work.place, SUBTITLES)).decode()
            return text_lines(own, field="use_subtitles")
        return _sent_script(work)

    async def _heard(
        self, work: Work, read: ReadSound, segments: Sequence[Segment], turns: Sequence[Turn], report: Report
    ) -> tuple[str, tuple[SourceLine, ...]]:
        heard = await self._transcription.transcribe(
            read,
            SPEECH_RATE,
            language=work.dub.request.source_language,
            segments=segments,
            progress=_awaitable(report),
            vocabulary=tuple(work.dub.request.glossary),
            engine=work.dub.request.recogniser,
        )
        return heard.language, split_lines(heard.words, turns)

    async def _found(
        self,
        script: TextLines,
        read: ReadSound,
        language: str,
        segments: Sequence[Segment],
        turns: Sequence[Turn],
        report: Report,
    ) -> tuple[SourceLine, ...]:
        if script.timed:
            words = await self._transcription.align_cues(read, SPEECH_RATE, script.cues, language=language)
            return _said_by_name(lines_of(words, turns), script)
        words = await self._transcription.align(
            read, SPEECH_RATE, script.lines, language=language, segments=segments, progress=_awaitable(report)
        )
        return lines_of(words, turns)


async def read_turns(files: DubFiles, work: Work) -> tuple[Turn, ...]:
    """Who speaks when, as `Speakers` has found."""
    return tuple(Turn(*turn) for turn in json.loads(await files.get(*work.place, TURNS)))


async def _speech_of(files: DubFiles, work: Work) -> Path:
    """What to listen to: the voices alone, where an engine has taken them out of the rest."""
    return await files.local(*work.place, VOICE if await files.has(*work.place, VOICE) else SPEECH)


async def _segments_of(path: Path, report: Report) -> list[Segment]:
    """The stretches of speech in a file of any length, a part at a time."""
    found: list[Segment] = []
    at = 0.0
    with SharedSound(path) as sound:
        total = sound.seconds
        while at < total:
            end = min(total, at + _STRETCH_SECONDS)
            samples = await run_in_thread(sound.read, at, end)
            heard = await run_in_thread(speech_segments, samples, SPEECH_RATE)
            here = [Segment(at + segment.start, at + segment.end) for segment in heard]
            last = end >= total
            sure = here if last else [segment for segment in here if segment.end < end - _UNSURE_SECONDS]
            found += sure
            at = total if last else _next_start(here, sure, at, end)
            report(at / max(total, 1e-9))
    return found


def _next_start(here: Sequence[Segment], sure: Sequence[Segment], at: float, end: float) -> float:
    """Where to go on listening: before speech that was cut off, unless all of the stretch was one speech."""
    unsure = here[len(sure) :]
    if not unsure:
        return end
    return unsure[0].start if unsure[0].start > at + _UNSURE_SECONDS else end


def _sent_script(work: Work) -> TextLines | None:
    sent = work.dub.request.transcript
    return None if sent is None else text_lines(sent, field="transcript")


def _timed_speech(work: Work) -> list[Segment]:
    """Where a transcript with times says that somebody speaks."""
    script = _sent_script(work)
    return [Segment(cue.start, cue.end) for cue in script.cues if cue.end > cue.start] if script else []


def _named_turns(script: TextLines) -> list[Turn]:
    """Who speaks when, as the subtitles say it."""
    numbers = {name: number for number, name in enumerate(script.names, 1)}
    return [Turn(cue.start, cue.end, numbers[cue.speaker]) for cue in script.cues if cue.speaker]


def _said_by_name(lines: Sequence[SourceLine], script: TextLines) -> tuple[SourceLine, ...]:
    """The lines of cues, each with the speaker whom its cue names, if it does."""
    own_ids = {name: f"speaker-{number}" for number, name in enumerate(script.names, 1)}
    pairs = zip(lines, script.cues, strict=True)
    return tuple(replace(line, speaker=own_ids[cue.speaker]) if cue.speaker else line for line, cue in pairs)


async def _windows_of(path: Path, segments: Sequence[Segment], report: Report) -> list[VoiceWindow]:
    windows: list[VoiceWindow] = []
    with SharedSound(path) as sound:
        for group in _groups(segments):
            start, end = group[0].start, group[-1].end
            inside = [Segment(segment.start - start, segment.end - start) for segment in group]
            samples = await run_in_thread(sound.read, start, end)
            windows += await run_in_thread(windows_of, samples, SPEECH_RATE, inside, start)
            report(0.9 * end / max(end, segments[-1].end))
    return windows


def _groups(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Neighbours that together are no longer than a stretch."""
    group: list[Segment] = []
    for segment in segments:
        if group and segment.end - group[0].start > _STRETCH_SECONDS:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _speakers(found: Turns, names: Sequence[str], known: Sequence[Speaker]) -> list[Speaker]:
    """`names` are those of the first speakers."""
    chosen = {speaker.id: speaker.voice_id for speaker in known}
    speakers = []
    for number, (pitch, seconds) in enumerate(zip(found.pitches, found.seconds, strict=True), 1):
        own_id = f"speaker-{number}"
        name = names[number - 1][:_LONGEST_NAME] if number <= len(names) else f"Speaker {number}"
        speakers.append(Speaker(own_id, name, pitch, round(seconds, 3), chosen.get(own_id)))
    return speakers or [Speaker("speaker-1", "Speaker 1", 0.0, 0.0, chosen.get("speaker-1"))]


def _awaitable(report: Report) -> Callable[[float], Awaitable[None]]:
    async def say(done: float) -> None:
        report(done)

    return say


def _begun(lines: Sequence[SourceLine], segments: Sequence[Segment]) -> list[SourceLine]:
    """The lines without the moment of quiet that a stretch of speech begins with: the voice is wanted at once."""
    starts = [segment.start for segment in segments]
    places = [bisect_right(starts, line.start + BLOCK_SECONDS) - 1 for line in lines]
    return [
        _from(line, starts[place] + _LEAD) if place >= 0 else line for line, place in zip(lines, places, strict=True)
    ]


def _from(line: SourceLine, onset: float) -> SourceLine:
    first, *others = line.words
    if not line.start < onset < first.end:
        return line
    return replace(line, start=onset, words=(replace(first, start=max(first.start, onset)), *others))


def _rounded(line: SourceLine) -> SourceLine:
    """To thousandths of a second, as people write them."""
    words = (replace(word, start=round(word.start, 3), end=round(word.end, 3)) for word in line.words)
    return replace(line, start=round(line.start, 3), end=round(line.end, 3), words=tuple(words))

"""Sound and pictures together, looked at once more, and handed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from myna.db.session import Database
from myna.dubbing import pricing
from myna.dubbing.files import SOURCE, DubFiles
from myna.dubbing.schemas import DubbedLine, DubFile, SourceLine
from myna.dubbing.stages.mixing import dialogue_name, mix_name
from myna.dubbing.stages.separating import BED, VOICE, bed_maker
from myna.dubbing.stages.taking_in import SOUND_RATE, SPEECH
from myna.dubbing.steps import Report
from myna.dubbing.store import DubStore, Part, Work
from myna.dubbing.subtitles import Cue, cues_of, to_srt, to_vtt
from myna.jobs.service import JobService
from myna.kit import ids
from myna.media.mux import Expected, Mux, SubtitleText, mux, verify
from myna.media.probe import MediaInfo, PacketDigest, packet_hash
from myna.outputs.schemas import NewOutput
from myna.outputs.service import OutputService

MEDIA_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
}
DEFAULT_LANGUAGE = "en"


class MuxStage:
    """The source with its new sound: pictures as they were, languages named, subtitles beside."""

    def __init__(self, files: DubFiles) -> None:
        self._files = files

    async def __call__(self, work: Work, report: Report) -> None:
        for number, part in enumerate(work.parts):
            name = result_name(work, part.language)
            if not await self._files.has(*work.place, name):
                await self._part(work, part, name)
            await self._subtitles(work, part)
            report((number + 1) / len(work.parts))

    async def _part(self, work: Work, part: Part, name: str) -> None:
        path = self._files.scratch(work.dub.id)
        try:
            await mux(
                Mux(
                    source=await self._files.local(*work.place, SOURCE),
                    target=path,
                    container=_info(work).result_container,
                    dub=await self._files.local(*work.place, mix_name(work, part.language)),
                    dub_language=part.language,
                    original_language=work.dub.source_language or DEFAULT_LANGUAGE,
                    keep_original=_keeps_original(work),
                    subtitles=tuple(_soft_subtitles(work, part)),
                )
            )
            await self._files.keep(*work.place, name, path)
        finally:
            path.unlink(missing_ok=True)

    async def _subtitles(self, work: Work, part: Part) -> None:
        names = {speaker.id: speaker.name for speaker in work.dub.speakers}
        both = ("source", _source_cues(work.dub.lines)), ("target", _target_cues(part.draft.lines))
        for name, spoken in both:
            cues = [replace(cue, speaker=names.get(cue.speaker or "")) for cue in spoken]
            await self._files.put(*work.place, _beside(work, part.language, f"{name}.srt"), to_srt(cues).encode())
            await self._files.put(*work.place, _beside(work, part.language, f"{name}.vtt"), to_vtt(cues).encode())


class Verify:
    """What was written is read again: lengths, tracks, languages, and the very pictures of the source."""

    def __init__(self, files: DubFiles) -> None:
        self._files = files

    async def __call__(self, work: Work, report: Report) -> None:
        source = await self._files.local(*work.place, SOURCE)
        pictures = await packet_hash(source) if _info(work).video else None
        for number, part in enumerate(work.parts):
            path = await self._files.local(*work.place, result_name(work, part.language))
            await verify(path, _expected(work, part, pictures))
            report((number + 1) / len(work.parts))


class Publish:
    """The dub is done: charged, recorded and told, all in one transaction."""

    def __init__(
        self, database: Database, jobs: JobService, outputs: OutputService, files: DubFiles, store: DubStore
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._outputs = outputs
        self._files = files
        self._store = store

    async def __call__(self, work: Work, report: Report) -> None:
        parts = [await self._with_files(work, part) for part in work.parts]
        work = Work(work.job, work.dub, tuple(parts))
        await self._tidy(work)
        outputs = {part.language: _output(work, part, first=place == 0) for place, part in enumerate(parts)}
        spoken = [line for part in parts for line in part.draft.lines if part.is_open(line)]
        async with self._database.transaction():
            job = await self._jobs.succeed(work.job.id, charge=pricing.charge_for(work.job.price, spoken, _paid(work)))
            for output in outputs.values():
                await self._outputs.record(job, output)
            await self._store.publish(work, {language: output.id for language, output in outputs.items()})

    async def _with_files(self, work: Work, part: Part) -> Part:
        language = part.language
        names = {
            "result": result_name(work, language),
            "dialogue": dialogue_name(work, language),
            **({"bed": BED} if work.dub.request.background else {}),
            **{f"{whose}_{kind}": _beside(work, language, f"{whose}.{kind}") for whose, kind in _SUBTITLES},
        }
        files = {name: await self._file(work, part, name, where) for name, where in names.items()}
        if "bed" in files:
            files["bed"] = replace(files["bed"], made_by=await bed_maker(self._files, work))
        return _with_files(part, files)

    async def _file(self, work: Work, part: Part, name: str, where: str) -> DubFile:
        size = await self._files.size(*work.place, where)
        ending = where.rpartition(".")[2]
        return DubFile(
            self._files.key(*work.place, where), _file_name(work, part, name, ending), MEDIA_TYPES[ending], size
        )

    async def _tidy(self, work: Work) -> None:
        """What nobody will ask for any more: the mixes, and takes of lines that are spoken otherwise now. It goes
        while the job still runs, as the next one might find such a take, and count on it."""
        mixes = [mix_name(work, part.language) for part in work.parts]
        await self._files.remove(*work.place, SPEECH, VOICE, *mixes)
        await self._files.keep_takes(*work.place, _takes(work))


_SUBTITLES = (("source", "srt"), ("source", "vtt"), ("target", "srt"), ("target", "vtt"))


def result_name(work: Work, language: str) -> str:
    info = _info(work)
    return _beside(work, language, f"{'video' if info.video else 'audio'}.{info.result_container}")


def _beside(work: Work, language: str, name: str) -> str:
    return f"{language}/{work.job.id}/{name}"


def _info(work: Work) -> MediaInfo:
    return MediaInfo.from_json(dict(work.dub.source))


def _soft_subtitles(work: Work, part: Part) -> Iterable[SubtitleText]:
    if work.dub.request.subtitles and _info(work).video:
        yield SubtitleText(part.language, _target_cues(part.draft.lines))
        yield SubtitleText(work.dub.source_language or DEFAULT_LANGUAGE, _source_cues(work.dub.lines))


def _keeps_original(work: Work) -> bool:
    """A sound alone has one track."""
    return work.dub.request.keep_original and _info(work).video is not None


def _expected(work: Work, part: Part, pictures: PacketDigest | None) -> Expected:
    original = [work.dub.source_language or DEFAULT_LANGUAGE] if _keeps_original(work) else []
    return Expected(
        seconds=work.dub.duration or 0.0,
        languages=(part.language, *original),
        subtitle_languages=tuple(text.language for text in _soft_subtitles(work, part)),
        pictures=pictures,
    )


def _source_cues(lines: Iterable[SourceLine]) -> tuple[Cue, ...]:
    return cues_of(Cue(line.start, line.end, line.text, line.speaker) for line in lines)


def _target_cues(lines: Iterable[DubbedLine]) -> tuple[Cue, ...]:
    """Of what is heard; a line that is missing has no subtitle either."""
    return cues_of(Cue(line.start, line.end, line.text, line.speaker) for line in lines if line.take)


def _with_files(part: Part, files: dict[str, DubFile]) -> Part:
    return replace(part, draft=replace(part.draft, files=files))


def _file_name(work: Work, part: Part, name: str, ending: str) -> str:
    """`holiday.es.mp4`, `holiday.es.dialogue.flac`, `holiday.en.srt`."""
    stem = Path(work.dub.name).stem or "dub"
    match name:
        case "result" | "target_srt" | "target_vtt":
            return f"{stem}.{part.language}.{ending}"
        case "source_srt" | "source_vtt":
            return f"{stem}.{work.dub.source_language or DEFAULT_LANGUAGE}.{ending}"
        case "dialogue":
            return f"{stem}.{part.language}.dialogue.{ending}"
        case _:
            return f"{stem}.background.{ending}"


def _output(work: Work, part: Part, *, first: bool) -> NewOutput:
    """The record of a result. The API that took the job may have named the first one."""
    wanted: dict[str, Any] = work.job.details.get("output", {}) if first else {}
    file = part.draft.files["result"]
    return NewOutput(
        id=wanted.get("id") or ids.derived_uuid(work.job.id, "output", part.language),
        object_key=file.object_key,
        file_name=wanted.get("file_name") or file.file_name,
        media_type=file.media_type,
        size=file.size,
        duration=work.dub.duration or 0.0,
        sample_rate=SOUND_RATE,
        waveform=part.draft.waveform,
        text="\n".join(line.text for line in part.draft.lines if line.take),
        settings=wanted.get("settings") or {"dub_id": work.dub.id, "language": part.language},
        was_auto_submitted=bool(wanted.get("was_auto_submitted")),
    )


def _takes(work: Work) -> set[str]:
    """Those that are heard in any language, when this job is done."""
    spoken = {line.take for part in work.parts for line in part.draft.lines}
    at_work = {part.language for part in work.parts}
    return spoken | {
        line.take for target in work.dub.targets if target.language not in at_work for line in target.lines
    }


def _paid(work: Work) -> float:
    """Seconds of speech that the job was to make."""
    return sum(
        line.source_end - line.source_start for part in work.parts for line in part.draft.lines if part.is_open(line)
    )

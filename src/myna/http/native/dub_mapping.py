"""Dubs, between our words and the native API's. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from myna.dubbing.schemas import Dub, DubbedLine, DubFile, DubRequest, DubTarget, LineEdit, Quote
from myna.http.native import dub_schemas as schemas
from myna.http.native.mapping import credits_of, job_error
from myna.kit.pagination import Cursor, Page

Link = Callable[[DubFile], tuple[str, datetime]]
"""The address of a file, and until when it works."""


def dub_request(options: schemas.DubOptions, *, file_name: str, url: str | None, voices: dict[str, str]) -> DubRequest:
    """`voices`: the ids of the voices that are named, by their names."""
    return DubRequest(
        target_languages=tuple(options.target_languages),
        source_language=options.source_language,
        source_url=url,
        file_name=options.name or file_name,
        voice_id=voices[options.voice] if options.voice else None,
        voices={speaker: voices[name] for speaker, name in options.voices.items()},
        engine=options.engine or "",
        recogniser=options.recogniser or "",
        translator=options.translator or "",
        separator=options.separator or "",
        clone_speakers=options.clone_speakers,
        speakers=options.speakers,
        transcript=options.transcript,
        use_subtitles=options.use_subtitles,
        translations=dict(options.translations),
        glossary=dict(options.glossary),
        speed=options.speed,
        seed=options.seed,
        most_stretch=options.most_stretch,
        on_failed_line=options.on_failed_line,
        keep_original=options.keep_original,
        subtitles=options.subtitles,
        background=options.background,
    )


def line_edit(body: schemas.LineBody, voice_id: str | None) -> LineEdit:
    return LineEdit(text=body.text, speaker=body.speaker, voice_id=voice_id, start=body.start, end=body.end)


def dub(found: Dub, link: Link) -> schemas.Dub:
    job = found.job
    return schemas.Dub(
        id=found.id,
        job_id=job.id,
        name=found.name,
        status=job.status,
        stage=job.stage,
        progress=job.progress,
        price=credits_of(job.price),
        charged=credits_of(job.charged),
        error=job_error(job),
        duration=found.duration,
        source_language=found.source_language,
        speakers=[
            schemas.DubSpeaker(
                id=speaker.id,
                name=speaker.name,
                pitch=speaker.pitch,
                seconds=speaker.seconds,
                voice=speaker.voice_id,
            )
            for speaker in found.speakers
        ],
        targets=[_target(target, link) for target in found.targets],
        bed=found.bed,
        stages={
            name: schemas.Stage(starts=record.starts, seconds=record.seconds, engines=list(record.engines))
            for name, record in found.stages.items()
        },
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _target(target: DubTarget, link: Link) -> schemas.DubTarget:
    return schemas.DubTarget(
        language=target.language,
        output_id=target.output_id,
        files={name: _file(file, link) for name, file in target.files.items()},
        changed_lines=[line.number for line in target.changed],
        marked_lines=[line.number for line in target.lines if line.fit in ("overflow", "failed")],
    )


def _file(file: DubFile, link: Link) -> schemas.DubFile:
    url, expires_at = link(file)
    return schemas.DubFile(
        url=url, url_expires_at=expires_at, file_name=file.file_name, media_type=file.media_type, size=file.size
    )


def dub_cursor(page: Page[Dub]) -> str | None:
    last = page.items[-1] if page.has_more and page.items else None
    return Cursor(last.created_at, last.id).encode() if last else None


def line(found: DubbedLine) -> schemas.DubLine:
    return schemas.DubLine(
        number=found.number,
        speaker=found.speaker,
        voice=found.voice_id,
        source_text=found.source_text,
        text=found.text,
        source_start=round(found.source_start, 3),
        source_end=round(found.source_end, 3),
        start=round(found.start, 3),
        end=round(found.end, 3),
        rate=round(found.rate, 4),
        stretch=round(found.stretch, 4),
        fit=found.fit,
        error=found.error,
        changed=found.edited,
    )


def quote(found: Quote) -> schemas.Quote:
    lines = {language: list(numbers) for language, numbers in found.lines.items()}
    return schemas.Quote(price=credits_of(found.price), seconds=found.seconds, lines=lines)

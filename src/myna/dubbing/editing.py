"""Changes to single lines and speakers of a dub that is not being worked on. Pure."""

from __future__ import annotations

from dataclasses import replace

from myna.dubbing.schemas import Dub, DubbedLine, DubTarget, LineEdit, SourceLine
from myna.dubbing.wording import TextLines, matched
from myna.errors import InvalidRequest, NotFound, TextTooLong

_SHORTEST_SECONDS = 0.1


def new_line(line: SourceLine, text: str) -> DubbedLine:
    """A line of the source in another language, without a voice as yet."""
    return DubbedLine(
        number=line.number,
        speaker=line.speaker,
        voice_id="",
        source_text=line.text,
        text=" ".join(text.split()),
        source_start=line.start,
        source_end=line.end,
        start=line.start,
        end=line.end,
    )


def with_script(dub: Dub, target: DubTarget, script: TextLines, most_characters: int) -> tuple[DubbedLine, ...]:
    """The lines of a language with the texts of a script; those whose text is another one now are to be spoken anew.

    Raises `InvalidRequest` when the script does not go with the lines of the source, or leaves out a line that is
    there, and `TextTooLong`.
    """
    texts = matched(script, dub.lines, target.language, field="text")
    there = {line.number: line for line in target.lines}
    lines = []
    for source, text in zip(dub.lines, texts, strict=True):
        line = there.get(source.number)
        if line and not text:
            raise InvalidRequest(f"The script says nothing for line {source.number}.", field="text")
        if text:
            _check_text(text, most_characters)
            lines.append(_with_text(line or replace(new_line(source, ""), edited=True), text))
    return tuple(lines)


def _with_text(line: DubbedLine, text: str) -> DubbedLine:
    return line if line.text == text else replace(line, text=text, edited=True, error=None)


def changed_line(dub: Dub, target: DubTarget, number: int, change: LineEdit, most_characters: int) -> DubbedLine:
    """The line with the change. Raises `NotFound`, `InvalidRequest`, `TextTooLong`."""
    line = next((line for line in target.lines if line.number == number), None)
    if line is None and not target.lines:
        raise NotFound("The lines of this language are not there yet. Send a script of all of them, or wait.")
    if line is None:
        raise NotFound(f"There is no line {number}. The lines have the numbers 1 to {len(target.lines)}.")
    _check_text(change.text, most_characters)
    wanted = replace(
        line,
        text=line.text if change.text is None else " ".join(change.text.split()),
        speaker=change.speaker or line.speaker,
        voice_id=change.voice_id or _voice_of(dub, target, line, change.speaker),
        source_start=line.source_start if change.start is None else change.start,
        source_end=line.source_end if change.end is None else change.end,
    )
    if change.start is not None and change.end is None:
        wanted = replace(wanted, source_end=change.start + line.source_end - line.source_start)
    _check_times(dub, wanted)
    return line if wanted == line else replace(wanted, edited=True, error=None)


def revoiced(dub: Dub, speaker_id: str, name: str | None, voice_id: str | None, language: str | None = None) -> Dub:
    """With another name, or voice (in one language or in all), for a speaker. Raises `NotFound`."""
    if all(speaker.id != speaker_id for speaker in dub.speakers):
        raise NotFound(f"There is no speaker `{speaker_id[:40]}` in this dub.")
    everywhere = voice_id if language is None else None
    speakers = tuple(
        replace(speaker, name=name or speaker.name, voice_id=everywhere or speaker.voice_id)
        if speaker.id == speaker_id
        else speaker
        for speaker in dub.speakers
    )
    if voice_id is None:
        return replace(dub, speakers=speakers)
    concerned = {target.language for target in dub.targets if language in (None, target.language)}
    targets = tuple(
        replace(target, lines=_revoiced(target, speaker_id, voice_id)) if target.language in concerned else target
        for target in dub.targets
    )
    voices = {**dub.request.voices, **{f"{tag}/{speaker_id}": voice_id for tag in concerned}}
    return replace(dub, speakers=speakers, targets=targets, request=replace(dub.request, voices=voices))


def _revoiced(target: DubTarget, speaker_id: str, voice_id: str) -> tuple[DubbedLine, ...]:
    return tuple(
        replace(line, voice_id=voice_id, edited=True, error=None)
        if line.speaker == speaker_id and line.voice_id != voice_id
        else line
        for line in target.lines
    )


def _voice_of(dub: Dub, target: DubTarget, line: DubbedLine, speaker_id: str | None) -> str:
    """That of the speaker's other lines; empty when there are none, so that one is chosen when it is spoken."""
    if speaker_id in (None, line.speaker):
        return line.voice_id
    if all(speaker.id != speaker_id for speaker in dub.speakers):
        known = ", ".join(speaker.id for speaker in dub.speakers)
        raise InvalidRequest(f"There is no such speaker in this dub. There are: {known}.", field="speaker")
    return next((other.voice_id for other in target.lines if other.speaker == speaker_id), "")


def _check_text(text: str | None, most_characters: int) -> None:
    if text is None:
        return
    if not text.strip():
        raise InvalidRequest("The text is empty.", field="text")
    if "\0" in text:
        raise InvalidRequest("The character U+0000 is not text.", field="text")
    if len(text) > most_characters:
        raise TextTooLong(f"The text has {len(text)} characters; this server takes {most_characters}.", field="text")


def _check_times(dub: Dub, line: DubbedLine) -> None:
    total = dub.duration or 0.0
    if not (0 <= line.source_start < line.source_end <= total + 1.0):
        raise InvalidRequest(f"A line lies between 0 and {total:g} seconds, and ends after it starts.", field="start")
    if line.source_end - line.source_start < _SHORTEST_SECONDS:
        raise InvalidRequest(f"A line takes at least {_SHORTEST_SECONDS:g} seconds.", field="end")

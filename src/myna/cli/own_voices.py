"""`myna voices delete`, `export`, `import`: the voices that accounts have cloned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from myna.cli.show import AsJson, show_row
from myna.cli.workshop import (
    AccountOption,
    Affirmed,
    Workshop,
    affirm,
    ask,
    find_clone,
    owner_named,
    read_recording,
    run_workshop,
    shown_work,
)
from myna.errors import NotFound

if TYPE_CHECKING:
    from myna.engines.base import Samples
    from myna.voices.schemas import ClonedVoice

CloneName = Annotated[str, typer.Argument(metavar="VOICE", help="Id or name of a cloned voice.")]


def delete(
    voice: CloneName,
    account: AccountOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a cloned voice and all that is kept of it. Speech that was made with it stays."""

    async def work(workshop: Workshop) -> None:
        found = await find_clone(workshop, voice, account)
        if not yes:
            ask(f"Delete `{found.name}` ({found.id}) for ever?", "`--yes` deletes without asking.")
        removed = await workshop.cloning.delete(found.account_id, found.id)
        if as_json:
            show_row({"id": removed.voice_id, "removed": removed.parts}, as_json)
        else:
            print(f"Deleted {removed.voice_id}. Removed: {', '.join(removed.parts) or 'nothing was left'}.")

    run_workshop(work)


def export(
    voice: CloneName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, such as `nora.myna-voice`.")],
    account: AccountOption = None,
) -> None:
    """Write a cloned voice to a file, to take it to another server: its recording and what was said about it."""
    from myna.voices.files import PREVIEW, REFERENCE
    from myna.voices.portable import pack

    async def work(workshop: Workshop) -> None:
        found = await find_clone(workshop, voice, account)
        reference = await workshop.cloning.read_file(found, REFERENCE)
        try:
            preview = await workshop.cloning.read_file(found, PREVIEW)
        except NotFound:
            preview = None
        file.write_bytes(pack(found, reference, preview))
        print(f"{file} ({found.name}, {file.stat().st_size} bytes)")

    run_workshop(work)


def import_voice(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that `myna voices export` has written.")],
    name: Annotated[str | None, typer.Option(help="Another name than the one in the file.")] = None,
    engine: Annotated[str | None, typer.Option(help="An engine that clones, as `myna engines` shows.")] = None,
    account: AccountOption = None,
    consent_id: Annotated[str | None, typer.Option(help="A consent recording, where MYNA_CONSENT asks for it.")] = None,
    yes: Affirmed = False,
    as_json: AsJson = False,
) -> None:
    """Keep a voice from a file. It is made again from its recording, by the rules of this server."""
    from dataclasses import replace

    from myna.voices.portable import LARGEST_BESIDES, unpack

    async def work(workshop: Workshop) -> None:
        most = workshop.data.settings.max_reference_bytes
        portable = unpack(read_recording(file, 2 * most + LARGEST_BESIDES), max_sound_bytes=most)
        new = replace(portable.new, name=name or portable.new.name, consent_id=consent_id)
        owner = await owner_named(workshop.data, account)
        if not yes:
            affirm(f"Do you have the right to use the recording in `{file.name}`, and keep the voice `{new.name}`?")
        with shown_work("Making the voice"):
            preview = await _decoded(portable.preview) if portable.preview else None
            prepared = await workshop.cloning.prepare(
                owner,
                portable.reference,
                engine=engine,
                transcript=portable.transcript,
                language=portable.language,
                similarity=new.similarity,
                stability=new.stability,
                consent_id=new.consent_id,
            )
            kept = await workshop.cloning.create(owner, prepared, new, api="cli", preview=preview)
        if as_json:
            show_row(own_row(kept), as_json)
        else:
            print(f"Kept `{kept.name}` as {kept.id}, for the account `{owner.name}`.")

    run_workshop(work)


async def _decoded(sound: bytes) -> tuple[Samples, int]:
    from myna.media.sandbox import decode_untrusted
    from myna.voices.portable import LONGEST_PREVIEW_SECONDS

    decoded = await decode_untrusted(sound, max_seconds=LONGEST_PREVIEW_SECONDS)
    return decoded.samples, decoded.sample_rate


def own_row(voice: ClonedVoice) -> dict[str, Any]:
    """All about a cloned voice, for showing."""
    return {
        "id": voice.id,
        "name": voice.name,
        "engine": voice.engine,
        "quality": voice.quality,
        "languages": voice.languages,
        "dialects": voice.dialects,
        "gender": voice.gender,
        "age": voice.age,
        "description": voice.description,
        "stability": voice.stability,
        "similarity": voice.similarity,
        "transcript": voice.transcript,
        "made": voice.created_at,
        "affirmed by": voice.affirmed_by or "the operator",
        "consent": voice.consent_id,
        "preview made here": voice.preview_verified,
        "seconds of speech": voice.report.get("speech_seconds"),
        "warnings": [finding["message"] for finding in voice.report.get("warnings", ())],
    }

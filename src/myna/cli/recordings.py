"""`myna voices report`, `block`, `blocked`, `unblock`: recordings before a voice is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from myna.cli.show import AsJson, show_row, show_rows
from myna.cli.workshop import Workshop, read_recording, run_workshop, shown_work

RecordingFile = Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")]
TranscriptOption = Annotated[str | None, typer.Option(help="What the recording says, word for word.")]
LanguageOption = Annotated[str | None, typer.Option(help="Language of the recording, such as `en` or `ar`.")]


def report(
    file: RecordingFile,
    transcript: TranscriptOption = None,
    language: LanguageOption = None,
    as_json: AsJson = False,
) -> None:
    """Look at a recording: would it make a good voice? Ends with 1 when none can be made of it."""

    async def work(workshop: Workshop) -> bool:
        recording = read_recording(file, workshop.data.settings.max_reference_bytes)
        with shown_work("Looking at the recording"):
            found = await workshop.cloning.examine(recording, transcript=transcript, language=language)
        if as_json:
            show_row(found.as_json(), as_json)
        else:
            show_report(found.as_json())
        return bool(found.refusals)

    if run_workshop(work):
        raise typer.Exit(1)


def block(
    file: RecordingFile,
    name: Annotated[str, typer.Option(help="Who it is.")],
    reason: Annotated[str, typer.Option(help="Why, for the operators of this server.")],
    as_json: AsJson = False,
) -> None:
    """Refuse to clone the speaker of a recording, for all accounts. The recording itself is not kept."""

    async def work(workshop: Workshop) -> None:
        recording = read_recording(file, workshop.data.settings.max_reference_bytes)
        with shown_work("Looking at the recording"):
            blocked = await workshop.cloning.block(recording, name, reason)
        if as_json:
            show_row({"id": blocked.id, "name": blocked.name, "reason": blocked.reason}, as_json)
        else:
            print(f"Blocked `{blocked.name}` as {blocked.id}. Voices that were made before stay.")

    run_workshop(work)


def blocked(as_json: AsJson = False) -> None:
    """The speakers that nobody may clone here."""

    async def work(workshop: Workshop) -> None:
        rows = (
            {"id": found.id, "name": found.name, "reason": found.reason, "since": found.created_at}
            for found in await workshop.cloning.list_blocked()
        )
        show_rows(rows, as_json, empty="Nobody is blocked.")

    run_workshop(work)


def unblock(
    blocked_id: Annotated[str, typer.Argument(metavar="BLOCKED_ID", help="As `myna voices blocked` shows it.")],
) -> None:
    """Let a speaker be cloned again."""

    async def work(workshop: Workshop) -> None:
        await workshop.cloning.unblock(blocked_id)
        print(f"Unblocked {blocked_id}.")

    run_workshop(work)


def show_report(found: Mapping[str, Any]) -> None:
    """What was found in a recording, and what to do about it."""
    begin, end = found["suggested_trim"]
    matching = found["transcript_match"]
    row = {
        "recording": f"{found['duration']:.1f} s, of which {found['speech_seconds']:.1f} s are speech",
        "used": f"{begin:.1f} to {end:.1f} s{', without its noise' if found['denoised'] else ''}",
        "speech over noise": f"{found['snr_db']:.0f} dB",
        "loudness": f"{found['loudness_lufs']:.0f} LUFS",
        "clipping": f"{found['clipping']:.2%}",
        "highest frequency": f"{found['bandwidth_hz']:.0f} Hz",
        "one speaker": not found["second_speaker"],
        "words as in the transcript": None if matching is None else f"{matching:.0%}",
    }
    show_row(row, as_json=False)
    for kind in ("refusal", "warning"):
        for finding in found[f"{kind}s"]:
            print(f"{kind}: {finding['message']} {finding['remedy']}")

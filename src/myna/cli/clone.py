"""`myna clone`: make a voice from a recording, without a server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from myna.cli.own_voices import own_row
from myna.cli.recordings import LanguageOption, TranscriptOption, show_report
from myna.cli.show import AsJson, show_row
from myna.cli.speaking import format_of, render
from myna.cli.workshop import (
    AccountOption,
    Affirmed,
    Workshop,
    affirm,
    owner_named,
    read_recording,
    run_workshop,
    shown_work,
)
from myna.errors import ReferenceRefused

if TYPE_CHECKING:
    from myna.accounts.schemas import Account
    from myna.engines.base import Samples
    from myna.speech.schemas import Recording
    from myna.voices.schemas import ClonedVoice, NewVoice, PreparedVoice

_Gender = Annotated[Literal["female", "male", "neutral"] | None, typer.Option(help="How it sounds.")]


def clone(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The recording: 10 to 30 s of one person.")],
    text: Annotated[str | None, typer.Option(help="What the preview says. [default: a greeting]")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the voice. Without it, nothing is kept.")] = None,
    transcript: TranscriptOption = None,
    language: LanguageOption = None,
    description: Annotated[str | None, typer.Option(help="In your own words.")] = None,
    gender: _Gender = None,
    age: Annotated[str | None, typer.Option(help="Such as `young`, `middle` or `elderly`.")] = None,
    languages: Annotated[str, typer.Option(help="What it is for, such as `ar,en`.")] = "",
    dialects: Annotated[str, typer.Option(help="Such as `najdi,hijazi`.")] = "",
    stability: Annotated[float, typer.Option(min=0, max=1, help="1 is steady, 0 is lively.")] = 0.5,
    similarity: Annotated[float, typer.Option(min=0, max=1, help="1 is as near to the recording as it gets.")] = 1.0,
    engine: Annotated[str | None, typer.Option(help="An engine that clones, as `myna engines` shows.")] = None,
    preview: Annotated[Path | None, typer.Option(help="File for the preview. [default: NAME-preview.wav]")] = None,
    account: AccountOption = None,
    consent_id: Annotated[str | None, typer.Option(help="A consent recording, where MYNA_CONSENT asks for it.")] = None,
    yes: Affirmed = False,
    as_json: AsJson = False,
) -> None:
    """Make a voice from a recording: look at it, hear a preview, keep it. No server is needed.

    `myna clone nora.wav --text "Good morning." --name Nora`
    """
    from myna.voices.fields import checked_new
    from myna.voices.schemas import NewVoice

    new = NewVoice(
        name=name or reference.stem,
        description=description,
        gender=gender,
        age=age,
        languages=tuple(languages.split(",")),
        dialects=tuple(dialects.split(",")),
        stability=stability,
        similarity=similarity,
        consent_id=consent_id,
    )
    preview = preview or Path(f"{_as_file_name(new.name)}-preview.wav")
    format_of(preview)
    order = _Order(reference, checked_new(new), text, transcript, language, engine, preview, account, yes, as_json)
    run_workshop(lambda workshop: order.keep(workshop) if name else order.listen(workshop))


def _as_file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "voice"


@dataclass(frozen=True)
class _Order:
    """What was asked for."""

    reference: Path
    new: NewVoice
    text: str | None
    transcript: str | None
    language: str | None
    engine: str | None
    preview: Path
    account: str | None
    affirmed: bool
    as_json: bool

    async def listen(self, workshop: Workshop) -> None:
        """Report and preview, and nothing is kept."""
        prepared = await self._prepare(workshop, None)
        recording = await self._speak(workshop, prepared)
        if self.as_json:
            self._show_json(prepared, recording, None)
        else:
            print("Nothing was kept. Add --name NAME to keep the voice.")

    async def keep(self, workshop: Workshop) -> None:
        owner = await owner_named(workshop.data, self.account)
        prepared = await self._prepare(workshop, owner)
        recording = await self._speak(workshop, prepared)
        if not self.affirmed:
            affirm(f"Do you have the right to use `{self.reference.name}`, and keep the voice `{self.new.name}`?")
        heard = await self._remembered(workshop, owner.id, prepared, recording)
        kept = await workshop.cloning.create(
            owner, prepared, self.new, api="cli", preview=heard, language=self.language
        )
        if self.as_json:
            self._show_json(prepared, recording, kept)
        else:
            print(f"Kept `{kept.name}` as {kept.id}, for the account `{owner.name}`.")
            print(f'Speak with it: myna say "Hello." --voice {kept.id}')

    async def _prepare(self, workshop: Workshop, owner: Account | None) -> PreparedVoice:
        recording = read_recording(self.reference, workshop.data.settings.max_reference_bytes)
        try:
            with shown_work("Making the voice"):
                prepared = await workshop.cloning.prepare(
                    owner,
                    recording,
                    engine=self.engine,
                    transcript=self.transcript,
                    language=self.language,
                    similarity=self.new.similarity,
                    stability=self.new.stability,
                    consent_id=self.new.consent_id,
                )
        except ReferenceRefused as refused:
            if (report := refused.details.get("report")) and not self.as_json:
                show_report(report)
            raise
        if not self.as_json:
            show_report(prepared.report)
        return prepared

    async def _speak(self, workshop: Workshop, prepared: PreparedVoice) -> Recording:
        """Write the preview."""
        from myna.media.encode import encode
        from myna.speech.samples import sample_text
        from myna.speech.schemas import SpeechRequest

        voice = prepared.voice
        request = SpeechRequest(
            text=self.text or sample_text(self.language or voice.language),
            voice_id=voice.id,
            language=None if self.text else self.language,
            stability=self.new.stability,
            similarity=self.new.similarity,
        )
        recording = await render(workshop.speaker, request, voice)
        self.preview.write_bytes(encode(recording.samples, recording.sample_rate, format_of(self.preview)))
        if not self.as_json:
            able = prepared.capabilities
            print(f"{self.preview} ({recording.duration:.1f} s, engine {able.name}, quality: {able.clone_quality})")
        return recording

    async def _remembered(
        self, workshop: Workshop, account_id: str, prepared: PreparedVoice, recording: Recording
    ) -> tuple[Samples, int]:
        """The preview as it is heard, known as one that was made here."""
        import numpy as np

        from myna.media.encode import encode

        pcm = encode(recording.samples, recording.sample_rate, "pcm")
        await workshop.cloning.remember_preview(account_id, pcm, prepared, self.new.similarity)
        return (np.frombuffer(pcm, "<i2") / 32_768).astype(np.float32), recording.sample_rate

    def _show_json(self, prepared: PreparedVoice, recording: Recording, kept: ClonedVoice | None) -> None:
        made: dict[str, Any] = {
            "report": prepared.report,
            "preview": str(self.preview),
            "seconds": round(recording.duration, 3),
            "voice": own_row(kept) if kept else None,
        }
        show_row(made, as_json=True)

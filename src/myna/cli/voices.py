"""`myna voices` and `myna engines`: what can speak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from myna.cli.show import AsJson, show_row, show_rows
from myna.cli.speaking import NOBODY, Speaker, run_speaker, speak_to_file

if TYPE_CHECKING:
    from myna.speech.schemas import SpeechRequest
    from myna.voices.schemas import Voice

app = typer.Typer(help="Voices: list, look, listen.", no_args_is_help=True)
VoiceName = Annotated[str, typer.Argument(metavar="VOICE", help="Id or name, as `myna voices list` shows.")]
APIS = ("stablecog", "magichour", "openai")
"""The APIs that have names of their own for voices."""


@app.command("list")
def list_voices(
    language: Annotated[str | None, typer.Option(help="Such as `en`, `es-MX` or `ar`.")] = None,
    engine: Annotated[str | None, typer.Option(help="Such as `espeak`.")] = None,
    gender: Annotated[Literal["female", "male", "neutral"] | None, typer.Option(help="How it sounds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Voices that can speak on this machine."""

    async def work(speaker: Speaker) -> None:
        voices = await speaker.voices.list(NOBODY, language=language, engine=engine, gender=gender)
        rows = (
            {"id": voice.id, "name": voice.name, "language": voice.language, "gender": voice.gender} for voice in voices
        )
        show_rows(rows, as_json, empty="No voice fits. `myna engines` shows what can speak here.")

    run_speaker(work)


@app.command()
def show(voice: VoiceName, as_json: AsJson = False) -> None:
    """All about one voice, also the names by which the vendors' clients know it."""

    async def work(speaker: Speaker) -> None:
        found = await speaker.voices.resolve("native", voice, NOBODY)
        row = {
            "id": found.id,
            "name": found.name,
            "engine": found.engine,
            "languages": found.languages,
            "gender": found.gender,
            "description": found.description,
            "known as": [
                f"{api}:{alias.name}"
                for api in APIS
                for alias in speaker.voices.aliases(api)
                if alias.voice_id == found.id
            ],
        }
        show_row(row, as_json)

    run_speaker(work)


@app.command()
def sample(
    voice: VoiceName,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; its ending is the format.")] = Path(
        "sample.mp3"
    ),
) -> None:
    """Hear a voice: it says a sentence in its language."""

    async def choose(speaker: Speaker) -> tuple[SpeechRequest, Voice]:
        from myna.speech.samples import sample_text
        from myna.speech.schemas import SpeechRequest

        chosen = await speaker.voices.resolve("native", voice, NOBODY)
        return SpeechRequest(text=sample_text(chosen.language), voice_id=chosen.id), chosen

    recording, chosen = speak_to_file(output, choose)
    print(f"{output} ({recording.duration:.1f} s, {chosen.id})")


@app.command()
def aliases(
    api: Annotated[
        Literal["stablecog", "magichour", "openai"],
        typer.Argument(metavar="API", help="`stablecog`, `magichour` or `openai`."),
    ],
    as_json: AsJson = False,
) -> None:
    """The names that a vendor's clients use, and the voice that speaks for each."""

    async def work(speaker: Speaker) -> None:
        rows = (
            {"name": alias.name, "key": alias.key, "language": alias.locale, "voice": alias.voice_id}
            for alias in speaker.voices.aliases(api)
        )
        show_rows(rows, as_json)

    run_speaker(work)


def engines(as_json: AsJson = False) -> None:
    """What speaks on this machine, and what each engine can do."""

    async def work(speaker: Speaker) -> None:
        able = [_able(name, speaker, as_json) for name in speaker.registry.names]
        unable = [
            {**dict.fromkeys(able[0] if able else ()), "engine": name, "ready": False, "why": reason}
            for name, reason in speaker.registry.unavailable.items()
        ]
        show_rows([*able, *unable], as_json, empty="No engine is installed.")

    run_speaker(work)


def _able(name: str, speaker: Speaker, as_json: bool) -> dict[str, object]:
    able = speaker.registry.describe(name)
    return {
        "engine": name,
        "ready": True,
        "languages": able.languages if as_json else len(able.languages),
        "voices": len(speaker.registry.voices(name)),
        "rate": able.sample_rate,
        "streaming": able.streaming,
        "words": able.word_timestamps,
        "cloning": able.cloning,
        "options": sorted(able.options),
        "licence": able.licence,
        "why": None,
    }

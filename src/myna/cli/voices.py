"""`myna voices` and `myna engines`: what can speak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from myna.cli import own_voices, recordings
from myna.cli.local import account_named
from myna.cli.names import order
from myna.cli.show import AsJson, show_row, show_rows
from myna.cli.speaking import NOBODY, Speaker, run_speaker, speak_to_file
from myna.cli.workshop import AccountOption, Workshop, opened, run_workshop, voice_named

if TYPE_CHECKING:
    from myna.engines.translation import TranslationCapabilities
    from myna.speech.schemas import SpeechRequest
    from myna.voices.schemas import Voice

app = typer.Typer(help="Voices: list, look, listen, keep, block.", no_args_is_help=True)
VoiceName = Annotated[str, typer.Argument(metavar="VOICE", help="Id or name, as `myna voices list` shows.")]
APIS = ("stablecog", "modelslab", "magichour", "openai", "munsit")
"""The APIs that have names of their own for voices."""


@app.command("list")
def list_voices(
    language: Annotated[str | None, typer.Option(help="Such as `en`, `es-MX` or `ar`.")] = None,
    engine: Annotated[str | None, typer.Option(help="Such as `espeak`.")] = None,
    gender: Annotated[Literal["female", "male", "neutral"] | None, typer.Option(help="How it sounds.")] = None,
    account: Annotated[str | None, typer.Option(metavar="NAME", help="Also the cloned voices of this account.")] = None,
    as_json: AsJson = False,
) -> None:
    """Voices that can speak on this machine."""

    async def show_voices(speaker: Speaker, account_id: str) -> None:
        voices = await speaker.voices.list(account_id, language=language, engine=engine, gender=gender)
        rows = (
            {
                "id": voice.id,
                "name": voice.name,
                "language": voice.language,
                "gender": voice.gender,
                "kind": voice.kind,
            }
            for voice in voices
        )
        show_rows(rows, as_json, empty="No voice fits. `myna engines` shows what can speak here.")

    async def work(workshop: Workshop) -> None:
        owner = await account_named(workshop.data, str(account))
        await show_voices(workshop.speaker, owner.id)

    if account is None:
        run_speaker(lambda speaker: show_voices(speaker, NOBODY))
    else:
        run_workshop(work)


@app.command()
def show(voice: VoiceName, account: AccountOption = None, as_json: AsJson = False) -> None:
    """All about one voice, also the names by which the vendors' clients know it."""

    async def work(speaker: Speaker) -> None:
        found = await voice_named(speaker, voice, account)
        if found.kind == "cloned":
            show_row(await _own_row(speaker, found), as_json)
            return
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


async def _own_row(speaker: Speaker, voice: Voice) -> dict[str, object]:
    async with opened(speaker) as workshop:
        found = await workshop.cloning.get(str(voice.account_id), voice.id)
        owners = {account.id: account.name for account in await workshop.data.accounts.list_accounts()}
        return {**own_voices.own_row(found), "account": owners[found.account_id]}


@app.command()
def sample(
    voice: VoiceName,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; its ending is the format.")] = Path(
        "sample.mp3"
    ),
    account: AccountOption = None,
) -> None:
    """Hear a voice: it says a sentence in its language."""

    async def choose(speaker: Speaker) -> tuple[SpeechRequest, Voice]:
        from myna.speech.samples import sample_text
        from myna.speech.schemas import SpeechRequest

        chosen = await voice_named(speaker, voice, account)
        return SpeechRequest(text=sample_text(chosen.language), voice_id=chosen.id), chosen

    recording, chosen = speak_to_file(output, choose)
    print(f"{output} ({recording.duration:.1f} s, {chosen.id})")


@app.command()
def aliases(
    api: Annotated[
        Literal["stablecog", "modelslab", "magichour", "openai", "munsit"],
        typer.Argument(metavar="API", help="`stablecog`, `modelslab`, `magichour`, `openai` or `munsit`."),
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


app.command()(own_voices.delete)
app.command()(own_voices.export)
app.command("import")(own_voices.import_voice)
app.command()(recordings.report)
app.command()(recordings.block)
app.command()(recordings.blocked)
app.command()(recordings.unblock)


def engines(as_json: AsJson = False) -> None:
    """What speaks, hears, translates, separates and denoises on this machine, and what each engine can do."""

    async def work(speaker: Speaker) -> None:
        from myna.engines.kinds import KINDS

        registry = speaker.registry
        rows = [_able(name, speaker, as_json) for name in registry.names]
        rows += [_able_to_hear(name, speaker, as_json) for name in registry.recognisers]
        rows += [_able_to_translate(name, speaker, as_json) for name in registry.translators]
        rows += [_able_to_separate(name, speaker) for name in registry.separators]
        rows += [_able_to_denoise(name, speaker) for name in registry.denoisers]
        rows += [
            {"engine": name, "kind": kind, "ready": False, "why": reason}
            for kind in KINDS
            for name, reason in registry.unavailable_of(kind).items()
        ]
        empty = dict.fromkeys(_ENGINE_COLUMNS)
        show_rows([{**empty, **row} for row in rows], as_json, empty="No engine is installed.")
        if registry.names and not as_json:
            print(order(registry))

    run_speaker(work)


_ENGINE_COLUMNS = (
    *("engine", "kind", "ready", "languages", "voices", "rate"),
    *("streaming", "words", "cloning", "options", "licence", "why"),
)


def _able(name: str, speaker: Speaker, as_json: bool) -> dict[str, object]:
    able = speaker.registry.describe(name)
    return {
        "engine": name,
        "kind": "speech",
        "ready": True,
        "languages": able.languages if as_json else len(able.languages),
        "voices": len(speaker.registry.voices(name)),
        "rate": able.sample_rate,
        "streaming": able.streaming,
        "words": able.word_timestamps,
        "cloning": able.cloning,
        "options": sorted(able.options),
        "licence": able.licence,
    }


def _able_to_separate(name: str, speaker: Speaker) -> dict[str, object]:
    able = speaker.registry.describe_separator(name)
    facts = {"rate": able.sample_rate, "options": list(able.stems), "licence": able.licence}
    return {"engine": name, "kind": "separation", "ready": True, **facts}


def _able_to_denoise(name: str, speaker: Speaker) -> dict[str, object]:
    able = speaker.registry.describe_denoiser(name)
    return {
        "engine": name,
        "kind": "denoising",
        "ready": True,
        "rate": able.sample_rate,
        "licence": able.licence,
    }


def _able_to_hear(name: str, speaker: Speaker, as_json: bool) -> dict[str, object]:
    able = speaker.registry.describe_recogniser(name)
    options = {"alignment": able.alignment, "language detection": able.detects_language}
    return {
        "engine": name,
        "kind": "recognition",
        "ready": True,
        "languages": able.languages if as_json else len(able.languages),
        "words": able.word_timestamps,
        "options": [option for option, has in options.items() if has],
        "licence": able.licence,
    }


def _counted(able: TranslationCapabilities) -> str:
    counts = [f"{len(able.pairs)} pairs"] if able.pairs or not able.groups else []
    return ", ".join([*counts, *(f"any two of {len(group)}" for group in able.groups)])


def _able_to_translate(name: str, speaker: Speaker, as_json: bool) -> dict[str, object]:
    """Its languages are pairs, such as `en>es`."""
    able = speaker.registry.describe_translator(name)
    pairs = ["any"] if able.any_pair else [f"{source}>{target}" for source, target in able.pairs]
    pairs += [f"any two of {', '.join(group)}" for group in able.groups]
    options = {"fits length": able.fits_length, "glossary": able.glossary}
    return {
        "engine": name,
        "kind": "translation",
        "ready": True,
        "languages": pairs if as_json or able.any_pair else _counted(able),
        "options": [option for option, has in options.items() if has],
        "licence": able.licence,
    }

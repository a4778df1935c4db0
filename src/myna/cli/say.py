"""`myna say`: speak to a file, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.show import AsJson, show_row
from myna.cli.speaking import Speaker, speak_to_file
from myna.cli.workshop import AccountOption, voice_named

if TYPE_CHECKING:
    from myna.speech.schemas import SpeechRequest
    from myna.speech.verification import Verification
    from myna.voices.schemas import Voice


def say(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say; `-` reads it from standard input.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; its ending is the format.")] = Path(
        "speech.mp3"
    ),
    voice: Annotated[str | None, typer.Option(help="Id or name of a voice, a cloned one too.")] = None,
    engine: Annotated[str | None, typer.Option(help="Who speaks: an engine, or one of its models.")] = None,
    account: AccountOption = None,
    language: Annotated[str | None, typer.Option(help="Language of the text, such as `en` or `es`.")] = None,
    speed: Annotated[float, typer.Option(min=0.25, max=4.0, help="2 speaks twice as fast.")] = 1.0,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="0 is steady, 1 varies the most.")] = 0.0,
    stability: Annotated[float | None, typer.Option(min=0, max=1, help="1 is steady; of a cloned voice.")] = None,
    similarity: Annotated[float | None, typer.Option(min=0, max=1, help="How near to its recording.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same prosody.")] = 0,
    denoise: Annotated[bool, typer.Option("--denoise", help="Remove noise.")] = False,
    remove_silence: Annotated[bool, typer.Option("--remove-silence", help="Shorten long pauses.")] = False,
    normalise: Annotated[bool, typer.Option(help="Numbers, currency and dates in words.")] = True,
    verify: Annotated[
        bool | None, typer.Option(help="Have it heard, and spoken again where words are missing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Speak a text to a file, without a server: `myna say "Hello" -o hello.mp3`."""
    words = sys.stdin.read() if text == "-" else text

    async def choose(speaker: Speaker) -> tuple[SpeechRequest, Voice]:
        from myna.speech.schemas import SpeechRequest
        from myna.speech.wishes import check_wishes

        chosen = await _choose_voice(speaker, voice, engine, account, language)
        request = SpeechRequest(
            text=words,
            voice_id=chosen.id,
            language=language,
            speed=speed,
            temperature=temperature,
            stability=stability,
            similarity=similarity,
            seed=seed,
            denoise=denoise,
            remove_silence=remove_silence,
            normalise=normalise,
            verify=verify,
        )
        check_wishes(request, speaker.registry.describe(chosen.engine))
        return request, chosen

    recording, chosen = speak_to_file(output, choose)
    verified = recording.verification
    if as_json:
        row = {"file": str(output), "seconds": round(recording.duration, 3), "voice": chosen.id}
        show_row(row | ({"verification": verified.as_json()} if verified else {}), as_json)
    else:
        print(f"{output} ({recording.duration:.1f} s, {chosen.id}{_told(verified)})")


def _told(verified: Verification | None) -> str:
    if verified is None:
        return ""
    if verified.score is None:
        return f", not verified: {verified.skipped}"
    return f", {verified.score:.0%} of the words heard by {verified.recogniser}"


async def _choose_voice(
    speaker: Speaker, name: str | None, engine: str | None, account: str | None, language: str | None
) -> Voice:
    choice = speaker.voices.chosen(engine) if engine else None
    if name is None:
        return speaker.voices.default(language or "en", choice)
    return await voice_named(speaker, name, account, choice)

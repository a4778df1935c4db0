"""`myna say`: speak to a file, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from myna.cli.local import run
from myna.errors import InvalidRequest

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.media.formats import AudioFormat
    from myna.speech.schemas import Recording, SpeechRequest
    from myna.voices.schemas import Voice


def say(
    text: Annotated[str, typer.Argument(help="What to say; `-` reads it from standard input.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; its ending is the format.")] = Path(
        "speech.mp3"
    ),
    voice: Annotated[str | None, typer.Option(help="Id or name, as `myna voices list` shows.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the text, such as `en` or `es`.")] = None,
    speed: Annotated[float, typer.Option(min=0.25, max=4.0, help="2 speaks twice as fast.")] = 1.0,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="0 is steady, 1 varies the most.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same prosody.")] = 0,
    denoise: Annotated[bool, typer.Option("--denoise", help="Remove noise.")] = False,
    remove_silence: Annotated[bool, typer.Option("--remove-silence", help="Shorten long pauses.")] = False,
    normalise: Annotated[bool, typer.Option(help="Numbers, currency and dates in words.")] = True,
) -> None:
    """Speak a text to a file: `myna say "Hello" -o hello.mp3`. No server is needed."""
    words = sys.stdin.read() if text == "-" else text
    options: dict[str, Any] = {
        "language": language,
        "speed": speed,
        "temperature": temperature,
        "seed": seed,
        "denoise": denoise,
        "remove_silence": remove_silence,
        "normalise": normalise,
    }
    audio_format = _format_of(output)
    recording = run(lambda services: _speak(services, words, voice, options))

    from myna.media.encode import encode

    output.write_bytes(encode(recording.samples, recording.sample_rate, audio_format))
    print(f"{output} ({recording.duration:.1f} s)")


async def _speak(services: Services, text: str, voice: str | None, options: dict[str, Any]) -> Recording:
    from myna.speech.schemas import SpeechRequest

    chosen = await _choose_voice(services, voice, options["language"])
    request = SpeechRequest(text=text, voice_id=chosen.id, **options)
    return await _render_with_progress(services, request, chosen)


async def _choose_voice(services: Services, name: str | None, language: str | None) -> Voice:
    if name:
        return await services.voices.resolve("native", name, "")
    return services.voices.default(language or "en")


async def _render_with_progress(services: Services, request: SpeechRequest, voice: Voice) -> Recording:
    from rich.console import Console
    from rich.progress import Progress

    renderer = services.speech.renderer
    script = renderer.prepare(request, voice)
    with Progress(console=Console(stderr=True), transient=True, disable=len(script.pieces) < 2) as bar:
        task = bar.add_task("Speaking", total=len(script.pieces))

        async def advance(done: int, _total: int) -> None:
            bar.update(task, completed=done)

        return await renderer.render(request, script, advance)


def _format_of(path: Path) -> AudioFormat:
    from myna.media.formats import AUDIO_FORMATS

    ending = path.suffix.removeprefix(".").lower()
    for known in AUDIO_FORMATS:
        if ending == known:
            return known
    raise InvalidRequest(f"`{path.name}` should end in one of: {', '.join(AUDIO_FORMATS)}.", field="output")

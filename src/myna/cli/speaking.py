"""What `say` and `voices` share: speak on this machine's engines, with neither a server nor a database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from myna.cli.local import load_settings, quiet_logs
from myna.errors import InvalidRequest

if TYPE_CHECKING:
    from myna.engines.host import EngineHost
    from myna.engines.registry import EngineRegistry
    from myna.media.formats import AudioFormat
    from myna.settings import Settings
    from myna.speech.rendering import Renderer
    from myna.speech.schemas import Recording, SpeechRequest
    from myna.voices.schemas import Voice
    from myna.voices.service import VoiceService

Result = TypeVar("Result")

NOBODY = ""
"""The account that owns no voice, for looking at stock voices."""


@dataclass(frozen=True)
class Speaker:
    """The engines of this machine and their voices."""

    settings: Settings
    registry: EngineRegistry
    engines: EngineHost
    voices: VoiceService
    renderer: Renderer


def run_speaker(work: Callable[[Speaker], Awaitable[Result]]) -> Result:
    """Have the engines at hand, do the work, let them go."""
    import asyncio

    settings = load_settings()
    quiet_logs(settings)
    return asyncio.run(_run(work, settings))


async def _run(work: Callable[[Speaker], Awaitable[Result]], settings: Settings) -> Result:
    speaker = open_speaker(settings)
    try:
        return await work(speaker)
    finally:
        await speaker.engines.close()


def open_speaker(settings: Settings) -> Speaker:
    """Nothing is started yet."""
    from myna.audio.cleaning import Denoiser
    from myna.engines.host import EngineHost
    from myna.engines.registry import EngineRegistry
    from myna.speech.rendering import Renderer
    from myna.speech.verifying import Verifier
    from myna.transcription.service import TranscriptionService
    from myna.voices.catalogue import VoiceCatalogue
    from myna.voices.service import VoiceService

    registry = EngineRegistry.load(settings.engines, settings.resolved_engine_pythons)
    engines = EngineHost(settings, registry)
    voices = VoiceService(VoiceCatalogue(registry, settings.voice_aliases))
    denoiser = Denoiser(engines, registry, settings.denoiser)
    verifier = Verifier(TranscriptionService(engines, registry), settings)
    return Speaker(settings, registry, engines, voices, Renderer(engines, registry, verifier, denoiser))


def speak_to_file(
    path: Path, choose: Callable[[Speaker], Awaitable[tuple[SpeechRequest, Voice]]]
) -> tuple[Recording, Voice]:
    """Write the sound of a request; the ending of the path is the format. Shows progress when the text is long."""
    audio_format = format_of(path)

    async def work(speaker: Speaker) -> tuple[Recording, Voice]:
        request, voice = await choose(speaker)
        return await render(speaker, request, voice), voice

    recording, voice = run_speaker(work)

    from myna.media.encode import encode

    path.write_bytes(encode(recording.samples, recording.sample_rate, audio_format))
    return recording, voice


async def render(speaker: Speaker, request: SpeechRequest, voice: Voice) -> Recording:
    from rich.console import Console
    from rich.progress import Progress

    """The whole recording. Shows progress when the text is long."""
    script = speaker.renderer.prepare(request, voice)
    console = Console(stderr=True)
    shown = console.is_terminal and len(script.pieces) > 1
    with Progress(console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("Speaking", total=len(script.pieces))

        async def advance(done: int, _total: int) -> None:
            bar.update(task, completed=done)

        return await speaker.renderer.render(request, script, advance)


def format_of(path: Path) -> AudioFormat:
    """The format that the ending of a path names. Also checks that there is a folder to write to."""
    from myna.media.formats import AUDIO_FORMATS

    if not path.parent.is_dir():
        raise InvalidRequest(f"There is no folder `{path.parent}`. Make it first, or choose another.", field="output")
    ending = path.suffix.removeprefix(".").lower()
    for known in AUDIO_FORMATS:
        if ending == known:
            return known
    raise InvalidRequest(f"`{path.name}` should end in one of: {', '.join(AUDIO_FORMATS)}.", field="output")

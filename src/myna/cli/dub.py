"""`myna dub`: dub a film into other languages, without a server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from myna.cli.local import load_settings, quiet_logs
from myna.cli.show import AsJson, show_row
from myna.cli.workshop import AccountOption
from myna.errors import InvalidRequest

if TYPE_CHECKING:
    from myna.cli.dubbing import Show


def dub(
    video: Annotated[Path, typer.Argument(help="A film (MP4, MOV, MKV, WebM) or a recording.")],
    to: Annotated[str, typer.Option(help="Languages to dub into, such as `es` or `es,fr`.")],
    source: Annotated[str | None, typer.Option("--from", help="Language of the film. [default: English]")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: VIDEO.LANGUAGE.ending]")] = None,
    voice: Annotated[str | None, typer.Option(help="One voice for everybody. [default: one that fits each]")] = None,
    engine: Annotated[str | None, typer.Option(help="Who speaks: an engine, or one of its models.")] = None,
    recogniser: Annotated[str | None, typer.Option(help="Who hears: an engine, or one of its models.")] = None,
    translator: Annotated[str | None, typer.Option(help="The engine that translates.")] = None,
    separator: Annotated[str | None, typer.Option(help="The engine that takes voices out of the rest.")] = None,
    clone_speakers: Annotated[
        bool, typer.Option("--clone-speakers", help="Everybody keeps their own voice; you need the right to it.")
    ] = False,
    speakers: Annotated[int | None, typer.Option(min=1, max=20, help="How many speak, when you know it.")] = None,
    transcript: Annotated[
        Path | None, typer.Option(help="What is said: plain lines, SRT or VTT. [default: it is recognised]")
    ] = None,
    translation: Annotated[
        Path | None, typer.Option(help="Lines in the other language: plain, SRT or VTT. [default: it is translated]")
    ] = None,
    keep_original: Annotated[bool, typer.Option("--keep-original", help="The original sound, second track.")] = False,
    background: Annotated[bool, typer.Option(help="Keep what is heard besides speech.")] = True,
    subtitles: Annotated[bool, typer.Option(help="Subtitle tracks in both languages.")] = True,
    mark_failed_lines: Annotated[
        bool, typer.Option("--mark-failed-lines", help="Go on without a line that cannot be spoken.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same voices and prosody.")] = 0,
    account: AccountOption = None,
    as_json: AsJson = False,
) -> None:
    """Dub a film into other languages. No server is needed.

    `myna dub talk.mp4 --to es`
    """
    import asyncio

    from myna.cli.dubbing import Order
    from myna.dubbing.schemas import DubRequest

    languages = tuple(language.strip() for language in to.split(",") if language.strip())
    _check(video, languages, output, translation)
    settings = load_settings(serve_http=False, work=True)
    request = DubRequest(
        target_languages=languages,
        source_language=source,
        file_name=video.name,
        engine=engine or "",
        recogniser=recogniser or "",
        translator=translator or "",
        separator=separator or "",
        clone_speakers=clone_speakers,
        speakers=speakers,
        transcript=_script(transcript) if transcript else None,
        translations={languages[0]: _script(translation)} if translation else {},
        seed=seed,
        on_failed_line="mark" if mark_failed_lines else "fail",
        keep_original=keep_original,
        subtitles=subtitles,
        background=background,
    )
    order = Order(video, request, voice, output, account, as_json)
    quiet_logs(settings)
    with _shown(quiet=as_json) as show:
        made = asyncio.run(order.work(settings, show))
    if as_json:
        show_row({"files": made}, as_json=True)


def _check(video: Path, languages: tuple[str, ...], output: Path | None, translation: Path | None) -> None:
    if not video.is_file():
        raise InvalidRequest(f"There is no file `{video}`.", field="video")
    if not languages:
        raise InvalidRequest("Name a language to dub into: --to es.", field="to")
    if len(languages) > 1 and (output or translation):
        raise InvalidRequest("--output and --translation are for one language: name one in --to.", field="to")
    if output and not output.parent.is_dir():
        raise InvalidRequest(f"There is no folder `{output.parent}`. Make it first.", field="output")


def _script(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"`{path}` is not a text in UTF-8. Save it as one.") from None


@contextlib.contextmanager
def _shown(*, quiet: bool) -> Iterator[Show]:
    """The stages as they go by: a bar on a terminal, a line for each elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal or quiet:
        yield _lines(console, quiet=quiet)
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Starting", total=1.0)
        yield lambda stage, progress: bar.update(task, description=stage.capitalize() or "Waiting", completed=progress)


def _lines(console: Any, *, quiet: bool) -> Show:
    seen: set[str] = set()

    def show(stage: str, progress: float) -> None:
        if stage and stage not in seen and not quiet:
            seen.add(stage)
            console.print(f"{progress:4.0%} {stage}", highlight=False)

    return show

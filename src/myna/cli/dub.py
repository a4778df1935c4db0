"""`myna dub`: dub a film into other languages, without a server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from myna.cli.local import load_settings, open_data, quiet_logs
from myna.cli.show import AsJson, show_row
from myna.cli.workshop import AccountOption, owner_named
from myna.errors import InvalidRequest, MynaError

if TYPE_CHECKING:
    from myna.accounts.schemas import Account
    from myna.app import Node
    from myna.dubbing.schemas import Dub, DubRequest
    from myna.settings import Settings

_BETWEEN_LOOKS = 0.2
_PIECE = 1 << 20

Show = Callable[[str, float], None]
"""Called with the stage of the work, and how far all of it is, 0 to 1."""


def dub(
    video: Annotated[Path, typer.Argument(help="A film (MP4, MOV, MKV, WebM) or a recording.")],
    to: Annotated[str, typer.Option(help="Languages to dub into, such as `es` or `es,fr`.")],
    source: Annotated[str | None, typer.Option("--from", help="Language of the film. [default: English]")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: VIDEO.LANGUAGE.ending]")] = None,
    voice: Annotated[str | None, typer.Option(help="One voice for everybody. [default: one that fits each]")] = None,
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

    from myna.dubbing.schemas import DubRequest

    languages = tuple(language.strip() for language in to.split(",") if language.strip())
    _check(video, languages, output, translation)
    settings = load_settings(serve_http=False, work=True)
    request = DubRequest(
        target_languages=languages,
        source_language=source,
        file_name=video.name,
        clone_speakers=clone_speakers,
        speakers=speakers,
        transcript=transcript.read_text() if transcript else None,
        translations={languages[0]: translation.read_text()} if translation else {},
        seed=seed,
        on_failed_line="mark" if mark_failed_lines else "fail",
        keep_original=keep_original,
        subtitles=subtitles,
        background=background,
    )
    order = _Order(video, request, voice, output, account, as_json)
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


@dataclass(frozen=True)
class _Order:
    """What was asked for."""

    video: Path
    request: DubRequest
    voice: str | None
    output: Path | None
    account: str | None
    as_json: bool

    async def work(self, settings: Settings, show: Show) -> list[dict[str, Any]]:
        """Dub, and write the files. Returns what was written."""
        async with _node(settings) as node:
            owner = await self._owner(settings)
            dub = await self._order(node, owner)
            finished = await _followed(node, dub, show)
            return [await self._write(node, finished, language) for language in self.request.target_languages]

    async def _owner(self, settings: Settings) -> Account:
        data = open_data(settings)
        try:
            return await owner_named(data, self.account)
        finally:
            await data.database.close()

    async def _order(self, node: Node, owner: Account) -> Dub:
        from dataclasses import replace

        request = self.request
        if self.voice is not None:
            chosen = await node.services.voices.resolve("native", self.voice, owner.id)
            request = replace(request, voice_id=chosen.id)
        return await node.services.dubbing.create(
            owner, request, api="cli", base_url="", source=_pieces(self.video), price_per_second=0
        )

    async def _write(self, node: Node, dub: Dub, language: str) -> dict[str, Any]:
        import asyncio

        file = await node.services.dubbing.file(dub.account_id, dub.id, language, "result")
        ending = Path(file.file_name).suffix or self.video.suffix
        path = self.output or self.video.with_name(f"{self.video.stem}.{language}{ending}")
        with path.open("wb") as target:
            async for piece in node.services.storage.stream(file.object_key):
                await asyncio.to_thread(target.write, piece)
        lines = await node.services.dubbing.lines(dub.account_id, dub.id, language)
        marked = [line.number for line in lines if line.fit in ("overflow", "failed")]
        if not self.as_json:
            print(f"{path} ({dub.duration or 0:.1f} s, {len(lines)} lines{_and_marked(marked)})")
        return {"language": language, "path": str(path), "dub": dub.id, "lines": len(lines), "marked": marked}


def _and_marked(numbers: list[int]) -> str:
    return f"; look at {', '.join(map(str, numbers))}: too long, or not spoken" if numbers else ""


@contextlib.asynccontextmanager
async def _node(settings: Settings) -> AsyncIterator[Node]:
    """A node of this process, which answers nobody."""
    from myna.app import build_node

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    node = build_node(settings)
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


async def _followed(node: Node, dub: Dub, show: Show) -> Dub:
    """The finished dub. Raises what went wrong; when nobody waits any more, the work is canceled."""
    import asyncio

    dubbing = node.services.dubbing
    try:
        while not dub.job.finished:
            await asyncio.sleep(_BETWEEN_LOOKS)
            dub = await dubbing.get(dub.account_id, dub.id)
            show(dub.job.stage, dub.job.progress)
    except asyncio.CancelledError:
        await asyncio.shield(_cancel(dubbing.cancel(dub.account_id, dub.id)))
        raise
    if dub.job.status != "succeeded":
        raise MynaError(dub.job.error_message or f"The dub was {dub.job.status}.")
    return dub


async def _cancel(canceling: Awaitable[object]) -> None:
    with contextlib.suppress(MynaError):
        await canceling


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    import asyncio

    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


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

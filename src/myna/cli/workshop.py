"""What `clone` and `voices` share: the voices that accounts own, with engines and data at hand, without a server."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from myna.cli.local import LocalData, account_named, load_settings, open_data, quiet_logs
from myna.cli.speaking import NOBODY, Speaker, open_speaker
from myna.errors import BodyTooLarge, InvalidRequest, VoiceNotFound

if TYPE_CHECKING:
    from myna.accounts.schemas import Account
    from myna.settings import Settings
    from myna.voices.choice import Choice
    from myna.voices.cloning import CloningService
    from myna.voices.schemas import ClonedVoice, Voice

Result = TypeVar("Result")

DEFAULT_ACCOUNT = "default"
"""The account of the first key, and of voices that are made before there is one."""
AccountOption = Annotated[str | None, typer.Option(metavar="NAME", help="The account whose voice it is.")]
Affirmed = Annotated[
    bool, typer.Option("--yes", "--i-have-the-right", help="You have the right to use the recording; do not ask.")
]


@dataclass(frozen=True)
class Workshop:
    """All that is needed to make voices and to look after them."""

    data: LocalData
    speaker: Speaker
    cloning: CloningService


def run_workshop(work: Callable[[Workshop], Awaitable[Result]]) -> Result:
    """Open engines and data, do the work, let them go."""
    import asyncio

    settings = load_settings()
    quiet_logs(settings)
    return asyncio.run(_run(work, settings))


async def _run(work: Callable[[Workshop], Awaitable[Result]], settings: Settings) -> Result:
    speaker = open_speaker(settings)
    try:
        async with opened(speaker) as workshop:
            return await work(workshop)
    finally:
        await speaker.engines.close()


@asynccontextmanager
async def opened(speaker: Speaker) -> AsyncIterator[Workshop]:
    """The data, besides these engines."""
    data = open_data(speaker.settings)
    try:
        await data.database.migrate()
        yield build_workshop(data, speaker)
    finally:
        await data.database.close()


def build_workshop(data: LocalData, speaker: Speaker) -> Workshop:
    from myna.voices.catalogue import VoiceCatalogue
    from myna.voices.cloning import CloningService
    from myna.voices.own import OwnVoices
    from myna.voices.service import VoiceService

    catalogue = VoiceCatalogue(speaker.registry, speaker.settings.voice_aliases)
    voices = VoiceService(catalogue, OwnVoices(data.database, data.storage, speaker.registry))
    cloning = CloningService(
        settings=speaker.settings,
        database=data.database,
        storage=data.storage,
        engines=speaker.engines,
        registry=speaker.registry,
        voices=voices,
    )
    return Workshop(data, replace(speaker, voices=voices), cloning)


async def owner_named(data: LocalData, name: str | None) -> Account:
    """Who gets a voice: the account of that name, else the only one, else `default`, which is made when there is none.

    Raises `NotFound`, and `InvalidRequest` when it cannot be known.
    """
    if name is not None:
        return await account_named(data, name)
    accounts = await data.accounts.list_accounts()
    if not accounts:
        return await data.accounts.create_account(DEFAULT_ACCOUNT)
    known = {account.name: account for account in accounts}
    if len(accounts) == 1 or DEFAULT_ACCOUNT in known:
        return known.get(DEFAULT_ACCOUNT, accounts[0])
    names = ", ".join(sorted(f"`{name}`" for name in known))
    raise InvalidRequest(f"Say whose voice it is: --account NAME. There are: {names}.", field="account")


async def find_clone(workshop: Workshop, name: str, account: str | None = None) -> ClonedVoice:
    """A cloned voice by id or name, of one account or of any.

    Raises `VoiceNotFound`, and `InvalidRequest` when several have the name.
    """
    data = workshop.data
    owners = [await account_named(data, account)] if account else await data.accounts.list_accounts()
    found: list[ClonedVoice] = []
    for owner in owners:
        found += [
            voice
            for voice in await workshop.cloning.list(owner.id)
            if name in (voice.id, voice.record_id) or name.casefold() == voice.name.casefold()
        ]
    if not found:
        raise VoiceNotFound(
            f"There is no cloned voice `{name}`. `myna voices list --account NAME` shows what there is."
        )
    if len(found) > 1:
        ids = ", ".join(voice.id for voice in found)
        raise InvalidRequest(f"Several voices are called `{name}`. Use the id of the one you mean: {ids}.")
    return found[0]


async def voice_named(speaker: Speaker, name: str, account: str | None = None, choice: Choice | None = None) -> Voice:
    """A voice that can speak: of an account and besides the stock voices, or else a stock voice or anybody's.

    Raises `VoiceNotFound`, `VoiceOfOtherEngine` when it is none of the engine that is chosen, and `InvalidRequest`
    when several accounts have a voice of that name.
    """
    if account is not None:
        async with opened(speaker) as workshop:
            owner = await account_named(workshop.data, account)
            return await workshop.speaker.voices.resolve("native", name, owner.id, choice)
    try:
        return await speaker.voices.resolve("native", name, NOBODY, choice)
    except VoiceNotFound as unknown:
        if not has_data(speaker.settings):
            raise
        async with opened(speaker) as workshop:
            try:
                found = await find_clone(workshop, name)
            except VoiceNotFound:
                raise unknown from None
            return await workshop.speaker.voices.resolve("native", found.id, found.account_id, choice)


def has_data(settings: Settings) -> bool:
    """Whether there is a database to look into; a command that only speaks makes none."""
    kind, _, path = settings.resolved_database_url.partition(":///")
    return not kind.startswith("sqlite") or Path(path).is_file()


def read_recording(path: Path, most_bytes: int) -> bytes:
    """Raises `BodyTooLarge` before it is read."""
    size = path.stat().st_size
    if size > most_bytes:
        raise BodyTooLarge(f"`{path}` has {size} bytes; this server takes {most_bytes} (MYNA_MAX_REFERENCE_BYTES).")
    return path.read_bytes()


def ask(question: str, remedy: str) -> None:
    """Go on when the answer is yes. Raises `InvalidRequest` with the remedy when nobody can answer."""
    agreed = _answer(question)
    if agreed is None:
        raise InvalidRequest(f"Nobody answered. {remedy}")
    if not agreed:
        raise typer.Exit(1)


def affirm(question: str) -> None:
    """Go on when the answer is yes. Where nobody can answer, as in a script, who runs the command says so by it."""
    agreed = _answer(question)
    if agreed is None:
        print("\nNobody answers here: whoever runs this command says yes. `--yes` does not ask.", file=sys.stderr)
    elif not agreed:
        raise typer.Exit(1)


def _answer(question: str) -> bool | None:
    """None at the end of the input."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    return answer.strip().lower() in ("y", "yes") if answer else None


@contextmanager
def shown_work(words: str) -> Iterator[None]:
    """Something moves on a terminal while this takes its time."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(words):
        yield

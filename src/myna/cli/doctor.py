"""`myna doctor`: what works on this machine, what does not, and what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from myna.cli.local import run
from myna.cli.show import AsJson, show_rows
from myna.errors import MynaError

if TYPE_CHECKING:
    from myna.http.services import Services

Check = Callable[["Services"], Awaitable[str]]


def doctor(as_json: AsJson = False) -> None:
    """Check the database, the storage, the ledger, the engines and the codecs. Ends with 1 when something is broken."""

    async def work(services: Services) -> bool:
        rows = [await _examine(name, check, services) for name, check in CHECKS.items()]
        rows += [
            {"part": f"engine {name}", "state": "absent", "details": reason}
            for name, reason in services.registry.unavailable.items()
        ]
        show_rows(rows, as_json)
        return all(row["state"] != "broken" for row in rows)

    if not run(work):
        raise typer.Exit(1)


async def _examine(name: str, check: Check, services: Services) -> dict[str, str]:
    try:
        return {"part": name, "state": "ok", "details": await check(services)}
    except MynaError as error:
        return {"part": name, "state": "broken", "details": error.message}


async def _database(services: Services) -> str:
    await services.database.ping()
    return services.database.dialect


async def _storage(services: Services) -> str:
    await services.storage.check()
    return services.settings.resolved_storage_url


async def _ledger(services: Services) -> str:
    if broken := await services.credits.check():
        raise MynaError("; ".join(broken))
    return "exact"


async def _engines(services: Services) -> str:
    """Each engine that is installed speaks a word."""
    from myna.engines.base import SynthesisRequest

    for name in services.registry.names:
        voice = services.registry.voices(name)[0]
        request = SynthesisRequest(text="Hello.", language=voice.language, voice_settings=voice.settings)
        await services.engines.synthesize(name, request)
    return ", ".join(services.registry.names) or "none"


async def _codecs(services: Services) -> str:
    """Each format is written and read back."""
    import numpy as np

    from myna.media.decode import decode
    from myna.media.encode import encode
    from myna.media.formats import AUDIO_FORMATS

    tone = (0.1 * np.sin(np.arange(24_000) / 10)).astype(np.float32)
    for name in AUDIO_FORMATS:
        data = encode(tone, 24_000, name)
        if name != "pcm":
            decode(data)
    return ", ".join(AUDIO_FORMATS)


CHECKS: dict[str, Check] = {
    "database": _database,
    "storage": _storage,
    "ledger": _ledger,
    "engines": _engines,
    "codecs": _codecs,
}

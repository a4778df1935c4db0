"""`myna voices` and `myna engines`: what can speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.local import run
from myna.cli.show import AsJson, show_rows

if TYPE_CHECKING:
    from myna.http.services import Services

app = typer.Typer(help="Voices: list.", no_args_is_help=True)
NOBODY = ""
"""The account that owns no voice, for looking at stock voices."""


@app.command("list")
def list_voices(
    language: Annotated[str | None, typer.Option(help="Such as `en`, `es-MX` or `ar`.")] = None,
    engine: Annotated[str | None, typer.Option(help="Such as `espeak`.")] = None,
    gender: Annotated[str | None, typer.Option(help="`female`, `male` or `neutral`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Voices that can speak on this machine."""

    async def work(services: Services) -> None:
        voices = await services.voices.list(NOBODY, language=language, engine=engine, gender=gender)
        rows = (
            {"id": voice.id, "name": voice.name, "language": voice.language, "gender": voice.gender} for voice in voices
        )
        show_rows(rows, as_json, empty="No voice fits.")

    run(work)


def engines(as_json: AsJson = False) -> None:
    """What speaks on this machine, and what each engine can do."""

    async def work(services: Services) -> None:
        rows = []
        for name in services.registry.names:
            able = services.registry.describe(name)
            rows.append(
                {
                    "engine": name,
                    "ready": True,
                    "languages": able.languages if as_json else len(able.languages),
                    "voices": len(services.registry.voices(name)),
                    "rate": able.sample_rate,
                    "options": sorted(able.options),
                    "licence": able.licence,
                }
            )
        for name, reason in services.registry.unavailable.items():
            rows.append({"engine": name, "ready": False, "why": reason} if as_json else _not_ready(name, reason))
        show_rows(rows, as_json)

    run(work)


def _not_ready(name: str, reason: str) -> dict[str, object]:
    return {"engine": name, "ready": False, "languages": 0, "voices": 0, "rate": 0, "options": [reason], "licence": ""}

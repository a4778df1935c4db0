"""`myna outputs`: the files that jobs made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myna.cli.local import LocalData, account_named, run
from myna.cli.show import AsJson, show_rows
from myna.errors import NotFound

app = typer.Typer(help="Outputs: look, save, delete.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
OutputId = Annotated[str, typer.Argument(metavar="OUTPUT_ID", help="Id of the output, as `myna outputs list` shows.")]


@app.command("list")
def list_outputs(
    name: AccountName,
    search: Annotated[str | None, typer.Option(help="Part of the text.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest outputs to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest outputs of an account."""
    from myna.outputs.schemas import OutputFilter

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        page = await data.outputs.list(account.id, OutputFilter(search=search), after=None, limit=limit)
        rows = (
            {
                "id": output.id,
                "file": output.file_name,
                "seconds": round(output.duration, 2),
                "made": output.created_at,
                "text": output.text if as_json else output.text[:60],
            }
            for output in page.items
        )
        show_rows(rows, as_json)

    run(work)


@app.command()
def save(
    name: AccountName,
    output_id: OutputId,
    to: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; its own name by default.")] = None,
) -> None:
    """Copy an output's file out of the storage."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        output = await data.outputs.get(account.id, output_id)
        path = to or Path(output.file_name)
        with path.open("wb") as file:
            async for block in data.storage.stream(output.object_key):
                file.write(block)
        print(path)

    run(work)


@app.command()
def delete(name: AccountName, output_id: OutputId) -> None:
    """Delete an output and its file, for ever."""

    async def work(data: LocalData) -> int:
        account = await account_named(data, name)
        return await data.outputs.delete(account.id, [output_id])

    if not run(work):
        raise NotFound(f"`{name}` has no output `{output_id}`. `myna outputs list {name}` shows what there is.")
    print(f"Deleted {output_id}.")

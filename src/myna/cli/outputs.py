"""`myna outputs`: the files that jobs made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.local import account_named, run
from myna.cli.show import AsJson, show_rows

if TYPE_CHECKING:
    from myna.http.services import Services

app = typer.Typer(help="Outputs: look, save, delete.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(help="Name of the account.")]
OutputId = Annotated[str, typer.Argument(help="Id of the output.")]


@app.command("list")
def list_outputs(
    name: AccountName,
    search: Annotated[str | None, typer.Option(help="Part of the text.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest outputs to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest outputs of an account."""
    from myna.outputs.schemas import OutputFilter

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        page = await services.outputs.list(account.id, OutputFilter(search=search), after=None, limit=limit)
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

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        output = await services.outputs.get(account.id, output_id)
        path = to or Path(output.file_name)
        with path.open("wb") as file:
            async for block in services.storage.stream(output.object_key):
                file.write(block)
        print(path)

    run(work)


@app.command()
def delete(name: AccountName, output_id: OutputId) -> None:
    """Delete an output and its file, for ever."""

    async def work(services: Services) -> int:
        account = await account_named(services, name)
        return await services.outputs.delete(account.id, [output_id])

    if not run(work):
        print(f"`{name}` has no output `{output_id}`.")
        raise typer.Exit(1)
    print(f"Deleted {output_id}.")

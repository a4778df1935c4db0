"""`myna webhooks`: who hears of what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.local import account_named, run
from myna.cli.show import AsJson, show_row, show_rows

if TYPE_CHECKING:
    from myna.http.services import Services

app = typer.Typer(help="Webhooks: add, look, remove.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(help="Name of the account.")]
EndpointId = Annotated[str, typer.Argument(help="Id of the endpoint.")]


@app.command()
def add(
    name: AccountName,
    url: Annotated[str, typer.Argument(help="Address that takes the POST.")],
    style: Annotated[str, typer.Option(help="`standard` (Standard Webhooks) or `magichour`.")] = "standard",
    event: Annotated[list[str] | None, typer.Option(help="A type of event; all when none is given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register an address and print the secret that its signatures are made with."""

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        endpoint = await services.webhooks.add_endpoint(account.id, url, style=style, events=tuple(event or ()))
        show_row({"id": endpoint.id, "secret": services.webhooks.secret_of(endpoint)}, as_json)

    run(work)


@app.command("list")
def list_endpoints(name: AccountName, as_json: AsJson = False) -> None:
    """The addresses of an account."""

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        rows = (
            {
                "id": endpoint.id,
                "url": endpoint.url,
                "style": endpoint.style,
                "events": endpoint.events or "all",
                "enabled": endpoint.enabled,
                "failing since": endpoint.failing_since,
            }
            for endpoint in await services.webhooks.list_endpoints(account.id)
        )
        show_rows(rows, as_json)

    run(work)


@app.command()
def delete(name: AccountName, endpoint_id: EndpointId) -> None:
    """Remove an address."""

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        await services.webhooks.delete_endpoint(account.id, endpoint_id)
        print(f"Deleted {endpoint_id}.")

    run(work)

"""`myna webhooks`: who hears of what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from myna.cli.local import LocalData, account_named, run
from myna.cli.show import AsJson, show_row, show_rows

if TYPE_CHECKING:
    from myna.webhooks.schemas import Delivery, Endpoint

app = typer.Typer(help="Webhooks: add, look, replay, remove.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
EndpointId = Annotated[
    str, typer.Argument(metavar="ENDPOINT_ID", help="Id of the endpoint, as `myna webhooks list` shows.")
]


@app.command()
def add(
    name: AccountName,
    url: Annotated[str, typer.Argument(metavar="URL", help="Address that takes the POST.")],
    style: Annotated[
        Literal["standard", "magichour"], typer.Option(help="Standard Webhooks, or the shape of a vendor.")
    ] = "standard",
    event: Annotated[
        list[str] | None, typer.Option(help="A type, such as `job.failed`; may be given often. All when none is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register an address and print the secret that its signatures are made with."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        endpoint = await data.webhooks.add_endpoint(account.id, url, style=style, events=tuple(event or ()))
        _show_secret(data, endpoint, as_json)

    run(work)


@app.command("list")
def list_endpoints(name: AccountName, as_json: AsJson = False) -> None:
    """The addresses of an account."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        rows = (
            {
                "id": endpoint.id,
                "url": endpoint.url,
                "style": endpoint.style,
                "events": endpoint.events if as_json else endpoint.events or "all",
                "enabled": endpoint.enabled,
                "failing since": endpoint.failing_since,
            }
            for endpoint in await data.webhooks.list_endpoints(account.id)
        )
        show_rows(rows, as_json, empty=f"None yet. Add one with `myna webhooks add {name} URL`.")

    run(work)


@app.command()
def deliveries(
    name: AccountName,
    endpoint_id: EndpointId,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest deliveries to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """What was sent to an address, and what it answered."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        page = await data.webhooks.deliveries(account.id, endpoint_id, limit=limit)
        show_rows(map(_row, page.items), as_json)

    run(work)


@app.command()
def replay(
    name: AccountName,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY_ID", help="As `myna webhooks deliveries` shows it.")],
) -> None:
    """Send something once more, from the first attempt on."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        await data.webhooks.replay(account.id, delivery_id)
        print(f"{delivery_id} is due. A running node sends it within half a minute.")

    run(work)


@app.command()
def rotate(name: AccountName, endpoint_id: EndpointId, as_json: AsJson = False) -> None:
    """Make a new secret. Signatures are made with the old one too, until the next rotation."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        _show_secret(data, await data.webhooks.rotate_secret(account.id, endpoint_id), as_json)

    run(work)


@app.command()
def enable(name: AccountName, endpoint_id: EndpointId) -> None:
    """Send to an address again."""
    _set_enabled(name, endpoint_id, True)
    print(f"Enabled {endpoint_id}.")


@app.command()
def disable(name: AccountName, endpoint_id: EndpointId) -> None:
    """Send nothing new to an address for now."""
    _set_enabled(name, endpoint_id, False)
    print(f"Disabled {endpoint_id}.")


@app.command()
def delete(name: AccountName, endpoint_id: EndpointId) -> None:
    """Remove an address."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        await data.webhooks.delete_endpoint(account.id, endpoint_id)
        print(f"Deleted {endpoint_id}.")

    run(work)


def _set_enabled(name: str, endpoint_id: str, enabled: bool) -> None:
    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        await data.webhooks.set_enabled(account.id, endpoint_id, enabled)

    run(work)


def _show_secret(data: LocalData, endpoint: Endpoint, as_json: bool) -> None:
    show_row({"id": endpoint.id, "url": endpoint.url, "secret": data.webhooks.secret_of(endpoint)}, as_json)


def _row(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "event": delivery.event_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "answer": delivery.last_status,
        "error": delivery.last_error,
        "made": delivery.created_at,
        "next attempt": delivery.next_attempt_at,
    }

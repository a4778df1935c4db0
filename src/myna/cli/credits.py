"""`myna credits`: what accounts have, and what they spent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.local import account_named, run
from myna.cli.show import AsJson, credits, show_rows

if TYPE_CHECKING:
    from myna.http.services import Services

app = typer.Typer(help="Credits: give, look, check.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(help="Name of the account.")]


@app.command()
def grant(
    name: AccountName,
    amount: Annotated[float, typer.Argument(min=0.001, help="Credits to give.")],
    kind: Annotated[str, typer.Option("--type", help="What to call them.")] = "Granted",
    expires: Annotated[datetime | None, typer.Option(help="When they lapse, in UTC.")] = None,
) -> None:
    """Give credits to an account."""
    from myna.kit.clock import FOREVER

    expires_at = expires.replace(tzinfo=UTC) if expires else FOREVER

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        await services.credits.grant(account.id, round(amount * 1_000), type=kind, expires_at=expires_at)
        print(f"`{name}` has {credits(await services.credits.balance(account.id)):g} credits.")

    run(work)


@app.command("list")
def list_balances(as_json: AsJson = False) -> None:
    """What each account has."""

    async def work(services: Services) -> None:
        accounts = await services.accounts.list_accounts()
        rows = [
            {
                "account": account.name,
                "credits": credits(await services.credits.balance(account.id)),
                "role": account.role,
                "blocked": account.banned,
            }
            for account in accounts
        ]
        show_rows(rows, as_json, empty="No accounts yet. Make one with `myna keys create NAME`.")

    run(work)


@app.command()
def ledger(
    name: AccountName,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest entries to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest entries of an account's ledger."""

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        page = await services.credits.entries(account.id, before=None, limit=limit)
        rows = (
            {"when": entry.created_at, "what": entry.kind, "credits": credits(entry.amount), "hold": entry.hold_id}
            for entry in page.items
        )
        show_rows(rows, as_json)

    run(work)


@app.command()
def check() -> None:
    """Prove that the ledger is exact. Ends with 1 when it is not."""

    async def work(services: Services) -> list[str]:
        return await services.credits.check()

    if broken := run(work):
        print("\n".join(broken))
        raise typer.Exit(1)
    print("The ledger is exact.")

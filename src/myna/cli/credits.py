"""`myna credits`: what accounts have, and what they spent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from myna.cli.local import LocalData, account_named, run
from myna.cli.show import MOST_CREDITS, AsJson, credits, number, show_rows

app = typer.Typer(help="Credits: give, look, check.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]


@app.command()
def grant(
    name: AccountName,
    amount: Annotated[float, typer.Argument(metavar="AMOUNT", min=0.001, max=MOST_CREDITS, help="Credits to give.")],
    kind: Annotated[str, typer.Option("--type", help="What to call them.")] = "Granted",
    expires: Annotated[datetime | None, typer.Option(help="When they lapse, in UTC.")] = None,
) -> None:
    """Give credits to an account."""
    from myna.kit.clock import FOREVER

    expires_at = expires.replace(tzinfo=UTC) if expires else FOREVER

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        await data.credits.grant(account.id, round(amount * 1_000), type=kind, expires_at=expires_at)
        print(f"`{name}` has {number(credits(await data.credits.balance(account.id)))} credits.")

    run(work)


@app.command("list")
def list_credits(name: AccountName, as_json: AsJson = False) -> None:
    """What an account has left, and when it lapses. `myna accounts list` shows the sums of all."""
    from myna.kit.clock import FOREVER

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        rows = (
            {
                "type": credit.type,
                "left": credits(credit.remaining),
                "of": credits(credit.amount),
                "expires": None if credit.expires_at == FOREVER else credit.expires_at,
            }
            for credit in await data.credits.list_credits(account.id)
        )
        show_rows(rows, as_json, empty=f"No credits. Give some with `myna credits grant {name} 100`.")

    run(work)


@app.command()
def ledger(
    name: AccountName,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest entries to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest entries of an account's ledger."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        page = await data.credits.entries(account.id, before=None, limit=limit)
        rows = (
            {"when": entry.created_at, "what": entry.kind, "credits": credits(entry.amount), "hold": entry.hold_id}
            for entry in page.items
        )
        show_rows(rows, as_json)

    run(work)


@app.command()
def check() -> None:
    """Prove that the ledger is exact. Ends with 1 when it is not."""

    async def work(data: LocalData) -> list[str]:
        return await data.credits.check()

    if broken := run(work):
        print("\n".join(broken))
        raise typer.Exit(1)
    print("The ledger is exact.")

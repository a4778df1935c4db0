"""`myna keys`: make, list and revoke API keys."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from myna.cli.local import LocalData, run
from myna.cli.show import MOST_CREDITS, AsJson, credits, number, show_rows

app = typer.Typer(help="API keys: make, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the account; it is made when there is none.")],
    amount: Annotated[
        float, typer.Option("--credits", min=0, max=MOST_CREDITS, help="Credits to give to the account.")
    ] = 0,
) -> None:
    """Print a new key, alone, on standard output. It is shown this once."""

    async def work(data: LocalData) -> tuple[str, float]:
        async with data.database.transaction():
            account = await data.accounts.find_account(name) or await data.accounts.create_account(name)
            if amount:
                await data.credits.grant(account.id, round(amount * 1_000))
            _, token = await data.accounts.create_key(account.id, name)
            return token, credits(await data.credits.balance(account.id))

    token, balance = run(work)
    has = f"{number(balance)} credits" if balance else f"no credits yet (`myna credits grant {name} 100`)"
    print(f"Key for `{name}`, which has {has}. It is shown this once:", file=sys.stderr)
    print(token)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """All keys, without their secret part."""

    async def work(data: LocalData) -> None:
        accounts = {account.id: account.name for account in await data.accounts.list_accounts()}
        rows = (
            {
                "id": key.id,
                "account": accounts[key.account_id],
                "key": key.hint,
                "uses": key.uses,
                "credits spent": credits(key.spent),
                "made": key.created_at,
                "last used": key.last_used_at,
                "revoked": key.revoked_at,
            }
            for key in await data.accounts.list_keys()
        )
        show_rows(rows, as_json, empty="No keys yet. Make one with `myna keys create NAME`.")

    run(work)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The id that `myna keys list` shows.")],
) -> None:
    """Stop a key from working, at once."""

    async def work(data: LocalData) -> None:
        key = await data.accounts.revoke_key(key_id)
        print(f"Revoked {key.hint}.")

    run(work)

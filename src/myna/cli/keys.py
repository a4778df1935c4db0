"""`myna keys`: make, list and revoke API keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.local import run
from myna.cli.show import AsJson, credits, show_rows

if TYPE_CHECKING:
    from myna.http.services import Services

app = typer.Typer(help="API keys, and the accounts they belong to.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the account; it is made when there is none.")],
    amount: Annotated[float, typer.Option("--credits", min=0, help="Credits to give to the account.")] = 0,
) -> None:
    """Print a new key, alone, on standard output. It is shown this once."""

    async def work(services: Services) -> str:
        account = await services.accounts.find_account(name) or await services.accounts.create_account(name)
        if amount:
            await services.credits.grant(account.id, round(amount * 1_000))
        _, token = await services.accounts.create_key(account.id, name)
        return token

    token = run(work)
    print(f"Key for `{name}`, shown this once:", file=sys.stderr)
    print(token)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """All keys, without their secret part."""

    async def work(services: Services) -> None:
        accounts = {account.id: account.name for account in await services.accounts.list_accounts()}
        keys = await services.accounts.list_keys()
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
            for key in keys
        )
        show_rows(rows, as_json, empty="No keys yet. Make one with `myna keys create NAME`.")

    run(work)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `myna keys list` shows.")]) -> None:
    """Stop a key from working, at once."""

    async def work(services: Services) -> None:
        key = await services.accounts.revoke_key(key_id)
        print(f"Revoked {key.hint}.")

    run(work)

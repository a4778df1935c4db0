"""`myna accounts`: who pays, who is blocked, who is exempt from limits."""

from __future__ import annotations

from typing import Annotated

import typer

from myna.accounts.schemas import Role
from myna.cli.local import LocalData, account_named, run
from myna.cli.show import AsJson, credits, show_rows

app = typer.Typer(help="Accounts: look, block, set their role.", no_args_is_help=True)
AccountName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]


@app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """All accounts, with what they have."""

    async def work(data: LocalData) -> None:
        rows = [
            {
                "name": account.name,
                "credits": credits(await data.credits.balance(account.id)),
                "role": account.role,
                "blocked": account.banned,
                "made": account.created_at,
                "id": account.id,
            }
            for account in await data.accounts.list_accounts()
        ]
        show_rows(rows, as_json, empty="No accounts yet. Make one with `myna keys create NAME`.")

    run(work)


@app.command()
def block(name: AccountName) -> None:
    """Refuse all requests of an account, at once. Its data stays."""
    _set_blocked(name, True)
    print(f"Blocked `{name}`. `myna accounts unblock` lets it in again.")


@app.command()
def unblock(name: AccountName) -> None:
    """Let a blocked account in again."""
    _set_blocked(name, False)
    print(f"`{name}` is not blocked.")


@app.command()
def role(
    name: AccountName, new_role: Annotated[Role, typer.Argument(metavar="ROLE", help="`user` or `admin`.")]
) -> None:
    """Make an account an admin, which is exempt from request limits, or a user again."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        await data.accounts.set_role(account.id, new_role)
        print(f"`{name}` is {'an admin' if new_role == 'admin' else 'a user'}.")

    run(work)


def _set_blocked(name: str, blocked: bool) -> None:
    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        await data.accounts.set_banned(account.id, blocked)

    run(work)

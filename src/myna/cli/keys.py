"""`myna keys`: make, list and revoke API keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from myna.cli.local import LocalServices

app = typer.Typer(help="API keys and the accounts they belong to.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the account; it is made when there is none.")],
    credits: Annotated[float, typer.Option(help="Credits to give to the account.")] = 0,
) -> None:
    """Print a new key, alone, on standard output. It is shown this once."""
    from myna.cli.local import run_with_services
    from myna.settings import Settings

    async def work(services: LocalServices) -> str:
        account = await services.accounts.find_account(name) or await services.accounts.create_account(name)
        if credits:
            await services.credits.grant(account.id, round(credits * 1_000))
        _, token = await services.accounts.create_key(account.id, name)
        return token

    token = run_with_services(Settings(), work)
    print(f"Key for `{name}`, shown this once:", file=sys.stderr)
    print(token)

"""The command line. Each command's parts are imported when it runs, so that `myna --help` is quick."""

from __future__ import annotations

import sys

import typer

from myna.cli import keys, serve
from myna.errors import MynaError

app = typer.Typer(
    name="myna",
    help="Voiceovers, voices, cloning and dubbing on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run a command. An error of Myna's own ends with its words, not with a stack trace."""
    try:
        app()
    except MynaError as error:
        print(f"myna: {error.message}", file=sys.stderr)
        sys.exit(1)

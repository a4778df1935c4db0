"""The command line. What a command needs is imported when it runs, so that `myna --help` is quick."""

from __future__ import annotations

import sys

import typer

from myna.cli import credits, doctor, jobs, keys, outputs, say, serve, voices, webhooks
from myna.errors import MynaError

app = typer.Typer(
    name="myna",
    help="Voiceovers, voices, cloning and dubbing on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(say.say)
app.command()(doctor.doctor)
app.command()(voices.engines)
app.add_typer(voices.app, name="voices")
app.add_typer(keys.app, name="keys")
app.add_typer(credits.app, name="credits")
app.add_typer(jobs.app, name="jobs")
app.add_typer(outputs.app, name="outputs")
app.add_typer(webhooks.app, name="webhooks")


def main() -> None:
    """Run a command. An error of Myna's own ends with its words, not with a stack trace."""
    try:
        app()
    except MynaError as error:
        print(f"myna: {error.message}", file=sys.stderr)
        sys.exit(1)

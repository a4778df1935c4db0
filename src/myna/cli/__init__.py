"""The command line. What a command needs is imported when it runs, so that `myna --help` is quick."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

import myna
from myna.cli import (
    accounts,
    clone,
    credits,
    doctor,
    dub,
    environments,
    jobs,
    keys,
    models,
    outputs,
    say,
    serve,
    voices,
    webhooks,
)
from myna.errors import MynaError

app = typer.Typer(
    name="myna",
    help="Voiceovers, voices, cloning and dubbing on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # a coloured help would take twice as long as all the rest
)
app.command()(serve.serve)
app.command()(say.say)
app.command()(clone.clone)
app.command()(dub.dub)
app.command()(doctor.doctor)
app.add_typer(environments.app, name="engines")
app.add_typer(voices.app, name="voices")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(accounts.app, name="accounts")
app.add_typer(credits.app, name="credits")
app.add_typer(jobs.app, name="jobs")
app.add_typer(outputs.app, name="outputs")
app.add_typer(webhooks.app, name="webhooks")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"myna {myna.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Voiceovers, voices, cloning and dubbing on your own machine."""


def main() -> None:
    """Run a command. What is not a fault of Myna's own ends with words, not with a stack trace."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # requests share the cores; its threads would spin for them
    try:
        app()
    except MynaError as error:
        _fail(error.message)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"Cannot use `{error.filename}`: {error.strerror}. Choose another place, or mend this one.")
    finally:
        _flush()


def _flush() -> None:
    """Python would complain at its end of words that nobody reads any more: `myna voices list | head`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> NoReturn:
    print(f"myna: {message}", file=sys.stderr)
    sys.exit(1)

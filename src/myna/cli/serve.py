"""`myna serve`: start a node."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from myna.settings import Settings

FIRST_CREDITS = 1_000
"""Credits that the account of the first key is given."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Start a node: it answers on HTTP and works the queue."""
    from myna.logs import set_up_logs
    from myna.settings import Settings

    given: dict[str, Any] = {"host": host, "port": port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    set_up_logs(settings)
    _print_first_key(settings)
    _listen(settings)


def _listen(settings: Settings) -> None:
    import uvicorn

    from myna.app import create_app

    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        lifespan="on",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=round(settings.stop_seconds),
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
    )
    listener = _bind(settings)
    host, port = listener.getsockname()[:2]
    print(f"Myna listens on http://{host}:{port}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _bind(settings: Settings) -> socket.socket:
    from myna.errors import StartupError

    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        raise StartupError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another with --port, or stop what uses it."
        ) from None
    listener.set_inheritable(True)
    return listener


def _print_first_key(settings: Settings) -> None:
    """A fresh node prints one key, once, so that its owner can begin."""
    from myna.cli.local import run_with_services

    async def first_key(services: Any) -> str | None:
        if await services.accounts.list_accounts():
            return None
        account = await services.accounts.create_account("default")
        await services.credits.grant(account.id, FIRST_CREDITS * 1_000, key="first")
        _, token = await services.accounts.create_key(account.id, "first key")
        return str(token)

    if token := run_with_services(settings, first_key):
        print(f"Your API key, shown this once, with {FIRST_CREDITS} credits: {token}", file=sys.stderr, flush=True)

"""`myna serve`: start a node."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from myna.cli.local import run
from myna.errors import StartupError

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.settings import Settings

FIRST_CREDITS = 1_000
"""Credits that the account of the first key is given."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [default: 8311]")] = None,
) -> None:
    """Start a node: it answers on HTTP and works the queue."""
    from myna.settings import Settings

    given: dict[str, Any] = {"host": host, "port": port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if not settings.serve_http:
        _work_only(settings)
        return
    listener = _bind(settings)
    _print_first_key(settings)
    _listen(settings, listener)


def _work_only(settings: Settings) -> None:
    """Work the queue until told to stop, without answering on HTTP."""
    import asyncio
    import signal

    from myna.app import build_node
    from myna.logs import set_up_logs

    async def work() -> None:
        node = build_node(settings)
        told_to_stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, told_to_stop.set)
        await node.start()
        print("Myna works the queue", flush=True)
        await told_to_stop.wait()
        await node.stop()

    set_up_logs(settings)
    asyncio.run(work())


def _bind(settings: Settings) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        raise StartupError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another with --port, or stop what uses it."
        ) from None
    return listener


def _print_first_key(settings: Settings) -> None:
    """A fresh node prints one key, once, so that its owner can begin."""

    async def first_key(services: Services) -> str | None:
        if await services.accounts.list_accounts():
            return None
        account = await services.accounts.create_account("default")
        await services.credits.grant(account.id, FIRST_CREDITS * 1_000, key="first")
        _, token = await services.accounts.create_key(account.id, "first key")
        return token

    if token := run(first_key, settings):
        print(f"Your API key, shown this once, with {FIRST_CREDITS} credits: {token}", file=sys.stderr, flush=True)


def _listen(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from myna.app import create_app

    config = uvicorn.Config(
        create_app(settings),
        access_log=False,
        log_config=None,
        lifespan="on",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=round(settings.stop_seconds),
        server_header=False,
    )
    host, port = listener.getsockname()[:2]
    print(f"Myna listens on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])

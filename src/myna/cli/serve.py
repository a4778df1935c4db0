"""`myna serve`: start a node."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from myna.cli.local import LocalData, load_settings, run
from myna.errors import Conflict, StartupError
from myna.kit.processes import keep_little_memory

if TYPE_CHECKING:
    from myna.settings import Settings

FIRST_CREDITS = 1_000
"""Credits that the account of the first key is given."""
_BACKLOG = 2_048


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one. [default: 8311]")
    ] = None,
) -> None:
    """Start a node: it answers on HTTP and works the queue."""
    keep_little_memory()
    settings = load_settings(host=host, port=port)
    if not settings.serve_http:
        _work_only(settings)
        return
    listener = _bind(settings)
    _print_first_key(settings)
    _listen(settings, listener)


def _work_only(settings: Settings) -> None:
    """Work the queue until told to stop, without answering on HTTP."""
    import asyncio

    from myna.app import build_node
    from myna.logs import set_up_logs

    if not settings.work:
        raise StartupError("MYNA_SERVE_HTTP and MYNA_WORK are both off, so this node has nothing to do. Switch one on.")

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
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(work())


def _bind(settings: Settings) -> socket.socket:
    """From now on clients may connect; they are answered as soon as the node is ready."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another with --host and --port, or stop what uses it."
        ) from None
    return listener


def _print_first_key(settings: Settings) -> None:
    """A fresh node prints one key, once, so that its owner can begin."""

    async def first_key(data: LocalData) -> str | None:
        if await data.accounts.list_keys():
            return None
        with suppress(Conflict):  # another node has just done it
            async with data.database.transaction():
                account = await data.accounts.find_account("default") or await data.accounts.create_account("default")
                await data.credits.grant(account.id, FIRST_CREDITS * 1_000, key="first")
                _, token = await data.accounts.create_key(account.id, "first key")
                return token
        return None

    if token := run(first_key, settings):
        print(f"Your API key, shown this once, with {FIRST_CREDITS} credits: {token}", file=sys.stderr, flush=True)


def _listen(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from myna.app import create_app
    from myna.http.sockets import MAX_MESSAGE_BYTES
    from myna.logs import set_up_logs

    set_up_logs(settings)
    config = uvicorn.Config(
        create_app(settings),
        access_log=False,
        log_config=None,
        lifespan="on",
        timeout_keep_alive=75,  # longer than clients pause between two polls, or a socket closes under its next request
        timeout_graceful_shutdown=round(settings.stop_seconds),
        server_header=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # sound does not get smaller, and a message could be a bomb
    )
    host, port = listener.getsockname()[:2]
    print(f"Myna listens on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    server = uvicorn.Server(config)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _end)
    server.run(sockets=[listener])
    if not server.started:
        raise StartupError("The node did not start. The log above says why; `myna doctor` checks each part.")


def _end(*_: object) -> NoReturn:
    """The server raises the signal that stopped it once more when it is done: that is the end, and no failure."""
    raise SystemExit(0)

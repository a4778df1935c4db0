"""A small world for the layers around an API: real accounts and a real database, and an ASGI client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Tracebacks in colours take a second each."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture
def client() -> Client:
    """Talk to an ASGI app without a socket: `async with client(app) as http`."""

    @asynccontextmanager
    async def open_client(app: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=app, client=options.pop("address", ("192.0.2.1", 1234)))
        async with httpx.AsyncClient(transport=transport, base_url="http://myna.test", **options) as http:
            yield http

    return open_client

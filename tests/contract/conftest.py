"""What the tests of all façades share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fixtures import stablecog
from tests.fixtures.server import ServerProcess


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client without a key. Nothing here is encrypted, so it need not load certificates."""
    with httpx.Client(timeout=60, verify=False) as client:
        yield client


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[..., stablecog.Account]]:
    """Make accounts that speak Stablecog's API: `opened(server, credits=1)`."""
    accounts = []

    def make(server: ServerProcess, **options: Any) -> stablecog.Account:
        accounts.append(stablecog.Account(server, **options))
        return accounts[-1]

    yield make
    for account in accounts:
        account.http.close()

"""What the tests of all façades share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client without a key. Nothing here is encrypted, so it need not load certificates."""
    with httpx.Client(timeout=60, verify=False) as client:
        yield client

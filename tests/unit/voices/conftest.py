"""What the tests of cloned voices start from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from myna.db.session import Database
from tests.fixtures.cloning import Studio, open_studio


@pytest.fixture
async def studio(database: Database, tmp_path: Path) -> AsyncIterator[Studio]:
    """Two accounts of one server. Tests that use it run on SQLite and on PostgreSQL."""
    async with open_studio(database, tmp_path) as opened:
        yield opened

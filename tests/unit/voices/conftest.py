"""What the tests of cloned voices start from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from myna.db.session import Database
from tests.fixtures.cloning import Studio, open_studio
from tests.fixtures.recordings import wav
from tests.fixtures.speech import Speak


@pytest.fixture
async def studio(database: Database, tmp_path: Path) -> AsyncIterator[Studio]:
    """Two accounts of one server. Tests that use it run on SQLite and on PostgreSQL."""
    async with open_studio(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def local_studio(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Studio]:
    """The same on SQLite alone, for what takes long and has little to do with the database."""
    async with open_studio(sqlite_database, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def brief(espeak: Speak) -> bytes:
    """Four seconds of a woman, as WAV."""
    return wav(espeak("The birds are singing in the morning sun, and the river runs quietly to the sea.", "en-us+f4"))

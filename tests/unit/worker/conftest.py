from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from myna.db.session import Database
from myna.settings import Settings
from tests.fixtures.webhooks import House


@pytest.fixture
async def sqlite_house(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[House]:
    """What is the same on both databases is tried on one."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'myna.sqlite')}"
    database = Database(url)
    yield House(database, Settings(data_dir=tmp_path, database_url=url, fetch_allow="127.0.0.0/8"))
    await database.close()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, Settings(data_dir=tmp_path, database_url=database.url))

from __future__ import annotations

from pathlib import Path

import pytest

from myna.db.session import Database
from myna.settings import Settings
from tests.fixtures.webhooks import House


@pytest.fixture
def sqlite_house(sqlite_database: Database, tmp_path: Path) -> House:
    """What is the same on both databases is tried on one."""
    settings = Settings(data_dir=tmp_path, database_url=sqlite_database.url, fetch_allow="127.0.0.0/8")
    return House(sqlite_database, settings)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, Settings(data_dir=tmp_path, database_url=database.url))

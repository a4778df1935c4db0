from __future__ import annotations

from pathlib import Path

import pytest

from myna.db.session import Database
from myna.settings import Settings
from tests.fixtures.webhooks import House


@pytest.fixture
def settings(tmp_path: Path, database: Database) -> Settings:
    return Settings(data_dir=tmp_path, database_url=database.url, fetch_allow="127.0.0.0/8, ::1/128")


@pytest.fixture
def house(database: Database, settings: Settings) -> House:
    return House(database, settings)

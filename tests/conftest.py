"""Options and fixtures of the whole suite."""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the product; its threads would spin for the cores

pytest_plugins = [
    "tests.fixtures.server",
    "tests.fixtures.node",
    "tests.fixtures.databases",
    "tests.fixtures.storages",
    "tests.fixtures.speech",
    "tests.fixtures.recordings",
    "tests.fixtures.canary",
    "tests.fixtures.dubs",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run fault tests in their long form")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    keep_sharers_together(items)
    skip_long_forms(config, items)


def keep_sharers_together(items: list[pytest.Item]) -> None:
    """Tests that share what their module has made run in one process (`--dist loadgroup`), so it is made once."""
    for item in items:
        made: dict[str, Any] = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        if any(found[-1].scope == "module" for found in made.values()):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(item.config.rootpath))))


def skip_long_forms(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="long form: run with --full")
    for item in items:
        if "full" in item.keywords:
            item.add_marker(skip)

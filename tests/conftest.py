"""Options and fixtures of the whole suite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the product; its threads would spin for the cores
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would each compile what they import

pytest_plugins = [
    "tests.fixtures.server",
    "tests.fixtures.node",
    "tests.fixtures.databases",
    "tests.fixtures.storages",
    "tests.fixtures.speech",
    "tests.fixtures.recordings",
    "tests.fixtures.canary",
    "tests.fixtures.dubs",
    "tests.fixtures.checkpoints.language",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run fault tests in their long form")


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """For `--dist loadgroup`."""
    from tests.fixtures.scheduling import SharersTogether

    return SharersTogether(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="long form: run with --full")
    for item in items:
        if "full" in item.keywords:
            item.add_marker(skip)

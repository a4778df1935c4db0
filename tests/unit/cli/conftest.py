"""The command line in the test's own process, on data of its own, with the fake engine."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from myna.cli import main
from myna.cli.local import LocalData, run
from myna.settings import Settings


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


CommandLine = Callable[..., Outcome]


@pytest.fixture(scope="session")
def fresh_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with empty tables, to copy."""

    async def nothing(_: LocalData) -> None: ...

    folder = tmp_path_factory.mktemp("fresh")
    run(nothing, Settings(data_dir=folder, log_level="error"))
    return folder


@pytest.fixture
def log_levels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The levels that commands have asked for. The test's own logs are left alone."""
    levels: list[str] = []
    monkeypatch.setattr("myna.logs.set_up_logs", lambda settings: levels.append(settings.log_level))
    return levels


@pytest.fixture
def myna(
    tmp_path: Path,
    fresh_data: Path,
    log_levels: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> CommandLine:
    """`myna("keys", "list")`, in a folder of its own."""
    shutil.copytree(fresh_data, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYNA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MYNA_ENGINES", "fake")

    def call(*arguments: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["myna", *arguments])
        monkeypatch.setattr(sys, "stdin", StringIO(stdin))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return call

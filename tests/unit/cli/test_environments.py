"""`myna engines` and what stands below it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from myna.engines import environments
from tests.fixtures.environments import make_environment
from tests.unit.cli.conftest import CommandLine


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYNA_DATA_DIR", str(tmp_path))
    return tmp_path


def test_engines_are_listed_without_a_further_word(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_ENGINES", "fake,fake-recognition,fake-translation")
    rows = json.loads(myna("engines", "--json").out)
    assert [row["engine"] for row in rows if row["kind"] == "speech"] == ["fake"]


def test_an_engine_that_needs_no_environment_gets_none(myna: CommandLine, data: Path) -> None:
    refused = myna("engines", "install", "espeak")
    assert refused.code == 1
    assert "no environment" in refused.err
    assert myna("engines", "remove", "espeak").code == 1
    assert not (data / "environments").exists()


def test_after_installing_it_says_what_is_still_missing(
    myna: CommandLine, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    def make(engine: str, folder: Path, torch_index: str | None) -> Path:
        asked.append(torch_index)
        return make_environment(folder)

    monkeypatch.setattr(environments, "install", make)
    shown = myna("engines", "install", "pocket", "--torch-index", "https://example.org/torch")
    assert shown.code == 0, shown.err
    assert "1.2 GB" in shown.out
    assert "pocket is installed, but" in shown.out
    assert asked == ["https://example.org/torch"]
    assert "is gone" in myna("engines", "remove", "pocket").out
    assert not (data / "environments" / "pocket").exists()
    assert "There is no environment" in myna("engines", "remove", "pocket").out

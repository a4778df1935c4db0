"""The command itself: help, version, errors, and how little it loads."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import myna as package
from tests.unit.cli.conftest import CommandLine

ROOT = Path(__file__).parents[3]
HEAVY = {
    "alembic", "asyncio", "av", "dbos", "fastapi", "httpx", "numpy", "obstore", "pydantic", "pydantic_settings",
    "rich", "scipy", "sqlalchemy", "starlette", "structlog", "uvicorn",
}  # fmt: skip


def test_help_loads_nothing_heavy() -> None:
    listing = "import sys; from myna.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", listing, "--help"], capture_output=True, text=True, check=True)
    assert "serve" in ended.stdout
    assert HEAVY & set(ended.stderr.split()) == set()


def test_help_names_every_command(myna: CommandLine) -> None:
    shown = myna("--help").out
    names = "serve say doctor engines voices keys accounts credits jobs outputs webhooks"
    assert all(f"\n  {name} " in shown for name in names.split())
    assert "[default: 8311]" in myna("serve", "--help").out


def test_version_is_that_of_the_package(myna: CommandLine) -> None:
    assert myna("--version").out == f"myna {package.__version__}\n"
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == package.__version__


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nope"], "No such command 'nope'."),
        (["keys", "create"], "Missing argument 'NAME'."),
        (["serve", "--port", "99999"], "less than or equal to 65535"),
        (["voices", "list", "--gender", "loud"], "'female', 'male', 'neutral'"),
        (["jobs", "list", "alice", "--status", "lost"], "'queued'"),
    ],
)
def test_wrong_use_ends_with_2_and_says_how_it_goes(myna: CommandLine, arguments: list[str], why: str) -> None:
    refused = myna(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert why in refused.err
    assert "--help" in refused.err


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PORT", "many", "MYNA_PORT: Input should be a valid integer"),
        ("ENGINES", "[oops", "MYNA_ENGINES: neither names, separated by commas, nor a list in JSON"),
        ("VOICE_ALIASES", "{oops", "voice_aliases"),
        ("DATABASE_URL", "mysql://somewhere", "The database URL must look like"),
        ("STORAGE_URL", "ftp://somewhere", "The storage URL must look like"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    myna: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(f"MYNA_{name}", value)
    refused = myna("keys", "list")
    assert (refused.code, refused.out) == (1, "")
    assert why in refused.err
    assert "Traceback" not in refused.err


def test_the_value_of_a_wrong_setting_is_not_shown(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_PORT", "hunter2")
    assert "hunter2" not in myna("keys", "list").err


def test_a_broken_settings_file_is_named(myna: CommandLine) -> None:
    Path("myna.toml").write_text("port = = 1")
    assert "`myna.toml` cannot be read" in myna("keys", "list").err


def test_settings_come_from_the_file_too(myna: CommandLine) -> None:
    Path("myna.toml").write_text('data_dir = "elsewhere"')
    assert myna("keys", "create", "alice").code == 0
    assert len(myna("keys", "list", "--json").json) == 1


def test_a_folder_that_cannot_be_made_is_named(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("MYNA_DATA_DIR", "file/data")
    refused = myna("keys", "list")
    assert refused.code == 1
    assert "Cannot use `file/data`" in refused.err


def test_commands_are_quiet_unless_asked(
    myna: CommandLine, log_levels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    myna("keys", "list")
    monkeypatch.setenv("MYNA_LOG_LEVEL", "debug")
    myna("voices", "list", "--language", "fr")
    assert log_levels == ["warning", "debug"]

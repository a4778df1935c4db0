"""Environments for engines: which commands make them, what is left when one fails, how the settings find them."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from myna.engines.environments import CPU_INDEX, MARK, RECIPES, install, recipe_of, remove, steps
from myna.errors import EngineUnavailable, InvalidRequest
from myna.settings import Settings


class Runner:
    """Makes the environment itself, and notes what pip was asked for in place of fetching it."""

    def __init__(self, failing: int | None = None) -> None:
        self.commands: list[Sequence[str]] = []
        self._failing = failing

    def __call__(self, command: Sequence[str]) -> int:
        self.commands.append(command)
        if len(self.commands) == self._failing:
            return 3
        return subprocess.call([*command, "--without-pip"]) if "venv" in command else 0


def test_recipes_are_for_engines_that_there_are() -> None:
    assert set(RECIPES) <= {entry.name for entry in entry_points(group="myna.engines")}


def test_an_environment_is_found_by_the_settings_once_it_is_whole(tmp_path: Path) -> None:
    settings, runner = Settings(data_dir=tmp_path), Runner()
    assert settings.resolved_engine_pythons == {}
    python = install("pocket", settings.environments_dir / "pocket", run=runner)
    assert settings.resolved_engine_pythons == {"pocket": python}
    assert subprocess.run([python, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
    assert "pocket-tts==4.0.1" in (python.parents[1] / MARK).read_text().split()
    assert len(runner.commands) == 3


def test_the_setting_wins_over_what_was_installed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, engine_pythons={"pocket": Path("/opt/python"), "harp": Path("/opt/harp")})
    install("pocket", settings.environments_dir / "pocket", run=Runner())
    assert settings.resolved_engine_pythons == {"pocket": Path("/opt/python"), "harp": Path("/opt/harp")}


def test_pythons_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_ENGINE_PYTHONS", '{"pocket": "/opt/pocket/bin/python"}')
    assert Settings().engine_pythons == {"pocket": Path("/opt/pocket/bin/python")}


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_one_that_is_not_whole_is_not_used(tmp_path: Path, failing: int) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(EngineUnavailable, match="ended with 3"):
        install("pocket", settings.environments_dir / "pocket", run=Runner(failing))
    assert settings.resolved_engine_pythons == {}


def test_what_failed_can_be_tried_by_hand_and_torch_had_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(EngineUnavailable) as without_torch:
        install("pocket", tmp_path / "my pocket", run=Runner(2))
    told = without_torch.value.message
    assert shlex.join(steps("pocket", tmp_path / "my pocket")[1]) in told
    assert "--torch-index" in told
    with pytest.raises(EngineUnavailable) as without_library:
        install("pocket", tmp_path / "pocket", run=Runner(3))
    assert "--torch-index" not in without_library.value.message


def test_it_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "pocket"
    install("pocket", folder, run=Runner())
    (folder / "old").touch()
    with pytest.raises(EngineUnavailable):
        install("pocket", folder, run=Runner(2))
    assert not (folder / "old").exists()
    assert not (folder / MARK).exists()


def test_torch_for_processors_comes_from_its_own_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert CPU_INDEX in steps("pocket", tmp_path)[1]
    assert CPU_INDEX not in steps("pocket", tmp_path)[2]
    assert CPU_INDEX not in steps("chatterbox", tmp_path)[1]
    assert "--index-url" not in steps("pocket", tmp_path, "")[1]
    assert steps("chatterbox", tmp_path, "https://example.org/torch")[1][-1] == "https://example.org/torch"
    monkeypatch.setattr("sys.platform", "darwin")
    assert "--index-url" not in steps("pocket", tmp_path)[1]


def test_the_last_step_keeps_the_torch_of_the_first(tmp_path: Path) -> None:
    for engine, recipe in RECIPES.items():
        assert set(recipe.torch) < set(steps(engine, tmp_path)[2])


def test_only_some_engines_need_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="chatterbox, demucs, pocket, qwen-tts"):
        recipe_of("espeak")
    with pytest.raises(InvalidRequest):
        install("espeak", tmp_path / "espeak", run=Runner())


def test_removing(tmp_path: Path) -> None:
    install("pocket", tmp_path / "pocket", run=Runner())
    assert remove(tmp_path / "pocket")
    assert not remove(tmp_path / "pocket")

"""Which command installs what is missing: in a checkout, by pip of this Python, by uv where there is no pip."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from myna.kit import installing
from myna.kit.installing import TREE, install_extra, install_package, is_lent, without_folders


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The Python that runs this is that of another environment, with pip."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(installing, "find_spec", lambda name: name == "pip")
    return tmp_path / "bin" / "python"


def test_in_a_checkout_it_is_the_script_wherever_one_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(TREE / ".venv"))
    monkeypatch.chdir(tmp_path)
    script, *options = shlex.split(install_extra("kokoro"))
    assert Path(script) == Path(__file__).parents[3] / "scripts" / "prepare"
    assert options == ["--no-dev", "--inexact", "--extra", "kokoro"]


def test_a_checkout_that_another_environment_runs_is_not_prepared_for_it(elsewhere: Path) -> None:
    assert install_extra("kokoro") == f"{elsewhere} -m pip install 'myna[kokoro]'"


def test_without_a_checkout_it_is_pip_of_this_python(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(installing, "TREE", tmp_path / "lib")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "lib" / ".venv"))
    assert install_extra("piper") == f"{elsewhere} -m pip install 'myna[piper]'"


def test_uv_brings_it_where_there_is_no_pip(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    monkeypatch.setattr(installing, "find_spec", lambda name: None)
    assert install_package("piper-tts") == f"uv pip install --python {elsewhere} piper-tts"


def test_a_path_with_a_space_is_one_word(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/my things/python")
    assert shlex.split(install_package("piper-tts"))[0] == "/my things/python"


def test_myna_is_installed_where_its_tests_run() -> None:
    assert not is_lent()


def test_clients_are_told_no_folders(elsewhere: Path) -> None:
    def told(command: str) -> str:
        return without_folders(f"`kokoro-onnx` is not installed: `{command}` brings it")

    prepare = f"{TREE}/scripts/prepare --no-dev --inexact --extra kokoro"
    assert told(prepare) == told("scripts/prepare --no-dev --inexact --extra kokoro")
    assert told(install_extra("kokoro")) == told("python -m pip install 'myna[kokoro]'")
    assert (
        without_folders("Load model from /srv/models/kokoro/model.onnx failed") == "Load model from model.onnx failed"
    )


def test_addresses_and_pages_stay_as_they_are() -> None:
    text = "MYNA_REMOTE_URL names no speech server, such as http://127.0.0.1:8880/v1/ (docs/engines/remote.md)"
    assert without_folders(text) == text

"""What an engine says that lacks a library or a model: the command that brings it, for the Python that it runs with."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.engines.elsewhere import Program, ask
from myna.engines.needs import missing_library, usable
from myna.engines.probing import Absent
from myna.errors import EngineUnavailable
from myna.kit.installing import install_extra
from tests.fixtures.environments import NUMPY, make_environment

NEEDED = ("pydantic", "pydantic_core", "pydantic_settings", "platformdirs", "typing_extensions.py", "typing_inspection")
"""What an environment of an engine has besides numpy."""


def test_the_first_library_that_is_missing_has_its_command() -> None:
    reason = missing_library("kokoro", {"json": "json", "no_such_module": "no-such-package", "nor_this": "nor-this"})
    assert reason == f"`no-such-package` is not installed: `{install_extra('kokoro')}` brings it"
    assert missing_library("kokoro", {"json": "json"}) == ""


def test_engines_with_torch_get_an_environment() -> None:
    reason = missing_library("demucs", {"no_such_module": "no-such-package"})
    assert reason.endswith("`myna engines install demucs` brings it")


def test_without_a_model_it_says_what_the_search_says() -> None:
    def find() -> None:
        raise EngineUnavailable("no model is here")

    assert usable("kokoro", {"json": "json"}, find) == (False, "no model is here")
    assert usable("kokoro", {"json": "json"}, lambda: None) == (True, "")
    assert not usable("kokoro", {"no_such_module": "x"}, lambda: None)[0]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment for engines in which the engine's own library is missing, with no pip."""
    libraries = (*NUMPY, *NEEDED, "annotated_types", "dotenv")
    return make_environment(tmp_path_factory.mktemp("data") / "environments" / "pocket", libraries)


@pytest.mark.parametrize(
    ("engine", "target", "package"),
    [
        ("sherpa", "myna.engines.sherpa:SherpaEngine", "sherpa-onnx"),
        ("demucs", "myna.engines.demucs:DemucsEngine", "demucs"),
    ],
)
def test_an_environment_made_by_hand_gets_the_package_itself(
    python: Path, engine: str, target: str, package: str
) -> None:
    found = ask(engine, Program(target, python))
    assert isinstance(found, Absent)
    assert found.reason == f"`{package}` is not installed: `uv pip install --python {python} {package}` brings it"


def test_an_environment_that_myna_made_is_made_anew(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_DATA_DIR", str(python.parents[3]))
    found = ask("demucs", Program("myna.engines.demucs:DemucsEngine", python))
    assert isinstance(found, Absent)
    assert found.reason.endswith("`myna engines install demucs` brings it")

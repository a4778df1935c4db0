"""What is missing for which feature, and the command that brings it."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from myna.engines.environments import RECIPES
from myna.kit.installing import install_extra
from myna.models import features
from myna.models.catalogue import load
from myna.models.features import FEATURES, examine, missing_installs
from myna.models.store import ModelStore
from myna.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "weights.onnx").write_bytes(b"x")
    return tmp_path / "weights.onnx"


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_is_installed", lambda package: False)


@pytest.fixture
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_is_installed", lambda package: True)


def found(store: ModelStore, settings: Settings) -> dict[str, Any]:
    return {finding.feature.name: finding for finding in examine(store, settings)}


def check_commands(advice: str) -> None:
    """Every command is one of Myna's, or installs an extra that there is."""
    extras = set(metadata.metadata("myna").get_all("Provides-Extra") or ())
    for command in re.sub(r"  \([^)]*\)", "", advice).split(" && "):
        match shlex.split(command):
            case ["myna", "models", "pull", name]:
                assert name in load()
            case ["myna", "engines", "install", name]:
                assert name in RECIPES
            case _:
                assert command in {install_extra(extra) for extra in extras}


def test_every_feature_begins_with_a_model_of_the_catalogue() -> None:
    assert {feature.models[0] for feature in FEATURES if feature.models} <= set(load())
    engines = {model.engine for model in load().values()}
    assert {name for feature in FEATURES for name in feature.models} <= set(load()) | engines


@pytest.mark.usefixtures("nothing_installed")
def test_without_anything_both_steps_are_named(store: ModelStore, settings: Settings) -> None:
    finding = found(store, settings)["natural speech"]
    assert not finding.by
    assert finding.missing == f"{install_extra('kokoro')} && myna models pull kokoro  (354 MB)"


@pytest.mark.usefixtures("all_installed")
def test_with_the_library_the_pull_is_enough(store: ModelStore, settings: Settings) -> None:
    command = found(store, settings)["recognition of many languages"].missing
    assert command == "myna models pull whisper-base  (148 MB)"


@pytest.mark.usefixtures("nothing_installed")
def test_a_model_without_its_library_asks_for_the_library(store: ModelStore, settings: Settings, weights: Path) -> None:
    store.add("kokoro", "kokoro", weights)
    assert found(store, settings)["natural speech"].missing == install_extra("kokoro")


@pytest.mark.usefixtures("all_installed")
def test_any_model_of_the_engine_will_do(store: ModelStore, settings: Settings, weights: Path) -> None:
    store.add("our-voice", "piper", weights)
    finding = found(store, settings)["natural speech"]
    assert (finding.by, finding.missing) == ("our-voice", "")


@pytest.mark.usefixtures("all_installed")
def test_a_damaged_model_gives_nothing(store: ModelStore, settings: Settings, weights: Path) -> None:
    (store.add("our-voice", "piper", weights) / "weights.onnx").unlink()
    assert not found(store, settings)["natural speech"].by


@pytest.mark.usefixtures("nothing_installed")
def test_an_engine_with_an_environment_of_its_own_needs_nothing_here(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"engine_pythons": {"kokoro": Path("/opt/kokoro/bin/python")}})
    assert missing_installs("kokoro", ("kokoro",), settings) == [install_extra("kokoro")]
    assert missing_installs("kokoro", ("kokoro",), elsewhere) == []


@pytest.mark.usefixtures("nothing_installed")
def test_engines_with_pytorch_get_an_environment(store: ModelStore, settings: Settings) -> None:
    assert found(store, settings)["speech apart from music"].missing.startswith(
        "myna engines install demucs && myna models pull demucs"
    )


def test_what_only_some_versions_of_python_get_is_not_missed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    requires = ["kokoro-onnx[x]>=1 ; extra == 'kokoro'", "misaki ; python_full_version < '3.13' and extra == 'kokoro'"]
    monkeypatch.setattr(features.metadata, "requires", lambda package: requires)
    monkeypatch.setattr(features, "_is_installed", lambda package: package == "kokoro-onnx")
    assert missing_installs("kokoro", ("kokoro",), settings) == []
    monkeypatch.setattr(features, "_is_installed", lambda package: package == "misaki")
    assert missing_installs("kokoro", ("kokoro",), settings) == [install_extra("kokoro")]


@pytest.mark.usefixtures("nothing_installed")
def test_what_is_no_extra_is_no_package(settings: Settings) -> None:
    assert missing_installs("kokoro", ("gpu",), settings) == []


@pytest.mark.usefixtures("all_installed")
def test_an_engine_that_cannot_be_used_gives_nothing(store: ModelStore, settings: Settings, weights: Path) -> None:
    """For want of a graphics card, or since the operator does not name it."""
    store.add("chatterbox", "chatterbox", weights)
    (cloning,) = [f for f in examine(store, settings, {"chatterbox": "no card"}) if f.feature.name == "neural cloning"]
    assert (cloning.by, cloning.missing) == ("", "the model `chatterbox` is here, but no card")


@pytest.mark.usefixtures("all_installed")
def test_a_model_that_clones_in_any_language_is_one(store: ModelStore, settings: Settings, weights: Path) -> None:
    store.add("pocket-french-stock", "pocket", weights)
    assert not found(store, settings)["neural cloning"].by
    store.add("pocket-french", "pocket", weights)
    assert found(store, settings)["neural cloning"].by == "pocket-french"


def test_an_extra_alone_may_be_what_is_missing(
    store: ModelStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_is_installed", lambda package: False)
    assert found(store, settings)["Japanese in kanji"].missing == install_extra("japanese")
    monkeypatch.setattr(features, "_is_installed", lambda package: True)
    assert found(store, settings)["Japanese in kanji"].by == "myna[japanese]"


@pytest.mark.parametrize("installed", [True, False])
def test_every_command_that_is_named_exists(
    store: ModelStore, settings: Settings, weights: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    """With nothing, with libraries but no models, with models but no libraries."""
    monkeypatch.setattr(features, "_is_installed", lambda package: installed)
    advice = [finding.missing for finding in examine(store, settings)]
    assert all(advice) or installed
    advice += [words for model in load().values() for words in missing_installs(model.engine, model.needs, settings)]
    for name, model in load().items():
        store.add(name, model.engine, weights)
    advice += [finding.missing for finding in examine(store, settings)]
    check_commands(" && ".join(filter(None, advice)))

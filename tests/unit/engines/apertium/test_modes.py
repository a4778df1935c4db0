"""Which pairs there are and which way is taken. Folders of made-up modes stand for installed ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from myna.engines.apertium import modes
from myna.engines.apertium.modes import commands, installed_modes, routes

SENTENCE = "lt-proc 'a.bin' | apertium-tagger -g $2 'a.prob' | lt-proc $1 'b.bin'"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shutil, "which", lambda name: None if "absent" in name else f"/bin/{name}")
    (tmp_path / "modes").mkdir()
    return tmp_path


def install(folder: Path, *names: str, text: str = SENTENCE) -> None:
    for name in names:
        (folder / "modes" / f"{name}.mode").write_text(text)


def pairs(folder: Path) -> dict[tuple[str, str], str]:
    return {pair: " ".join(mode.name for mode in route) for pair, route in routes(installed_modes(folder)).items()}


def test_names_of_modes_become_language_tags(folder: Path) -> None:
    install(folder, "eng-spa", "es-pt_BR", "cat-eng_US", "spa-cat_valencia", "swe-nob")
    assert [(mode.source, mode.target) for mode in installed_modes(folder)] == [
        ("ca", "en-US"),
        ("en", "es"),
        ("es", "pt-BR"),
        ("es", "ca-valencia"),
        ("sv", "nb"),
    ]


def test_what_is_no_pair_or_cannot_be_run_is_left_out(folder: Path) -> None:
    install(folder, "eng-spa", "eco-es-fr", "eng-spa-anmor")
    install(folder, "fr-es", text="lt-proc 'a' | cat")
    install(folder, "it-es", text="lt-absent 'a'")
    install(folder, "pt-es", text="lt-proc 'a' > file")
    install(folder, "ro-es", text="lt-proc 'unfinished")
    install(folder, "oc-es", text="lt-proc 'a' | lt-proc $(reboot)")
    assert [mode.name for mode in installed_modes(folder)] == ["eng-spa"]


def test_no_folder_means_no_modes(tmp_path: Path) -> None:
    assert installed_modes(tmp_path / "nothing") == ()


def test_each_program_is_told_to_stream(folder: Path) -> None:
    install(folder, "eng-spa")
    assert commands(folder / "modes" / "eng-spa.mode") == [
        ["lt-proc", "-z", "a.bin"],
        ["apertium-tagger", "-z", "-g", "a.prob"],
        ["lt-proc", "-z", "-n", "b.bin"],
    ]


def test_a_direct_way_is_taken_before_one_by_a_third_language(folder: Path) -> None:
    install(folder, "eng-spa", "es-fr", "eng-fra")
    assert pairs(folder)["en", "fr"] == "eng-fra"


def test_the_way_goes_by_catalan_if_it_can_and_else_by_spanish(folder: Path) -> None:
    install(folder, "eng-glg", "glg-fra", "eng-spa", "spa-fra")
    assert pairs(folder)["en", "fr"] == "eng-spa spa-fra"
    install(folder, "eng-cat", "cat-fra")
    assert pairs(folder)["en", "fr"] == "eng-cat cat-fra"


def test_the_usual_form_of_a_language_is_gone_by(folder: Path) -> None:
    install(folder, "it-pt_BR", "it-pt", "pt-es")
    assert pairs(folder)["it", "es"] == "it-pt pt-es"


def test_no_way_leads_by_two_other_languages_or_back(folder: Path) -> None:
    install(folder, "en-es", "es-pt", "pt-gl", "es-en_US")
    found = pairs(folder)
    assert ("en", "gl") not in found
    assert ("en", "en-US") not in found
    assert found["es", "gl"] == "es-pt pt-gl"


def test_the_folder_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APERTIUM_DATADIR", "/opt/pairs")
    assert modes.data_folder() == Path("/opt/pairs")
    monkeypatch.delenv("APERTIUM_DATADIR")
    assert modes.data_folder() == Path(modes.DATA)

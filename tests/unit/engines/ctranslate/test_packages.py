"""What is found in the store. Folders without weights stand for models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from myna.engines.ctranslate.advice import missing_models
from myna.engines.ctranslate.packages import Found, Package, installed_packages
from myna.models.store import ModelStore
from myna.settings import Settings

MANY = ["__en__", "__es__", "__fr__", "__de__", "__it__", "__pt__", "__nl__", "__ja__", "__zh__"]
NLLB = ["eng_Latn", "spa_Latn", "fra_Latn", "deu_Latn", "ita_Latn", "por_Latn", "nld_Latn", "jpn_Jpan"]


class Shelf:
    """A store to put folders on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, files: dict[str, str], licence: str = "MIT", *, commercial: bool = True) -> None:
        made = self.folder / "made" / name
        for path, content in files.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(content)
        ModelStore(self.folder / "models").add(name, "ctranslate", made, licence=licence, commercial=commercial)

    def found(self, **settings: str) -> Found:
        return installed_packages(Settings(models_dir=self.folder / "models", **settings))

    def only(self) -> Package:
        (package,) = self.found().packages
        return package


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def argos(**metadata: str) -> dict[str, str]:
    names = {"model/model.bin": "w", "model/config.json": "{}", "sentencepiece.model": "s"}
    return {**names, "metadata.json": json.dumps(metadata)}


def opus(*tokens: str, **more: str) -> dict[str, str]:
    files = {"model.bin": "w", "config.json": "{}", "source.spm": "s", "target.spm": "t"}
    return {**files, "shared_vocabulary.txt": "\n".join(["<unk>", *tokens]), **more}


def many(tokens: list[str], config: str = "{}") -> dict[str, str]:
    files = {"model.bin": "w", "config.json": config, "sentencepiece.bpe.model": "s"}
    return {**files, "shared_vocabulary.json": json.dumps(["<unk>", *tokens])}


def test_an_argos_package_says_its_languages(shelf: Shelf) -> None:
    shelf.put("own-name", argos(from_code="en", to_code="pb"))
    package = shelf.only()
    assert package.pairs == (("en", "pt-BR"),)
    assert (package.folder.name, package.source_pieces, package.ends_source) == ("model", package.target_pieces, False)


def test_opus_mt_is_known_by_its_name_or_its_tokenizer(shelf: Shelf) -> None:
    shelf.put("opus-mt-es-it", opus())
    package = shelf.only()
    assert package.pairs == (("es", "it"),)
    assert (package.source_pieces.name, package.target_pieces.name) == ("source.spm", "target.spm")
    assert package.ends_source
    shelf.put("opus-mt-es-it", opus(**{"tokenizer_config.json": '{"source_lang": "deu", "target_lang": "eng"}'}))
    assert shelf.only().pairs == (("de", "en"),)


def test_a_model_into_a_group_of_languages_has_a_pair_for_each(shelf: Shelf) -> None:
    shelf.put("opus-mt-en-roa", opus(">>ita<<", ">>cat<<", ">>spa<<"))
    package = shelf.only()
    assert package.pairs == (("en", "it"), ("en", "ca"), ("en", "es"))
    assert not package.is_group


def test_a_model_of_many_languages_is_a_group(shelf: Shelf) -> None:
    shelf.put("m2m", many(MANY))
    package = shelf.only()
    assert package.is_group
    assert package.names_source
    assert package.ends_source
    assert len(package.pairs) == 72
    shelf.put("m2m", many(MANY, '{"add_source_eos": true}'))
    assert not shelf.only().ends_source


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"readme": ""}, "no `model.bin`"),
        ({"model.bin": "w"}, "no SentencePiece model"),
        ({"model.bin": "w", "s.spm": "s"}, "no vocabulary"),
        (many([]), "no languages"),
        (many([]) | {"shared_vocabulary.json": "["}, "`shared_vocabulary.json` cannot be read"),
        (many(MANY, "["), "`config.json` cannot be read"),
        (opus(), "does not say which languages"),
        (argos(from_code="en"), "names no languages"),
        ({"metadata.json": "{}", "model/model.bin": "w"}, "no `sentencepiece.model`"),
    ],
)
def test_what_cannot_be_used_says_why(shelf: Shelf, files: dict[str, str], reason: str) -> None:
    shelf.put("strange", files)
    found = shelf.found()
    assert found.packages == ()
    assert reason in found.refused["strange"]


def test_weights_that_are_not_for_commerce_are_refused_unless_allowed(shelf: Shelf) -> None:
    shelf.put("nllb", many(NLLB), "")
    shelf.put("declared", many(MANY), commercial=False)
    shelf.put("named", many(MANY), "CC-BY-NC-4.0")
    shelf.put("free", many(MANY), "MIT")
    found = shelf.found()
    assert [package.name for package in found.packages] == ["free"]
    assert set(found.refused) == {"nllb", "declared", "named"}
    assert "CC-BY-NC-4.0" in found.refused["named"]
    assert "MYNA_ALLOW_NON_COMMERCIAL=on" in found.refused["nllb"]
    assert len(shelf.found(allow_non_commercial="on").packages) == 4


def test_the_largest_comes_first(shelf: Shelf) -> None:
    shelf.put("opus-mt-en-es", opus())
    shelf.put("opus-mt-tc-big-en-es", opus() | {"model.bin": "w" * 100})
    assert [package.name for package in shelf.found().packages] == ["opus-mt-tc-big-en-es", "opus-mt-en-es"]


def test_advice_names_the_models_that_join_two_languages() -> None:
    assert missing_models("en", "fr") == ("argos-en-fr",)
    assert missing_models("fr-CA", "ja") == ("argos-fr-en", "argos-en-ja")
    assert missing_models("en", "tlh") == ()


def test_what_was_cut_short_says_how_it_comes_again(shelf: Shelf) -> None:
    shelf.put("argos-en-es", argos(from_code="en", to_code="es"))
    (shelf.folder / "models" / "argos-en-es" / "model" / "model.bin").write_text("")
    assert "`model/model.bin`. `myna models pull argos-en-es`" in shelf.found().refused["argos-en-es"]


def test_a_vocabulary_of_something_else_spoils_no_other_model(shelf: Shelf) -> None:
    shelf.put("m2m", many(MANY) | {"shared_vocabulary.json": "5"})
    shelf.put("argos-en-es", argos(from_code="en", to_code="es"))
    assert "cannot be read" in shelf.found().refused["m2m"]
    assert shelf.only().name == "argos-en-es"


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "cc_by_nc", "non-commercial", "research only"])
def test_a_licence_against_commerce_is_known_by_its_name(shelf: Shelf, licence: str) -> None:
    shelf.put("argos-en-es", argos(from_code="en", to_code="es"), licence)
    assert "forbids commercial use" in shelf.found().refused["argos-en-es"]
    assert shelf.found(allow_non_commercial="on").packages

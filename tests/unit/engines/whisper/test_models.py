"""Which model hears what. Folders with empty weights stand for models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from myna.engines.whisper.languages import CODES, LANGUAGES, code_of, tag_of
from myna.engines.whisper.models import best_model, installed_models, languages_of
from myna.errors import EngineUnavailable, InvalidRequest, Unsupported
from myna.models.store import ModelStore
from myna.settings import Settings

MULTILINGUAL = ["", "hello", "<|en|>", "<|es|>", "<|jw|>"]


def install(folder: Path, name: str, tokens: list[str], size: int, *, text: bool = False, lacks: str = "") -> None:
    made = folder / "made" / name
    made.mkdir(parents=True)
    contents = {"model.bin": "0" * size, "config.json": "{}", "tokenizer.json": "{}"}
    vocabulary = "\n".join(tokens) + "\n" if text else json.dumps(tokens)
    contents["vocabulary.txt" if text else "vocabulary.json"] = vocabulary
    for file, content in contents.items():
        if file != lacks:
            (made / file).write_text(content)
    ModelStore(folder / "models").add(name, "whisper", made)


def settings(folder: Path, **values: str) -> Settings:
    return Settings(models_dir=folder / "models", **values)


def test_the_largest_is_the_best(tmp_path: Path) -> None:
    for name, size in {"small": 20, "tiny": 10, "large": 30}.items():
        install(tmp_path, name, MULTILINGUAL, size)
    models = installed_models(settings(tmp_path))
    assert [model.name for model in models] == ["large", "small", "tiny"]
    assert best_model(models, None).name == "large"
    assert best_model(models, "es", "tiny").name == "tiny"
    assert [model.name for model in installed_models(settings(tmp_path, whisper_model="small"))] == ["small"]


def test_one_for_english_alone_hears_nothing_else(tmp_path: Path) -> None:
    install(tmp_path, "small.en", ["hello", "<|en|>", "<|es|>"], 2_000)
    install(tmp_path, "tiny", MULTILINGUAL, 10)
    models = installed_models(settings(tmp_path))
    assert best_model(models, "en").name == "small.en"
    assert best_model(models, "es").name == "tiny"
    assert best_model(models, None).name == "tiny"
    english = installed_models(settings(tmp_path, whisper_model="small.en"))
    assert best_model(english, None).name == "small.en"
    with pytest.raises(Unsupported, match=r"`small\.en`.*`es`, only English"):
        best_model(english, "es")


def test_a_model_that_is_not_here_is_refused(tmp_path: Path) -> None:
    install(tmp_path, "tiny", MULTILINGUAL, 10)
    with pytest.raises(InvalidRequest, match="`huge` is not here"):
        best_model(installed_models(settings(tmp_path)), "en", "huge")
    with pytest.raises(EngineUnavailable, match="`huge` is not here"):
        installed_models(settings(tmp_path, whisper_model="huge"))


@pytest.mark.parametrize("text", [True, False])
def test_the_empty_token_makes_a_model_multilingual(tmp_path: Path, text: bool) -> None:
    install(tmp_path, "with", MULTILINGUAL, 1, text=text)
    install(tmp_path, "without", MULTILINGUAL[1:], 1, text=text)
    store = ModelStore(tmp_path / "models")
    assert languages_of(store.require("with")) == ("en", "es", "jv")
    assert languages_of(store.require("without")) == ("en",)


def test_without_a_model_it_says_what_to_pull(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="myna models pull whisper-small"):
        installed_models(settings(tmp_path))


def test_a_folder_that_lacks_a_file_is_no_model(tmp_path: Path) -> None:
    install(tmp_path, "bad", MULTILINGUAL, 1, lacks="tokenizer.json")
    with pytest.raises(EngineUnavailable, match=r"`bad` has no `tokenizer\.json`"):
        installed_models(settings(tmp_path))
    install(tmp_path, "worse", MULTILINGUAL, 1, lacks="vocabulary.json")
    install(tmp_path, "good", MULTILINGUAL, 1)
    assert [model.name for model in installed_models(settings(tmp_path))] == ["good"]


def test_a_vocabulary_that_is_damaged_is_said_and_spoils_no_other_model(tmp_path: Path) -> None:
    install(tmp_path, "bad", MULTILINGUAL, 1)
    (ModelStore(tmp_path / "models").require("bad") / "vocabulary.json").write_text("[" * len(json.dumps(MULTILINGUAL)))
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        installed_models(settings(tmp_path))
    install(tmp_path, "good", MULTILINGUAL, 1)
    assert [model.name for model in installed_models(settings(tmp_path))] == ["good"]


def test_a_model_that_was_cut_short_says_how_it_comes_again(tmp_path: Path) -> None:
    install(tmp_path, "whisper-tiny", MULTILINGUAL, 100)
    (ModelStore(tmp_path / "models").require("whisper-tiny") / "model.bin").write_text("0")
    with pytest.raises(EngineUnavailable, match=r"`model\.bin`.*`myna models pull whisper-tiny`"):
        installed_models(settings(tmp_path))


def test_tags_and_codes() -> None:
    assert code_of("pt-BR") == "pt"
    assert code_of("jv") == "jw"
    assert code_of("nb-NO") == "no"
    assert code_of("no") == "no"
    assert code_of("cmn") == "zh"
    assert code_of("zh-TW") == "zh"
    assert code_of("tlh") is None
    assert len(set(LANGUAGES)) == len(CODES) == 100
    assert all(tag_of(code_of(tag) or "") == tag for tag in LANGUAGES)

"""What models make of lines: tiny ones that write letters as other letters."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from myna.engines.ctranslate.engine import CTranslateEngine
from myna.engines.translation import TranslationRequest
from myna.errors import EngineUnavailable, Unsupported
from myna.models.store import ModelStore
from myna.settings import Settings
from tests.fixtures.checkpoints.translation import ACCENTS, FRENCH_ACCENTS, Recipe, build, expected

pytestmark = pytest.mark.skipif(
    not (find_spec("ctranslate2") and find_spec("sentencepiece")), reason="the extra `ctranslate` is not installed"
)

CODES = ("en", "es", "fr", "de", "it", "pt", "nl", "no", "zh")
RECIPES = {
    "m2m": Recipe(form="m2m100", letters={"a": "@"}, languages=[f"__{code}__" for code in (*CODES, "xh")]),
    "madlad": Recipe(form="madlad", letters={"a": "%"}, languages=[f"<2{code}>" for code in (*CODES, "cy", "zu")]),
    "opus-mt-en-sla": Recipe("en", "sla", {"a": "#"}, "marian-group", [">>ces<<", ">>pol<<"]),
    "opus-mt-gl-en": Recipe("gl", "en", {}, "opus", positions=512),
}


@pytest.fixture(scope="module")
def store(language_models: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """English to and from Spanish, English to French, and models of many languages."""
    store, made = ModelStore(tmp_path_factory.mktemp("models")), tmp_path_factory.mktemp("made")
    for model in ModelStore(language_models).installed("ctranslate"):
        store.add(model.name, "ctranslate", model.folder, licence="MIT")
    for name, recipe in RECIPES.items():
        store.add(name, "ctranslate", build(made / name, recipe), licence="MIT")
    return store


@pytest.fixture(scope="module")
def engine(store: ModelStore) -> Iterator[CTranslateEngine]:
    made = CTranslateEngine(Settings(models_dir=store.folder))
    yield made
    made.close()


def ask(engine: CTranslateEngine, *lines: str, source: str = "en", target: str = "es", **options: object) -> list[str]:
    return list(engine.translate(TranslationRequest(lines, source, target, **options)))  # type: ignore[arg-type]


def test_sentences_of_many_lines_come_back_in_their_lines(engine: CTranslateEngine) -> None:
    lines = [f"Line number {number} is here. It is {'very ' * (number % 7)}long!" for number in range(60)]
    assert ask(engine, *lines) == [expected(line, ACCENTS) for line in lines]


def test_two_models_meet_in_english(engine: CTranslateEngine) -> None:
    assert ask(engine, "el vé á lá ápé.", source="gl", target="fr") == ["el vé á lá ápé.".translate(french())]


def french() -> dict[int, str]:
    return {ord(letter): written for letter, written in FRENCH_ACCENTS.items()}


def test_a_model_of_many_languages_stands_in_where_there_is_none_of_the_pair(engine: CTranslateEngine) -> None:
    assert ask(engine, "an apple", target="de") == ["%n %pple"]
    assert ask(engine, "an apple", source="pt-BR", target="nb") == ["%n %pple"]
    assert ask(engine, "an apple", source="es", target="fr-CA") == ["%n %pple"]
    assert ask(engine, "an apple", target="xh") == ["@n @pple"]
    assert ask(engine, "an apple", target="pl") == ["#n #pple"]


def test_a_glossary_is_kept_to_in_the_middle_of_a_sentence(engine: CTranslateEngine) -> None:
    glossary = {"apple": "MANZANA", "the gate": "el PORTÓN"}
    made = ask(engine, "An apple at the gate. No pear.", "apple", glossary=glossary)
    assert made == ["An MANZANA át el PORTÓN. Nó péár.", "MANZANA"]


def test_words_that_the_model_would_lose_are_put_in_between(store: ModelStore, tmp_path: Path) -> None:
    losing = Recipe("en", "xh", {"Z": "s", "q": "k"})
    own = ModelStore(tmp_path / "models")
    own.add("losing", "ctranslate", build(tmp_path / "losing", losing))
    engine = CTranslateEngine(Settings(models_dir=own.folder))
    made = ask(engine, "A Zulu apple at the gate.", target="xh", glossary={"apple": "iapile"})
    assert made == ["A sulu iapile at the gate ."] or made == ["A sulu iapile at the gate."]
    engine.close()


def test_a_shorter_translation_is_one_that_is_nearly_as_likely(tmp_path: Path) -> None:
    own = ModelStore(tmp_path / "models")
    own.add("ending", "ctranslate", build(tmp_path / "ending", Recipe(may_end=True)))
    engine = CTranslateEngine(Settings(models_dir=own.folder, translation_beam=1))
    line = "the old and quiet house"
    shorter = ask(engine, line, shorten=True)[0]
    assert 0.6 * len(line) <= len(shorter) < len(line)
    assert expected(line, ACCENTS).startswith(shorter)
    engine.close()


def test_what_cannot_be_made_shorter_stays_as_long(engine: CTranslateEngine) -> None:
    assert ask(engine, "the old house", shorten=True) == ["thé óld hóúsé"]


def test_unknown_languages_are_refused(engine: CTranslateEngine) -> None:
    with pytest.raises(Unsupported, match="from `tlh` to `en`"):
        ask(engine, "a", source="tlh", target="en")


def test_it_says_what_it_has(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(store.folder))
    able = CTranslateEngine.describe()
    assert CTranslateEngine.available() == (True, "")
    assert ("en", "es") in able.pairs
    assert ("es", "fr") in able.pairs
    assert ("gl", "cs") in able.pairs
    assert [len(group) for group in able.groups] == [11, 10]
    assert ("m2m", "MIT") in able.models


@pytest.mark.parametrize(("name", "reason"), [("readme", "`bad` cannot be used: it has no `model.bin`"), ("", "pull")])
def test_without_a_model_it_says_why(name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name:
        (tmp_path / name).write_text("")
        ModelStore(tmp_path / "models").add("bad", "ctranslate", tmp_path / name)
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    usable, said = CTranslateEngine.available()
    assert not usable
    assert reason in said


def test_a_model_that_finds_no_end_does_not_fail_and_does_not_go_on(tmp_path: Path) -> None:
    own = ModelStore(tmp_path / "models")
    own.add("endless", "ctranslate", build(tmp_path / "endless", Recipe(ends=False, positions=512)))
    engine = CTranslateEngine(Settings(models_dir=own.folder, translation_beam=1))
    alone, long = ask(engine, "hello"), ask(engine, "hello", "w" * 190)
    assert long[0] == alone[0]
    assert alone[0].startswith("hélló")
    assert len(alone[0]) < 12
    assert long[1].startswith("w" * 190)
    assert len(long[1]) < 210
    engine.close()


def test_a_long_text_between_two_models_is_cut_for_the_second(engine: CTranslateEngine) -> None:
    """The first one writes nothing longer here; what counts is that each is asked for no more than it takes."""
    asked: list[list[str]] = []
    way = engine._way("gl", "fr")
    model = engine._model(way[-1].package)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model), "fits", lambda self, text: self is not model or len(text) <= 40)
        patch.setattr(model, "translate", lambda texts, *_, **__: asked.append(list(texts)) or list(texts))
        assert ask(engine, "a pé, " * 20, source="gl", target="fr") == ["a pé, " * 19 + "a pé,"]
    assert max(map(len, asked[0])) <= 40


@pytest.mark.parametrize("damaged", ["model/model.bin", "sentencepiece.model"])
def test_a_model_that_is_damaged_is_named(damaged: str, store: ModelStore, tmp_path: Path) -> None:
    own = ModelStore(tmp_path / "models")
    folder = own.add("broken", "ctranslate", store.require("argos-en-es"))
    (folder / damaged).write_bytes(b"\0" * (folder / damaged).stat().st_size)
    engine = CTranslateEngine(Settings(models_dir=own.folder))
    with pytest.raises(EngineUnavailable, match=r"`broken` cannot be loaded.*myna models verify broken"):
        ask(engine, "a house")


def test_the_pieces_of_another_model_are_refused(store: ModelStore, tmp_path: Path) -> None:
    import sentencepiece

    made = shutil.copytree(store.require("opus-mt-en-fr"), tmp_path / "made")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["шла саша по шоссе"] * 20),
        model_prefix=str(tmp_path / "other"),
        model_type="char",
        vocab_size=30,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    shutil.copy(tmp_path / "other.model", made / "source.spm")
    own = ModelStore(tmp_path / "models")
    own.add("opus-mt-en-fr", "ctranslate", made)
    with pytest.raises(EngineUnavailable, match=r"`source\.spm` does not go with"):
        ask(CTranslateEngine(Settings(models_dir=own.folder)), "a house", target="fr")

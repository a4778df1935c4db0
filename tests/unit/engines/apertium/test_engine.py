"""The engine with what is installed here, and with pipelines that break."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from myna.engines.apertium import ApertiumEngine, engine
from myna.engines.apertium.modes import Mode
from myna.engines.apertium.pipeline import Pipeline, PipelineBroken
from myna.engines.translation import TranslationRequest
from myna.errors import EngineFailed, Unsupported

PAIRS = ApertiumEngine.describe().pairs
installed = pytest.mark.skipif(
    not {("en", "es"), ("es", "pt-BR"), ("fr", "es")} <= set(PAIRS), reason="apertium's pairs are not installed"
)


@pytest.fixture
def apertium() -> Iterator[ApertiumEngine]:
    made = ApertiumEngine()
    yield made
    made.close()
    assert not [child for child in psutil.Process().children() if "proc" in child.name()]


def translate(
    apertium: ApertiumEngine, *lines: str, source: str = "en", target: str = "es", **more: object
) -> list[str]:
    return list(apertium.translate(TranslationRequest(lines, source, target, **more)))  # type: ignore[arg-type]


@installed
def test_lines_are_translated_in_order(apertium: ApertiumEngine) -> None:
    lines = translate(apertium, "The house is big.", "I have three dogs.", "Hello")
    assert lines == ["La casa es grande.", "Tengo tres perros.", "Hola"]


@installed
@pytest.mark.parametrize(
    ("source", "target", "line", "translated"),
    [
        ("en-GB", "fr", "The house is big.", "La maison est grande."),
        ("en", "pt-BR", "The house is big.", "A casa é grande."),
        ("en", "pt-PT", "The house is big.", "A casa é grande."),
        ("en_US", "it", "The house is big.", "La casa è grande."),
        ("es", "en", "La casa es grande.", "The house is big."),
        ("fr", "pt", "La maison est grande.", "A casa é grande."),
    ],
)
def test_pairs_that_have_no_mode_go_by_spanish(
    apertium: ApertiumEngine, source: str, target: str, line: str, translated: str
) -> None:
    assert translate(apertium, line, source=source, target=target) == [translated]


@installed
def test_lines_without_words_stay_as_they_are(apertium: ApertiumEngine) -> None:
    assert translate(apertium, "", " 42 ", "\0", "—", "House") == ["", " 42 ", "\0", "—", "Casa"]


@installed
@pytest.mark.parametrize(
    "line",
    [
        "the\0house\nand\rthe dog",
        "<b>the house</b> & [x] {y} ^a/b<n>$ @ \\",
        "[<STREAMCMD:SETVAR:a=b>] the house",
        "\ud800 house \U0001f600",
        "a" * 100_000,
        "The house is big. " * 2_000,
        "\\" * 500 + " a",
    ],
)
def test_odd_lines_get_their_own_answer(apertium: ApertiumEngine, line: str) -> None:
    before, odd, after = translate(apertium, "The house.", line, "The dog.")
    assert (before, after) == ("La casa.", "El perro.")
    assert odd.strip()
    assert "\0" not in odd


@installed
def test_the_glossary_holds_by_whichever_way(apertium: ApertiumEngine) -> None:
    glossary = {"the bank": "le vieux banc"}
    (line,) = translate(apertium, "I see the bank and the house.", target="fr", glossary=glossary)
    assert "le vieux banc" in line
    assert "maison" in line


@installed
def test_a_pipeline_that_was_ended_is_started_again(apertium: ApertiumEngine) -> None:
    others = set(psutil.Process().children())  # such as servers that tests share
    translate(apertium, "The house.")
    programs = [child for child in psutil.Process().children() if child not in others]
    for victim in programs[2:4]:
        victim.kill()
    assert translate(apertium, "The house.", "The dog.") == ["La casa.", "El perro."]


@installed
def test_the_same_programs_serve_again_and_quickly(apertium: ApertiumEngine) -> None:
    translate(apertium, "The house.")
    first = {child.pid for child in psutil.Process().children()}
    translate(apertium, *["She bought three apples and a bottle of water."] * 200)
    assert {child.pid for child in psutil.Process().children()} == first


@installed
def test_what_it_cannot_do_is_refused(apertium: ApertiumEngine) -> None:
    with pytest.raises(Unsupported, match="`en` to `ja`"):
        translate(apertium, "x", target="ja")
    with pytest.raises(Unsupported, match="shorter"):
        translate(apertium, "x", shorten=True)


def test_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APERTIUM_DATADIR", str(tmp_path))
    usable, reason = ApertiumEngine.available()
    assert not usable
    assert "apt-get install apertium apertium-eng-spa" in reason


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[ApertiumEngine, Path]]:
    """An engine whose only mode is a shell script that the test writes."""
    script = tmp_path / "script"
    mode = Mode("en-es", "en", "es", tmp_path / "en-es.mode")
    monkeypatch.setattr(engine, "_routes", lambda _: {("en", "es"): (mode,)})
    monkeypatch.setattr("myna.engines.apertium.pipeline.commands", lambda _: [["sh", str(script)]])
    made = ApertiumEngine(seconds=0.5)
    yield made, script
    made.close()


def test_a_line_that_breaks_it_twice_is_named(scripted: tuple[ApertiumEngine, Path]) -> None:
    apertium, script = scripted
    script.write_text("exit 1")
    with pytest.raises(EngineFailed, match=r"en-es.*ended.*poison"):
        translate(apertium, "poison")


def test_silence_is_not_waited_for_for_ever(scripted: tuple[ApertiumEngine, Path]) -> None:
    apertium, script = scripted
    script.write_text("exec sleep 600")
    begun = time.monotonic()
    with pytest.raises(EngineFailed, match="nothing in time"):
        translate(apertium, "hello")
    assert time.monotonic() - begun < 10


def test_after_a_crash_the_lines_before_it_are_kept(scripted: tuple[ApertiumEngine, Path], tmp_path: Path) -> None:
    apertium, script = scripted
    marker = tmp_path / "crashed"
    script.write_text(
        f"if [ -e {marker} ]; then exec cat; fi; touch {marker}; head -c 12; exit 1"  # one answer of two, then the end
    )
    assert translate(apertium, "first.", "second.", "third.") == ["first.", "second.", "third."]


def test_programs_that_are_not_there_are_an_engine_failure(
    scripted: tuple[ApertiumEngine, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.engines.apertium.pipeline.commands", lambda _: [["cat"], ["lt-is-not-here"]])
    with pytest.raises(EngineFailed, match="lt-is-not-here"):
        translate(scripted[0], "hello")
    with pytest.raises(PipelineBroken):
        Pipeline(Path("x"))
    assert not [child for child in psutil.Process().children() if child.name() == "cat"]

"""What people are told when a new engine takes vendors' names over."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.cli import names
from myna.cli.names import Spoken, changes
from tests.unit.cli.conftest import CommandLine

BEFORE = Spoken(
    ("espeak", "match"),
    {("openai", "alloy"): "espeak:a", ("magichour", "Lorde"): "espeak:b", ("modelslab", "af_heart"): "espeak:c"},
    {"en": "espeak:a", "fr": "espeak:f"},
)


def test_what_stays_is_no_news() -> None:
    assert changes(BEFORE, BEFORE) == []
    more = Spoken((*BEFORE.engines, "kokoro"), BEFORE.names, {**BEFORE.languages, "ja": "kokoro:jf_alpha"})
    assert changes(BEFORE, more) == [], "a language that nobody spoke before"


def test_what_changes_is_said_with_what_keeps_it() -> None:
    spoken = {name: voice.replace("espeak:c", "kokoro:af_heart") for name, voice in BEFORE.names.items()}
    spoken[("openai", "alloy")] = "kokoro:af_alloy"
    after = Spoken(("kokoro", "espeak", "match"), spoken, {"en": "kokoro:af_heart", "fr": "espeak:f"})
    first, second = changes(BEFORE, after)
    assert first == (
        "From the next start `kokoro` will speak 2 of the 3 names that vendors' clients know, such as `alloy`, and "
        "texts of which only the language is said (en)."
    )
    assert second == (
        "To keep them as they are: MYNA_ENGINES=espeak,match,kokoro (but for 1 that are the names of its own voices)."
    )


def test_an_engine_that_comes_last_has_no_order_to_change() -> None:
    spoken = BEFORE.names | {("modelslab", "af_heart"): "kokoro:af_heart"}
    (only,) = changes(BEFORE, Spoken((*BEFORE.engines, "kokoro"), spoken, BEFORE.languages))
    assert "`kokoro` will speak 1 of the 3 names" in only


def test_many_languages_are_counted() -> None:
    tags = ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "pt"]
    before = Spoken(("espeak",), {}, dict.fromkeys(tags, "espeak:x"))
    after = Spoken(("piper", "espeak"), {}, dict.fromkeys(tags, "piper:x"))
    assert "(ar, de, en, es, fr, hi and 3 more)" in changes(before, after)[0]


def test_a_model_that_takes_names_over_says_so(
    myna: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Looked at before and after; not at all when the operator named other engines."""
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    looks = iter([BEFORE, Spoken(("kokoro", "espeak"), BEFORE.names | {("openai", "alloy"): "kokoro:a"}, {})])
    monkeypatch.setattr(names, "_now", lambda: next(looks))
    (tmp_path / "voice.onnx").write_bytes(b"x")
    arguments = ("models", "import", str(tmp_path / "voice.onnx"), "--name", "mine", "--engine", "kokoro")
    assert "next start" not in myna(*arguments).out
    monkeypatch.delenv("MYNA_ENGINES")
    said = myna(*arguments)
    assert said.code == 0, said.err
    assert "From the next start `kokoro` will speak 1 of the 3 names" in said.out
    assert "MYNA_ENGINES=espeak,match,kokoro" in said.out

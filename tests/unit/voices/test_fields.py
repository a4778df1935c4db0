"""What people may say of a voice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import InvalidRequest
from myna.voices.fields import checked_change, checked_language, checked_new, checked_transcript
from myna.voices.schemas import NewVoice, VoiceChange

NEW = NewVoice(name="Myna")
MOST = 20


def test_what_is_said_is_trimmed_and_kept() -> None:
    new = NewVoice(
        name="  صوت نجدي ",
        description=" Two\nlines ",
        gender=" male ",
        age="",
        languages=("ar", " en-GB ", "", "ar"),
        dialects=(" Najdi", "hijazi", "najdi", " "),
        avatar_url=" https://example.org/a.png?size=2 ",
        stability=1,
        similarity=0,
    )
    checked = checked_new(new)
    assert (checked.name, checked.description, checked.gender, checked.age) == ("صوت نجدي", "Two\nlines", "male", None)
    assert (checked.languages, checked.dialects) == (("ar", "en-GB"), ("najdi", "hijazi"))
    assert checked.avatar_url == "https://example.org/a.png?size=2"
    assert (checked.stability, checked.similarity) == (1.0, 0.0)
    assert checked_new(checked) == checked
    assert checked_new(NEW) == NEW


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", "x" * 101),
        ("name", "two\nlines"),
        ("name", "nul\0"),
        ("name", "lone \ud800"),
        ("description", "x" * 501),
        ("description", "\0"),
        ("gender", "x" * 65),
        ("age", "x" * 65),
        ("languages", ("english please",)),
        ("languages", ("e",)),
        ("languages", ("en-" + "-".join("abcd" * 8),)),
        ("languages", tuple(f"en-{number}" for number in range(MOST + 1))),
        ("dialects", ("two words",)),
        ("dialects", ("x" * 41,)),
        ("dialects", tuple(f"d{number}" for number in range(MOST + 1))),
        ("avatar_url", "http://example.org/a.png"),
        ("avatar_url", "https://"),
        ("avatar_url", "https://user:word@example.org/"),
        ("avatar_url", "https://example.org/a b"),
        ("avatar_url", "https://example.org/\nx"),
        ("avatar_url", "https://[::1/"),
        ("avatar_url", "javascript:alert(1)"),
        ("avatar_url", "https://example.org/" + "x" * 2_048),
        ("stability", -0.1),
        ("stability", 1.01),
        ("stability", float("nan")),
        ("similarity", float("inf")),
    ],
)
def test_what_is_refused_names_the_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_new(replace(NEW, **{field: value}))
    assert refused.value.field == field
    with pytest.raises(InvalidRequest) as refused:
        checked_change(VoiceChange(**{field: value}))
    assert refused.value.field == field


def test_the_limits_themselves_are_allowed() -> None:
    new = NewVoice(
        name="x" * 100,
        description="x" * 500,
        gender="x" * 64,
        age="x" * 64,
        languages=tuple(f"en-{number}" for number in range(MOST)),
        dialects=tuple(f"d{number}".ljust(40, "x") for number in range(MOST)),
        avatar_url="https://example.org/".ljust(2_048, "x"),
    )
    assert checked_new(new) == new


def test_a_change_holds_what_changes() -> None:
    assert checked_change(VoiceChange()) == {}
    change = VoiceChange(name=" New ", languages=(), stability=0.0, cleared=frozenset({"avatar_url", "age"}))
    assert checked_change(change) == {
        "name": "New",
        "languages": [],
        "stability": 0.0,
        "avatar_url": None,
        "age": None,
    }


def test_what_a_voice_needs_cannot_be_emptied() -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_change(VoiceChange(cleared=frozenset({"name", "age"})))
    assert refused.value.field == "name"


@given(st.text(), st.text(), st.lists(st.text()), st.floats())
def test_any_text_is_taken_or_refused(name: str, words: str, tags: list[str], share: float) -> None:
    new = NewVoice(name, words, words, words, tuple(tags), tuple(tags), words, share, share)
    try:
        checked = checked_new(new)
    except InvalidRequest:
        return
    assert checked_new(checked) == checked
    assert 1 <= len(checked.name) <= 100


@pytest.mark.parametrize("tag", ["en", "en-US", "ar-EG", "zh-Hans-CN", "es-419", "cmn"])
def test_languages(tag: str) -> None:
    assert checked_language(f" {tag} ") == tag


@pytest.mark.parametrize("tag", ["", "e", "en_US", "en-", "english language", "ελ", "en\n-US"])
def test_what_is_no_language(tag: str) -> None:
    with pytest.raises(InvalidRequest):
        checked_language(tag)


def test_transcripts() -> None:
    assert checked_transcript(" Hello ") == "Hello"
    assert checked_transcript("  ") is None
    assert checked_transcript(None) is None
    with pytest.raises(InvalidRequest, match="5001"):
        checked_transcript("x" * 5_001)

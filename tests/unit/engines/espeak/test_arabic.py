"""Arabic with vowel marks: what espeak-ng makes of it, and that every mark is heard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.engines.base import SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.espeak.arabic import spoken


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("مُحَمَّدٌ", "muħammadun"),
        ("مُعَلِّمٌ", "muʕallimun"),
        ("الشَّمْسُ", "ʔaʃʃamsu"),
        ("وَالشَّمْسُ", "waʃʃamsu"),
        ("الْقَمَرُ", "alqamaru"),
        ("اللُّغَةَ", "ʔalluɣata"),
        ("اللَّهُ", "ʔallaːhu"),
        ("بِاللَّهِ", "billaːhi"),
        ("لِلَّهِ", "lillaːhi"),
        ("وَاللَّهِ", "wallaːhi"),
        ("اللَّهُمَّ", "ʔallaːhumma"),
        ("هَٰذَا", "haːðaː"),
        ("لَٰكِنْ", "laːkin"),
        ("بِالطَّائِرَةِ", "bit̪ːaːʔirati"),
        ("بِالْقَلَمِ", "bilqalami"),
        ("الِاجْتِمَاعِ", "alidʒtimaːʕi"),
        ("وَاسْتَخْدَمَ", "wastaχdama"),
        ("ذَهَبُوا", "ðahabuː"),
        ("قَالُوا", "qaːluː"),
        ("سَيَّارَةً", "saijaːratan"),
        ("قُوَّةٌ", "quːwatun"),
        ("مِائَةٌ", "miʔatun"),
    ],
)
def test_every_vowel_is_heard_and_no_silent_letter(phonemes: Callable[[str, str], str], text: str, sound: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    for written in (composed, re.sub("([\u064b-\u0650])\u0651", "\u0651\\1", composed)):
        assert phonemes(spoken(written).text, "ar").strip() == sound


def test_without_the_rules_a_vowel_before_a_shadda_is_lost(phonemes: Callable[[str, str], str]) -> None:
    """When this fails, espeak-ng has learnt it, and the rule can go."""
    assert phonemes(unicodedata.normalize("NFC", "مُحَمَّدٌ"), "ar") == "muħammdun"


@pytest.mark.parametrize("text", ["محمد والشمس", "الله", "Hello", "", "ذهبوا"])
def test_a_text_without_marks_stays_as_it_is(text: str) -> None:
    assert spoken(text).text == text


@given(st.text("\u064b\u064e\u064f\u0650\u0651\u0652\u0670اولهيشمبن .a", max_size=30))
def test_positions_point_into_the_text(text: str) -> None:
    said = spoken(text)
    assert len(said.text) == len(said.starts) == len(said.ends)
    assert list(said.starts) == sorted(said.starts)
    assert all(0 <= start <= end <= len(text) for start, end in zip(said.starts, said.ends, strict=True))


def test_words_are_found_where_they_stand_in_the_marked_text() -> None:
    text = unicodedata.normalize("NFC", "ذَهَبُوا بِالطَّائِرَةِ وَالشَّمْسُ سَيَّارَةً")
    engine = EspeakEngine()
    try:
        chunks = list(engine.synthesize(SynthesisRequest(text, "ar", {"language": "sem/ar"})))
    finally:
        engine.close()
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text_position for word in words] == [match.start() for match in re.finditer(r"\S+", text)]

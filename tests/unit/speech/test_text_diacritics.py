"""Vowel marks of Arabic: how often they are right, what is kept, and that they make vowels."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.engines.espeak.arabic import spoken
from myna.errors import Unavailable
from myna.speech.text import diacritics, diacritise, strip_diacritics
from myna.speech.text.diacritics import positions_before

SENTENCES = (
    "مَرْحَبًا بِكُمْ فِي مَدِينَتِنَا الْجَمِيلَةِ.",
    "ذَهَبَ الْوَلَدُ إِلَى الْمَدْرَسَةِ صَبَاحًا.",
    "تَكْتُبُ الطَّالِبَةُ الدَّرْسَ فِي الدَّفْتَرِ.",
    "الشَّمْسُ تُشْرِقُ مِنَ الشَّرْقِ وَتَغْرُبُ فِي الْغَرْبِ.",
    "اِشْتَرَى أَبِي سَيَّارَةً جَدِيدَةً أَمْسِ.",
    "هَلْ تُرِيدُ أَنْ تَشْرَبَ كُوبًا مِنَ الشَّايِ؟",
    "يَعْمَلُ أَخِي مُهَنْدِسًا فِي شَرِكَةٍ كَبِيرَةٍ.",
    "زَارَ الرَّئِيسُ الْمُسْتَشْفَى الْجَدِيدَ يَوْمَ الْخَمِيسِ.",
    "الْعِلْمُ نُورٌ وَالْجَهْلُ ظَلَامٌ.",
    "سَافَرْنَا إِلَى الْقَاهِرَةِ بِالطَّائِرَةِ فِي الصَّيْفِ.",
    "لَا تُؤَجِّلْ عَمَلَ الْيَوْمِ إِلَى الْغَدِ.",
    "كَانَ الْجَوُّ بَارِدًا جِدًّا فِي اللَّيْلِ.",
    "أَعْلَنَتِ الْحُكُومَةُ عَنْ خُطَّةٍ جَدِيدَةٍ لِتَطْوِيرِ التَّعْلِيمِ.",
    "قَرَأْتُ كِتَابًا مُفِيدًا عَنْ تَارِيخِ الْعَرَبِ.",
    "تَعَلَّمَ اللُّغَةَ الْعَرَبِيَّةَ فِي ثَلَاثِ سَنَوَاتٍ.",
    "يُمْكِنُكَ تَحْمِيلُ التَّطْبِيقِ عَلَى هَاتِفِكَ مَجَّانًا.",
    "اِنْتَظَرَ الْمُسَافِرُونَ الْقِطَارَ سَاعَتَيْنِ فِي الْمَحَطَّةِ.",
    "الْأَطْفَالُ يَلْعَبُونَ فِي الْحَدِيقَةِ مَعَ أُمِّهِمْ.",
    "شُكْرًا لَكَ عَلَى اتِّصَالِكَ، سَنَعُودُ إِلَيْكَ قَرِيبًا.",
    "تُعَدُّ الرِّيَاضُ عَاصِمَةَ الْمَمْلَكَةِ الْعَرَبِيَّةِ السُّعُودِيَّةِ.",
    "وَصَلَتِ الرِّسَالَةُ إِلَى الْمُدِيرِ قَبْلَ الِاجْتِمَاعِ بِسَاعَةٍ.",
    "حَصَلَتْ أُخْتِي عَلَى الْجَائِزَةِ الْأُولَى فِي الْمُسَابَقَةِ.",
)
"""Everyday sentences with the marks that they should have."""
_UNHEARD = {"\u0652", "\u0670"}


def letters(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each Arabic letter and the marks that make a difference; those of a long vowel make none."""
    letter, marks = "", set[str]()
    for sign in [*unicodedata.normalize("NFC", text), ""]:
        if sign and unicodedata.combining(sign):
            marks.add(sign)
            continue
        if "\u0621" <= letter <= "\u064a":
            yield letter, frozenset() if letter in "اىآ" else frozenset(marks - _UNHEARD)
        letter, marks = sign, set()


def test_few_marks_are_wrong() -> None:
    pairs = [
        (right, made)
        for sentence in SENTENCES
        for right, made in zip(letters(sentence), letters(diacritise(strip_diacritics(sentence))), strict=True)
    ]
    wrong = sum(right != made for right, made in pairs)
    assert wrong / len(pairs) < 0.03


def test_without_marks_espeak_says_few_vowels_and_with_them_the_right_ones(
    phonemes: Callable[[str, str], str],
) -> None:
    def vowels(text: str) -> int:
        return sum(sound in "aiu" for sound in phonemes(spoken(text).text, "ar"))

    bare = [strip_diacritics(sentence) for sentence in SENTENCES]
    right = sum(vowels(sentence) for sentence in SENTENCES)
    assert sum(map(vowels, bare)) < 0.65 * right
    assert sum(vowels(diacritise(sentence)) for sentence in bare) == pytest.approx(right, rel=0.02)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello, 3 cats.",
        "قَرَأْتُ كِتَابًا",
        "שלום",
        "١٢٣ ٪ ؟ ،",
        "ـــ",
    ],
)
def test_what_needs_no_marks_stays_as_it_is(text: str) -> None:
    assert diacritise(text) == text


def test_marks_that_are_there_stay() -> None:
    assert diacritise("كُتِب الدرس.").startswith("كُتِب ")
    assert "الوَلَدُ" in diacritise("ذهب الوَلَدُ إلى المدرسة")
    made = diacritise("مُدرسة")
    assert made.startswith("مُ")
    assert len(made) > len("مُدرسة")


def test_a_vowel_is_added_to_a_shadda() -> None:
    made = diacritise("المعلّمين")
    assert made == unicodedata.normalize("NFC", made)
    assert strip_diacritics(made) == strip_diacritics("المعلّمين")
    assert "ل\u0650\u0651" in made


def test_a_long_text_is_read_in_parts_and_nothing_is_lost() -> None:
    text = "ذهب الولد إلى المدرسة صباحا " * 60 + "كتاب" * 300
    assert strip_diacritics(diacritise(text)) == text


def test_lengthened_words_get_the_marks_of_plain_ones() -> None:
    assert diacritise("ســلام").replace("\u0640", "") == diacritise("سلام")


_PIECES = st.sampled_from(
    ["مرحبا", "كتاب", "مُحمد", "العَرَبِيَّةُ", " ", "، ", "؟\n", ". ", "Hi ", "٣ ", "😀", "é", "e\u0301", "ـ",
     "\u064e", "\u0651",
     "آ", "ا\u0653", "ٱ", "پ", "가", "ﷺ", "ﻻ"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
@settings(max_examples=150, deadline=None)
def test_only_marks_are_added(text: str) -> None:
    made = diacritise(text)
    assert strip_diacritics(made) == strip_diacritics(text)
    rest = iter(made)
    assert all(letter in rest for letter in text)
    positions = positions_before(made, text)
    assert positions == sorted(positions)
    assert [made[index] for index in map(positions.index, range(len(text)))] == list(text) or not text
    assert diacritise(made) == made


def test_stripping_leaves_hamza_and_madda() -> None:
    assert strip_diacritics("قُرْآنٌ أُمٌّ رَأْيٌ هَٰذَا ا\u0653") == "قرآن أم رأي هذا ا\u0653"


def test_a_missing_model_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diacritics, "_PACKAGE", "no_such_package")
    diacritics._vocabulary.cache_clear()
    diacritics._session.cache_clear()
    with pytest.raises(Unavailable, match="no_such_package"):
        diacritise("مرحبا")
    monkeypatch.undo()
    assert diacritise("مرحبا") != "مرحبا"

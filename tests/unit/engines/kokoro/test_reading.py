"""What is said for a text, and which symbols say which word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from myna.engines.kokoro.notation import in_symbols
from myna.engines.kokoro.reading import Reader
from myna.engines.kokoro.voices import LOCALES, locale_of, spoken_locale

VOCABULARY = frozenset(
    ';:,.!?—…"()“” \u0303ʣʥʦʨAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲᵻ'
)
FILES = {locale.tag: locale.voice_file for locale in LOCALES}


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader(VOCABULARY)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("tag", "ipa", "symbols"),
    [
        ("en-US", "hˈe^ɪ", "hˈA"),
        ("en-US", "d^ʒˈʌmp", "ʤˈʌmp"),
        ("en-US", "hˈa^ɪ", "hˈI"),
        ("en-US", "hˈɜː", "hˈɜɹ"),
        ("en-US", "ˈiːzi", "ˈizi"),
        ("en-US", "bˈʌʔn\u0329", "bˈʌtᵊn"),
        ("en-US", "lˈɪɾə^l", "lˈɪɾᵊl"),
        ("en-US", "ɹˈɪðm\u0329", "ɹˈɪðᵊm"),
        ("en-US", "ˌo^ʊvɚ", "ˌOvəɹ"),
        ("en-GB", "bˈə^ʊt", "bˈQt"),
        ("en-GB", "fˈe^ə", "fˈɛː"),
        ("es-ES", "t^ʃˈiko", "ʧˈiko"),
        ("fr-FR", "mɔ\u0303", "mɔ\u0303"),
        ("it-IT", "(en)hˈa^ʊs(it)", "hˈWs"),
        ("pt-BR", "le-z", "lez"),
    ],
)
def test_espeak_in_the_symbols_of_kokoro(tag: str, ipa: str, symbols: str) -> None:
    assert in_symbols(ipa, tag) == symbols


def test_marks_stay_where_they_are(reader: Reader) -> None:
    text = 'He said "hey, (my) friend" — and left... At 3.5 it was high; now?'
    said = reader.read(text, "en-US", FILES["en-US"]).symbols
    assert said.startswith('hi sˈɛd "hˈA, (mˈI) fɹˈɛnd" — ænd lˈɛft... æt θɹˈi pYnt fˈIv ')
    assert said.endswith("hˈI; nˈW?")


@pytest.mark.parametrize(
    ("tag", "text", "marks"),
    [
        ("es-ES", "¿Qué? «Bien», dijo.", "?“”,."),
        ("hi-IN", "आज मौसम अच्छा है।", "."),
        ("en-US", "One [two] {three} – four", "()()—"),
    ],
)
def test_marks_of_other_scripts_become_known_ones(reader: Reader, tag: str, text: str, marks: str) -> None:
    said = reader.read(text, tag, FILES[tag]).symbols
    assert "".join(symbol for symbol in said if symbol in ';:,.!?—…"()“”') == marks


def test_each_word_begins_at_its_symbol(reader: Reader) -> None:
    text = "In 2024 the dog of a man on the hill said: well, 😀 nothing."
    reading = reader.read(text, "en-US", FILES["en-US"])
    said = {
        text[word.position : word.position + word.length]: reading.symbols[word.symbol :].split(" ")[0]
        for word in reading.words
    }
    assert said["In"] == "ɪn"
    assert said["2024"] == "tˈu"
    assert said["dog"] == "dˈɑɡ"
    assert said["well"] == "wˈɛl,"
    assert said["😀"].startswith("ɡɹˈɪnɪŋ")
    assert said["nothing"].endswith(".")
    positions = [word.position for word in reading.words]
    assert positions == sorted(set(positions))
    assert [word.symbol for word in reading.words] == sorted(word.symbol for word in reading.words)


@pytest.mark.parametrize("text", ["", "...", "\u200b", "—", '""'])
def test_nothing_is_said_of_marks_alone(reader: Reader, text: str) -> None:
    reading = reader.read(text, "en-US", FILES["en-US"])
    assert not any(symbol.isalpha() for symbol in reading.symbols)
    assert reading.words == ()


def test_only_symbols_of_the_vocabulary_are_said(reader: Reader) -> None:
    for tag, text in {"en-US": "naïve façade 你好 привет", "fr-FR": "œuf", "hi-IN": "ज़रूर", "pt-BR": "pão"}.items():
        said = reader.read(text, tag, FILES[tag]).symbols
        assert said
        assert set(said) <= VOCABULARY


@pytest.mark.parametrize(
    ("language", "voice", "tag"),
    [
        ("en-US", "bf_emma", "en-GB"),
        ("en", "af_heart", "en-US"),
        ("", "ff_siwis", "fr-FR"),
        ("pt-PT", "af_heart", "pt-BR"),
        ("en-GB", "ef_dora", "en-GB"),
        ("en", "ef_dora", "en-US"),
    ],
)
def test_the_accent_is_the_voices_own_in_its_language(language: str, voice: str, tag: str) -> None:
    locale = spoken_locale(language, locale_of(voice))
    assert locale is not None
    assert locale.tag == tag


def test_languages_that_kokoro_has_not_learned() -> None:
    assert spoken_locale("ar", locale_of("af_heart")) is None
    assert locale_of("df_anna") is None

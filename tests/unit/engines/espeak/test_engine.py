"""What is espeak's own, beyond the contract of all engines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.engines.base import AudioChunk, SynthesisRequest
from myna.engines.espeak import EspeakEngine, japanese
from myna.engines.espeak.languages import LANGUAGES
from myna.engines.espeak.library import Library
from myna.errors import EngineFailed, Unsupported
from tests.fixtures.sound import joined, pitch, seconds, words_of

AMERICAN = {"language": "gmw/en-US", "variant": "f3"}


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    made = EspeakEngine()
    yield made
    made.close()


def speak(
    engine: EspeakEngine, text: str, language: str, settings: dict[str, str], **options: float
) -> list[AudioChunk]:
    return list(engine.synthesize(SynthesisRequest(text, language, settings, **options)))  # type: ignore[arg-type]


def test_every_language_makes_sound(engine: EspeakEngine) -> None:
    for language in LANGUAGES:
        text = "コンニチワ" if language.tag == "ja-JP" else "ba 1 2 3"
        chunks = speak(engine, text, language.tag, {"language": language.path})
        assert 0.4 < seconds(chunks) < 8, language
        assert abs(joined(chunks)).max() > 0.05, language


def test_any_voice_speaks_the_language_of_the_text(engine: EspeakEngine) -> None:
    text = "Je voudrais un grand café"
    french = speak(engine, text, "fr-FR", {"language": "roa/fr", "variant": "f3"})
    borrowed = speak(engine, text, "fr-FR", AMERICAN)
    english = speak(engine, text, "en-US", AMERICAN)
    assert seconds(borrowed) == pytest.approx(seconds(french), rel=0.01)
    assert abs(seconds(english) - seconds(french)) > 0.1


def test_a_voice_keeps_its_accent(engine: EspeakEngine) -> None:
    text = "The castle can't last past the bath."
    british = {"language": "gmw/en", "variant": "f3"}
    own = seconds(speak(engine, text, "en-GB", british))
    assert seconds(speak(engine, text, "en-US", british)) == pytest.approx(own, rel=0.005)
    assert seconds(speak(engine, text, "", british)) == pytest.approx(own, rel=0.005)


@pytest.mark.parametrize(
    ("language", "unit"),
    [
        ("zh-CN", "今天天气很好"),
        ("zh-HK", "你好世界"),
        ("ja-JP", "東京都"),
        ("ko", "안녕하세요"),
        ("th", "สวัสดี"),
        ("en-US", "supercalifragilistic"),
        ("en-US", "1234567 "),
        ("en-US", "WXW "),
        ("en-US", "😀 "),
        ("nl", "987654 "),
        ("ru", "достопримечательность "),
    ],
)
def test_a_long_run_without_marks_is_spoken_whole(engine: EspeakEngine, language: str, unit: str) -> None:
    once, some, many = (seconds(speak(engine, unit * count, language, {"variant": "f3"})) for count in (1, 5, 80))
    each = (some - once) / 4
    assert many - once > 0.95 * 79 * each


def test_an_unknown_language_is_an_error(engine: EspeakEngine) -> None:
    with pytest.raises(Unsupported, match="xx"):
        speak(engine, "hello", "xx", AMERICAN)


def test_an_unknown_variant_is_an_error_and_harms_nothing(engine: EspeakEngine) -> None:
    with pytest.raises(EngineFailed, match="nobody"):
        speak(engine, "hello", "en-US", {"language": "gmw/en-US", "variant": "nobody"})
    assert seconds(speak(engine, "hello", "en-US", AMERICAN)) > 0.3


def test_a_recipe_is_heard(engine: EspeakEngine) -> None:
    low, high = (
        pitch(joined(speak(engine, "We were away a year ago.", "en-US", settings)), 22_050)
        for settings in (
            {"language": "gmw/en-US", "recipe": "pitch 75 100\n"},
            {"language": "gmw/en-US", "recipe": "pitch 190 260\n"},
        )
    )
    assert 70 < low < 110
    assert 190 < high < 280


@pytest.mark.parametrize("speed", [0.25, 0.35, 4.0])
def test_speeds_beyond_the_ordinary(engine: EspeakEngine, speed: float) -> None:
    text = "Hello there my dear friend and how are you today with all of this."
    ordinary = seconds(speak(engine, text, "en-US", AMERICAN))
    assert seconds(speak(engine, text, "en-US", AMERICAN, speed=speed)) * speed == pytest.approx(ordinary, rel=0.15)


def test_words_of_japanese_point_into_the_original(engine: EspeakEngine) -> None:
    if not japanese.can_read_kanji():
        pytest.skip("myna[japanese] is not installed")
    text = "今日はとても天気がいいです。"
    words = words_of(speak(engine, text, "ja-JP", {"language": "jpx/ja"}))
    spoken = [text[word.text_position : word.text_position + word.length] for word in words]
    assert spoken == ["今日は", "とても", "天気が", "いいです"]


def test_numbers_and_pictures_are_one_word_each(engine: EspeakEngine) -> None:
    text = "I have 3.5 apples 😀 today"
    words = words_of(speak(engine, text, "en-US", AMERICAN))
    spoken = [text[word.text_position : word.text_position + word.length] for word in words]
    assert spoken == ["I", "have", "3.5", "apples", "😀", "today"]


def test_markup_is_read_not_obeyed(engine: EspeakEngine) -> None:
    chunks = speak(engine, "<break time='60s'/>", "en-US", AMERICAN)
    assert seconds(chunks) < 10


def test_the_private_folder_is_removed_and_so_are_abandoned_ones() -> None:
    temporary = Path(tempfile.gettempdir())
    abandoned = temporary / "myna-espeak-4194999-test"
    abandoned.mkdir()
    kept = temporary / f"myna-espeak-{os.getppid()}-test"
    kept.mkdir()
    try:
        library = Library()
        own = library._folder
        assert own.exists()
        assert not abandoned.exists()
        assert kept.exists()
        library.close()
        assert not own.exists()
    finally:
        kept.rmdir()


def test_two_engines_in_one_process_do_not_disturb_each_other() -> None:
    first, second = EspeakEngine(), EspeakEngine()
    assert seconds(speak(second, "One engine speaks.", "en-US", AMERICAN)) > 0.5
    second.close()
    del second
    assert seconds(speak(first, "The other one goes on.", "en-US", AMERICAN)) > 0.5
    first.close()

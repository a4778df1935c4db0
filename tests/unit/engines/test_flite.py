"""Flite: what is its own, beyond the contract of all engines. Also where it is not installed."""

from __future__ import annotations

import pytest

from myna.engines import flite
from myna.engines.base import SynthesisRequest
from myna.engines.flite import FliteEngine
from myna.errors import EngineFailed, Unsupported
from tests.fixtures.sound import joined, pitch, seconds, words_of

installed = pytest.mark.skipif(not FliteEngine.available()[0], reason="flite is not installed")


def ask(text: str, voice: str = "slt", language: str = "en-US", **options: float) -> SynthesisRequest:
    return SynthesisRequest(text, language, {"voice": voice}, **options)  # type: ignore[arg-type]


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "_FOLDERS", ())
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    flite._library_path.cache_clear()
    flite._speakers.cache_clear()
    try:
        usable, reason = FliteEngine.available()
        assert FliteEngine.voices() == ()
    finally:
        flite._library_path.cache_clear()
        flite._speakers.cache_clear()
    assert not usable
    assert "apt-get install flite" in reason


@installed
def test_women_speak_higher_than_men() -> None:
    engine = FliteEngine()
    heights = {
        voice.gender: pitch(joined(list(engine.synthesize(ask("We were all away a year ago.", voice.id)))), 16_000)
        for voice in FliteEngine.voices()
    }
    assert heights["female"] > 150 > heights["male"] > 70


@installed
def test_letters_beyond_ascii_keep_their_places() -> None:
    text = "“Café” — naïve 😀 friends, 3 of them."
    words = words_of(list(FliteEngine().synthesize(ask(text))))
    spoken = [text[word.text_position : word.text_position + word.length] for word in words]
    assert spoken == ["Café", "naïve", "😀", "friends", "3", "of", "them"]


@installed
def test_an_abbreviation_does_not_end_a_sentence() -> None:
    parts = list(flite._sentences("I have met the old Dr. Smith. He was in a very good mood."))
    assert parts == [(0, "I have met the old Dr. Smith."), (29, " He was in a very good mood.")]


def test_every_character_is_in_some_sentence() -> None:
    text = "One. Two three! " * 60 + "x" * 700
    assert "".join(part for _, part in flite._sentences(text)) == text
    assert all(text[start:].startswith(part) for start, part in flite._sentences(text))
    assert max(len(part) for _, part in flite._sentences(text)) <= 300


@installed
@pytest.mark.parametrize("request_", [ask("Bonjour.", language="fr-FR"), ask("Hello.", voice="nobody")])
def test_what_it_cannot_do_is_an_error(request_: SynthesisRequest) -> None:
    with pytest.raises(Unsupported):
        list(FliteEngine().synthesize(request_))


@installed
def test_nothing_to_say() -> None:
    with pytest.raises(EngineFailed, match="nothing to say"):
        list(FliteEngine().synthesize(ask("نص")))


@installed
def test_the_pitch_moves_with_temperature() -> None:
    engine = FliteEngine()
    takes = [list(engine.synthesize(ask("We were all away.", temperature=1.0, seed=seed))) for seed in range(5)]
    heights = [pitch(joined(take), 16_000) for take in takes]
    assert max(heights) / min(heights) > 1.05
    assert max(map(seconds, takes)) / min(map(seconds, takes)) > 1.02

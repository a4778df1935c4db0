"""The stock voices: many, steady, distinct."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np

from myna.engines.base import StockVoice, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.espeak.voices import recipe, stock_voices
from tests.fixtures.sound import joined, pitch, timbre

SENTENCE = "Hello there, my dear old friend."
JUST_NOTICEABLE_SPECTRUM = 1.5
"""dB, root mean square over the bands."""
JUST_NOTICEABLE_PITCH = 0.7
"""Semitones."""


def english() -> list[StockVoice]:
    return [voice for voice in stock_voices() if voice.language in ("en-US", "en-GB")]


def test_there_are_hundreds_of_english_ones_and_some_of_every_language() -> None:
    counts = Counter(voice.language for voice in stock_voices())
    assert counts["en-US"] + counts["en-GB"] >= 300
    assert min(counts.values()) >= 4
    for language in counts:
        genders = {voice.gender for voice in stock_voices() if voice.language == language}
        assert genders == {"female", "male"}


def test_a_recipe_never_changes() -> None:
    """The recipes are part of the public ids: whoever chose a voice hears it after every update."""
    text = "".join(recipe(number) for number in range(1, 313))
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "ce1443aa3a09a3e15bf84a5053698af4b6172c16734deba03a8311e0d7952147"
    )
    ids = "\n".join(voice.id for voice in english())
    assert (
        hashlib.sha256(ids.encode()).hexdigest() == "9b4abb942ec314362481a8e8697faf7155cd447bd05a60f5d24bb4d288b79b69"
    )


def test_recipes_stay_within_what_can_be_understood() -> None:
    for number in range(1, 1_000):
        lines = [line.split() for line in recipe(number).splitlines()]
        formants = {int(line[1]): [float(value) for value in line[2:]] for line in lines if line[0] == "formant"}
        low, high = next((float(line[1]), float(line[2])) for line in lines if line[0] == "pitch")
        assert 70 <= low < high <= 280
        assert all(85 <= frequency <= 115 for frequency, _, _ in formants.values())


def test_no_two_of_the_english_voices_sound_nearly_the_same() -> None:
    engine = EspeakEngine()
    voices = english()
    places = np.array([place_of(engine, voice) for voice in voices])
    engine.close()
    distances = np.array(
        [np.linalg.norm(places[index + 1 :] - place, axis=1).min() for index, place in enumerate(places[:-1])]
    )
    print(f"{len(voices)} English voices; the nearest two are {distances.min():.2f} just noticeable differences apart")
    assert distances.min() > 1


def place_of(engine: EspeakEngine, voice: StockVoice) -> np.ndarray:
    """Timbre and pitch of a voice, in just noticeable differences."""
    sound = joined(list(engine.synthesize(SynthesisRequest(SENTENCE, voice.language, voice.settings))))
    spectrum = timbre(sound, 22_050) / np.sqrt(28) / JUST_NOTICEABLE_SPECTRUM
    return np.append(spectrum, 12 * np.log2(pitch(sound, 22_050)) / JUST_NOTICEABLE_PITCH)


def test_no_english_voice_is_clipped() -> None:
    engine = EspeakEngine()
    for voice in english()[::7]:
        sound = joined(list(engine.synthesize(SynthesisRequest(SENTENCE, voice.language, voice.settings))))
        assert (np.abs(sound) > 0.999).mean() < 0.001, voice.id
    engine.close()

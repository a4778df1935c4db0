"""When characters are spoken: from made-up sound, and from espeak's, whose pauses show where words begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.engines.base import Samples, Word
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.schemas import SpeechRequest
from myna.speech.script import Place, cut
from myna.speech.timing import Alignment, align, letter_times
from myna.voices.catalogue import VoiceCatalogue

RATE = 8_000


def sound(*parts: tuple[float, bool]) -> Samples:
    """Seconds of tone (True) or silence."""
    chunks = [0.5 * np.sin(np.arange(round(seconds * RATE))) * loud for seconds, loud in parts]
    return np.concatenate(chunks).astype(np.float32)


def place_of(text: str) -> Place:
    return Place(0, len(text), range(len(text)), range(1, len(text) + 1))


def test_a_word_lasts_until_it_falls_silent() -> None:
    text = "ab, cd."
    samples = sound((0.1, False), (0.4, True), (0.5, False), (0.4, True), (0.6, False))
    times = letter_times(text, [Word(0, 2, 0.1), Word(4, 2, 1.0)], samples, RATE, 0.0)
    assert times[0] == pytest.approx((0.1, 0.3), abs=0.006)
    assert times[1] == pytest.approx((0.3, 0.5), abs=0.006)
    assert times[2][0] == pytest.approx(0.5, abs=0.006)
    assert times[4][0] == 1.0
    assert times[5][1] == pytest.approx(1.4, abs=0.006)


def test_a_word_that_runs_into_the_next_ends_there() -> None:
    times = letter_times("ab cd", [Word(0, 2, 0.0), Word(3, 2, 0.4)], sound((0.8, True)), RATE, 0.0)
    assert times[1][1] == pytest.approx(0.4)
    assert times[2] == pytest.approx((0.4, 0.4))


def test_without_words_the_letters_share_the_sound() -> None:
    times = letter_times("abcd", [], sound((0.2, False), (0.8, True), (1.0, False)), RATE, 1.0)
    assert [start for start, _ in times] == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.01)
    assert times[-1][1] == pytest.approx(1.0, abs=0.01)


def test_words_that_the_engine_merged_share_their_time() -> None:
    times = letter_times("in a box", [Word(0, 4, 0.0), Word(5, 3, 0.5)], sound((1.0, True)), RATE, 0.0)
    assert times[3][1] == pytest.approx(0.5)
    late = letter_times("a box", [Word(2, 3, 0.5)], sound((1.0, True)), RATE, 0.0)
    assert late[0] == pytest.approx((0.0, 0.5))


@pytest.mark.parametrize(
    "words",
    [
        [Word(9, 1, 0.1)],
        [Word(-1, 1, 0.1)],
        [Word(3, 1, 0.5), Word(0, 1, 0.6)],
        [Word(0, 1, 0.9), Word(3, 1, 0.1)],
        [Word(0, 1, 99.0)],
    ],
)
def test_events_that_cannot_be_true_do_no_harm(words: list[Word]) -> None:
    text = "ab cd"
    times = letter_times(text, words, sound((1.0, True)), RATE, 0.0)
    aligned = align(text, text, place_of(text), times, 2.0, 3.0)
    assert len(aligned.starts) == 5
    assert all(2.0 <= start <= end <= 3.0 for start, end in zip(aligned.starts, aligned.ends, strict=True))


def test_digits_share_the_time_of_their_words() -> None:
    request = SpeechRequest(text="I see 25  cats!", voice_id="")
    script = cut(request, "en", 1000)
    [piece] = script.pieces
    assert piece.text == "I see twenty-five cats!"
    letters = [(index / 10, (index + 1) / 10) for index in range(len(piece.text))]
    aligned = align(request.text, piece.text, script.places[0], letters, 0.0, 3.0)
    times = dict(zip(range(15), zip(aligned.starts, aligned.ends, strict=True), strict=True))
    assert times[6] == pytest.approx((0.6, 1.15))
    assert times[7] == pytest.approx((1.15, 1.7))
    assert times[10] == pytest.approx((1.8, 1.9))
    assert aligned.ends[-1] == pytest.approx(2.3)


_WORDS = st.sampled_from(
    ["One", "two.", "25", "$3.50", "😀", "...", "\n\n", "  ", "e\u0301te\u0301", "Dr.", '<break time="1s"/>', "مرحبا",
     "漢字。", "\u200b", "?!", "10:30"]
)  # fmt: skip


@given(st.lists(_WORDS, min_size=1, max_size=14).map(" ".join), st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_character_of_every_text_has_its_time(text: str, eager: bool, normalise: bool) -> None:
    request = SpeechRequest(text=f"One {text}", voice_id="", breaks=True, normalise=normalise)
    script = cut(request, "en", 40, eager=eager)
    parts, now = [], 0.0
    for piece, place in zip(script.pieces, script.places, strict=True):
        letters = letter_times(piece.text, [], sound((0.3, True), (0.1, False)), RATE, 0.1)
        parts.append(align(request.text, piece.text, place, letters, now, now + 0.4))
        now += 0.4
    whole = Alignment.joined(parts)
    assert "".join(whole.characters) == request.text
    edges = [edge for span in zip(whole.starts, whole.ends, strict=True) for edge in span]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= now


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    registry = EngineRegistry.load(["espeak"])
    host = EngineHost(Settings(engine_processes=1), registry)
    yield Renderer(host, registry)
    await host.close()


def onsets(samples: Samples, rate: int, shortest_pause: float) -> list[float]:
    """When sound begins after silence: seconds."""
    size = rate // 200
    frames = np.abs(samples[: len(samples) // size * size]).reshape(-1, size).max(axis=1)
    loud = np.flatnonzero(frames > 0.02 * frames.max()) * size / rate
    return [float(loud[0])] + [float(after) for before, after in pairwise(loud) if after - before > shortest_pause]


@pytest.mark.parametrize(
    ("language", "text", "firsts"),
    [
        (
            "en",
            "Bad, good, dead: never! Nobody. My 25 dogs, maybe? Lions; bears, and me.",
            ["Bad", "good", "dead", "never", "Nobody", "My", "maybe", "Lions", "bears", "and"],
        ),
        ("de", "Nun, weiter. Am 3. Mai! Bald, 17 Busse.", ["Nun", "weiter", "Am", "Bald", "17"]),
        ("ar", "بدأ الدرس، دخل المعلم. بدأنا! عندي 25 كتابا؛ ذهبت.", ["بدأ", "دخل", "بدأنا", "عندي", "ذهبت"]),
    ],
)
async def test_words_of_espeak_are_where_the_sound_is(
    renderer: Renderer, language: str, text: str, firsts: list[str]
) -> None:
    voice = VoiceCatalogue(EngineRegistry.load(["espeak"])).default(language)
    assert voice is not None
    request = SpeechRequest(text=text, voice_id=voice.id, language=language)
    script = renderer.prepare(request, voice)
    parts, sounds, begin = [], [], 0.0
    async for spoken in renderer.speak(script):
        piece = script.pieces[len(parts)].text
        end = begin + len(spoken.samples) / script.sample_rate
        letters = letter_times(piece, spoken.words, spoken.samples, script.sample_rate, spoken.pause_after)
        parts.append(align(text, piece, script.places[len(parts)], letters, begin, end))
        sounds.append(spoken.samples)
        begin = end
    whole = Alignment.joined(parts)
    heard = onsets(np.concatenate(sounds), script.sample_rate, 0.08)
    said = [whole.starts[text.index(word)] for word in firsts]
    assert "".join(whole.characters) == text
    assert max(min(abs(start - onset) for onset in heard) for start in said) <= 0.06
    assert len(heard) < 2 * len(said)

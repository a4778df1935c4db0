"""Recognisers that are unsure: of the language, and of when words are said."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from myna.audio.activity import Segment
from myna.engines.base import Samples
from myna.engines.host import EngineHost
from myna.engines.recognition import (
    HeardWord,
    Recognised,
    RecognitionCapabilities,
    RecognitionEngine,
    RecognitionRequest,
)
from myna.engines.registry import GROUP, EngineRegistry
from myna.errors import Unsupported
from myna.settings import Settings
from myna.transcription.service import TranscriptionService

RATE = 16_000
GUESSES = {1: ("fr", 0.2), 2: ("es", 0.5), 3: ("es", 0.4), 4: ("de", 0.95), 5: ("und", 0.0), 6: ("fr", 0.9)}
"""What the guessing engine makes of sound by its loudness, in tenths of full scale."""
WORDLESS = (5, 6)


class Guessing(RecognitionEngine):
    """Takes each sound for one word, of a language that it guesses; 0.2 seconds late."""

    name = "guessing"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> RecognitionCapabilities:
        return RecognitionCapabilities(
            cls.name,
            "",
            "1",
            "CC0",
            ("de", "en", "es", "fr"),
            detects_language=True,
            exact_timestamps=False,
            vocabulary=True,
            models=("large", "small"),
        )

    def recognise(self, samples: Samples, sample_rate: int, request: RecognitionRequest) -> Recognised:
        loudness = round(10 * float(np.abs(samples).max(initial=0.0)))
        guess, sure = GUESSES[loudness]
        if request.language == "und":
            raise Unsupported("Nobody speaks `und`.")
        words = () if loudness in WORDLESS else (HeardWord(f"word{loudness}", 0.3, 0.6),)
        return Recognised(request.language or guess, words, 1.0 if request.language else sure)


class Exact(RecognitionEngine):
    """Finds known words of English: each where its number says, in tenths of a second."""

    name = "exact"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> RecognitionCapabilities:
        return RecognitionCapabilities(cls.name, "", "1", "CC0", ("en",), alignment=True)

    def recognise(self, samples: Samples, sample_rate: int, request: RecognitionRequest) -> Recognised:
        shift = {"word4": 0.05, "word2": 6.0}
        words = (request.transcript or "").split()
        return Recognised("en", tuple(HeardWord(word, 0.4 + shift[word], 0.7 + shift[word]) for word in words))


class HostHere(EngineHost):
    """Runs the engines of this module in this process, and notes what they are asked."""

    def __init__(self, registry: EngineRegistry) -> None:
        super().__init__(Settings(engine_processes=1), registry)
        self.asked: list[tuple[str, RecognitionRequest]] = []

    async def recognise(
        self, engine: str, samples: Samples, sample_rate: int, request: RecognitionRequest
    ) -> Recognised:
        self.asked.append((engine, request))
        return {"guessing": Guessing, "exact": Exact}[engine]().recognise(samples, sample_rate, request)


def service(*names: str) -> tuple[TranscriptionService, HostHere]:
    values = {"guessing": f"{__name__}:Guessing", "exact": f"{__name__}:Exact"}
    registry = EngineRegistry({name: EntryPoint(name, values[name], GROUP) for name in names})
    host = HostHere(registry)
    return TranscriptionService(host, registry), host


def sound(levels: Sequence[int]) -> tuple[Samples, list[Segment]]:
    """A second of each loudness, with so long a silence between that each is heard by itself."""
    samples = np.zeros(5 * RATE * len(levels), np.float32)
    segments = []
    for place, level in enumerate(levels):
        samples[5 * place * RATE : (5 * place + 1) * RATE] = level / 10
        segments.append(Segment(5.0 * place, 5.0 * place + 1))
    return samples, segments


async def hear(
    found: TranscriptionService, levels: Sequence[int], language: str | None = None
) -> tuple[str, list[str]]:
    samples, segments = sound(levels)
    heard = await found.transcribe(reading(samples), RATE, language=language, segments=segments, vocabulary=["Myna"])
    return heard.language, [word.text for word in heard.words]


def reading(samples: Samples):  # type: ignore[no-untyped-def]
    return lambda start, end: samples[max(0, round(start * RATE)) : round(end * RATE)]


async def test_the_stretch_of_which_it_is_surest_says_the_language() -> None:
    found, host = service("guessing")
    assert await hear(found, [1, 2, 3, 4]) == ("es", ["word1", "word2", "word3", "word4"])
    assert [request.language for _, request in host.asked] == [None, None, None, "es", "es"]
    assert all(request.vocabulary == ("Myna",) for _, request in host.asked)


async def test_one_that_is_sure_at_once_is_not_asked_again() -> None:
    found, host = service("guessing")
    assert await hear(found, [4, 1]) == ("de", ["word4", "word1"])
    assert [request.language for _, request in host.asked] == [None, "de"]


async def test_where_nothing_is_heard_at_first_later_stretches_say_the_language() -> None:
    found, _ = service("guessing")
    assert await hear(found, [5, 5, 5, 4]) == ("de", ["word4"])


async def test_a_stretch_of_which_the_beginning_is_no_speech_is_heard_to_its_end() -> None:
    found, host = service("guessing")
    samples = np.concatenate([np.full(17 * RATE, 0.5), np.full(23 * RATE, 0.4)]).astype(np.float32)
    heard = await found.transcribe(reading(samples), RATE, language=None, segments=[Segment(0.0, 40.0)])
    assert [request.language for _, request in host.asked] == [None, None, None]
    assert heard.language == "de"
    assert [word.text for word in heard.words] == ["word4"]


async def test_a_language_of_which_no_word_is_heard_comes_last() -> None:
    found, host = service("guessing")
    assert await hear(found, [6, 2]) == ("es", ["word2"])
    assert [request.language for _, request in host.asked] == [None, None, "es"]


async def test_a_language_that_is_known_is_not_guessed() -> None:
    found, host = service("guessing")
    assert await hear(found, [1, 4], "fr-CA") == ("fr-CA", ["word1", "word4"])
    assert [request.language for _, request in host.asked] == ["fr-CA", "fr-CA"]


async def test_rough_times_become_exact_where_an_engine_finds_known_words_near() -> None:
    found, host = service("guessing", "exact")
    samples, segments = sound([4, 2])
    heard = await found.transcribe(reading(samples), RATE, language="en", segments=segments)
    assert [name for name, _ in host.asked] == ["guessing", "guessing", "exact", "exact"]
    assert {request.transcript for _, request in host.asked[2:]} == {"word4", "word2"}  # each line by itself
    assert heard.words[0].start == pytest.approx(0.45)
    assert heard.words[1].start == pytest.approx(5.2)  # what was found is too far away


async def test_in_other_languages_they_stay_as_they_are() -> None:
    found, host = service("guessing", "exact")
    samples, segments = sound([4])
    heard = await found.transcribe(reading(samples), RATE, language="es", segments=segments)
    assert [name for name, _ in host.asked] == ["guessing"]
    assert heard.words[0].start == pytest.approx(0.3)


def test_without_an_engine_for_a_language_it_says_which_model_would_help() -> None:
    found, _ = service("exact")
    assert not found.finds_language()
    assert service("guessing", "exact")[0].finds_language()
    with pytest.raises(Unsupported, match="`myna models pull whisper-small` brings one"):
        found.check("ja")


async def test_an_engine_or_a_model_that_is_named_hears() -> None:
    found, host = service("exact", "guessing")
    samples, segments = sound([4])
    for name, model in (("guessing", ""), ("small", "small")):
        host.asked.clear()
        await found.transcribe(reading(samples), RATE, language="en", segments=segments, engine=name)
        engine, request = host.asked[0]
        assert (engine, request.model) == ("guessing", model), "though another one is preferred"
    assert not found.finds_language("exact")
    assert found.finds_language("small")


@pytest.mark.parametrize(
    ("name", "language", "why"),
    [
        ("exact", "es", "`exact` does not understand `es`. Name another one .`guessing`."),
        ("small", "ja", "`guessing` does not understand `ja`. No engine.*`myna models pull whisper-small`"),
        ("kazoo", "en", "no engine or model `kazoo`. `myna engines`"),
        ("kokoro", "en", "cannot hear; it is for speech"),
        ("piper-en-us-joe", "en", "cannot hear; it is for speech"),
        ("whisper-tiny", "en", "`whisper-tiny` is not here.*myna models pull whisper-tiny"),
    ],
)
def test_what_is_named_and_cannot_hear_is_no_other_one(
    name: str, language: str, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path))
    found, _ = service("exact", "guessing")
    with pytest.raises(Unsupported, match=why):
        found.check(language, name)

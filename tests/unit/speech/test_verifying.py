"""Speech that is heard as it is spoken, and spoken again: fake engines in real child processes, and real ones once."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from myna.app import build_node
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import EngineFailed, Unsupported
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.schemas import Recording, SpeechRequest
from myna.speech.verification import Verification
from myna.speech.verifying import Verifier
from myna.transcription.service import TranscriptionService
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.schemas import Voice
from tests.fixtures.dubs import new_caller

WORDS = "word, word, word, word, word, word."
"""The fake recogniser hears the word `word` wherever something sounds after a pause."""


class Studio:
    """Speaks and hears with engines of these names."""

    def __init__(self, engines: list[str], **settings: Any) -> None:
        self.settings = Settings(engines=engines, engine_processes=1, engine_silence_seconds=20, **settings)
        self.registry = EngineRegistry.load(engines)
        self.host = EngineHost(self.settings, self.registry)
        self.verifier = Verifier(TranscriptionService(self.host, self.registry), self.settings)
        self.renderer = Renderer(self.host, self.registry, self.verifier)
        self.voices = VoiceCatalogue(self.registry)

    def voice(self, language: str) -> Voice:
        voice = self.voices.default(language)
        assert voice is not None
        return voice

    async def say(self, text: str, language: str = "en", **options: Any) -> Recording:
        voice = self.voice(language)
        request = replace(SpeechRequest(text, voice.id, verify=True), **options)
        return await self.renderer.render(request, self.renderer.prepare(request, voice))

    async def verified(self, text: str, language: str = "en", **options: Any) -> Verification:
        found = (await self.say(text, language, **options)).verification
        assert found is not None
        return found


@pytest.fixture
async def studios() -> AsyncIterator[list[Studio]]:
    """Those that are put in here are closed."""
    opened: list[Studio] = []
    yield opened
    for studio in opened:
        await studio.host.close()


@pytest.fixture
def studio(studios: list[Studio], monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.delenv("FAKE_HEARD", raising=False)
    studios.append(Studio(["fake", "fake-recognition"]))
    return studios[0]


async def test_what_is_heard_at_once_is_not_spoken_again(studio: Studio) -> None:
    assert await studio.verified(WORDS) == Verification(1.0, 1, "word word word word word word", "fake-recognition")
    assert studio.verifier.outcomes == {"good": 1}
    assert studio.verifier.attempts == 0


async def test_a_garbled_sentence_gets_another_seed(studio: Studio) -> None:
    garbled = await studio.say(f"fake:garble=1 {WORDS}", verify=False)
    better = await studio.say(f"fake:garble=1 {WORDS}")
    assert garbled.verification is None
    assert better.verification == Verification(1.0, 2, "word word word word word word", "fake-recognition")
    assert abs(garbled.samples).mean() < 0.9 * abs(better.samples).mean()
    assert studio.verifier.outcomes == {"better": 1}
    assert studio.verifier.attempts == 1


async def test_the_best_attempt_is_kept_when_none_is_good(studio: Studio) -> None:
    found = await studio.verified(f"fake:garble=99 {WORDS}")
    assert found.score == 0.5
    assert found.attempts == 3
    assert studio.verifier.outcomes == {"poor": 1}


async def test_only_the_sentence_that_is_poor_is_spoken_again(studio: Studio) -> None:
    found = await studio.verified(f"{WORDS}\n\nfake:garble=1 {WORDS}\n\n{WORDS}")
    assert found == Verification(1.0, 2, " ".join(["word"] * 18), "fake-recognition")
    assert studio.verifier.outcomes == {"good": 2, "better": 1}


async def test_a_seed_of_the_request_is_where_it_begins(studio: Studio) -> None:
    assert (await studio.verified(f"fake:garble=7 {WORDS}", seed=6)).attempts == 2
    assert (await studio.verified(f"fake:garble=7 {WORDS}", seed=7)).attempts == 1


async def test_a_language_that_nobody_understands_is_skipped_and_said(studio: Studio) -> None:
    found = await studio.verified("слово слово", "ru")
    assert (found.score, found.attempts) == (None, 1)
    assert "No recogniser here understands `ru-RU`" in found.skipped
    assert studio.verifier.outcomes == {"skipped": 1}


async def test_a_recogniser_that_fails_fails_no_speech(studios: list[Studio], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_HEARD", "hear:fail=deaf word")
    studios.append(Studio(["fake", "fake-recognition"]))
    found = await studios[0].verified(WORDS)
    assert found.score is None
    assert "1 sentences were not heard" in found.skipped
    assert studios[0].verifier.outcomes == {"unheard": 1}


async def test_the_budget_of_time_ends_it(studios: list[Studio], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_HEARD", "hear:slow=30 word")
    studios.append(Studio(["fake", "fake-recognition"], verify_seconds=0.5))
    found = await studios[0].verified(f"{WORDS}\n\n{WORDS}\n\n{WORDS}")
    assert found.score is None
    assert studios[0].verifier.outcomes == {"unheard": 3}
    assert studios[0].verifier.attempts == 0


async def test_a_further_attempt_may_not_take_longer_than_the_budget(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = studio.voice("en")
    request = SpeechRequest(f"fake:garble=99 {WORDS}", voice.id, verify=True)
    script = studio.renderer.prepare(request, voice)
    check = studio.renderer.check_of(request, script)
    assert check is not None
    first = await studio.renderer._speak_piece(script, script.requests[0])
    hear, attempts = check._hear, 0

    async def hear_at_leisure(*heard: Any) -> Any:
        found = await hear(*heard)
        check._left = 0.2
        return found

    async def ever_slower(*_: Any) -> Any:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            await asyncio.sleep(600)
        return first

    monkeypatch.setattr(check, "_hear", hear_at_leisure)
    assert await check.best(0, script.requests[0], script.sample_rate, ever_slower) is first
    assert (check.verification().attempts, check.verification().score) == (2, 0.5)


def test_who_asks_for_it_where_nobody_hears_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineRegistry, "recognisers", ())
    studio = Studio(["fake"], verify_speech="on")
    request = SpeechRequest("word", studio.voice("en").id)
    studio.renderer.prepare(request, studio.voice("en"))
    with pytest.raises(Unsupported, match="No recogniser is here") as refusal:
        studio.renderer.prepare(replace(request, verify=True), studio.voice("en"))
    assert refusal.value.field == "verify"


async def test_a_further_attempt_that_fails_leaves_the_first(studio: Studio) -> None:
    """The marker makes the engine fail from the second time on: a crash is forgiven twice, and then no more."""
    voice = studio.voice("en")
    request = SpeechRequest(f"fake:garble=99 {WORDS}", voice.id, verify=True)
    script = studio.renderer.prepare(request, voice)
    check = studio.renderer.check_of(request, script)
    assert check is not None
    speak = studio.renderer._speak_piece
    spoken = 0

    async def once(*arguments: Any) -> Any:
        nonlocal spoken
        spoken += 1
        if spoken > 1:
            raise EngineFailed("no more")
        return await speak(script, *arguments)

    best = await check.best(0, script.requests[0], script.sample_rate, once)
    assert len(best.samples)
    assert check.verification().score == 0.5
    assert spoken == 3


@pytest.mark.parametrize(
    ("setting", "asked", "stream", "wanted"),
    [
        ("off", None, False, False),
        ("off", True, False, True),
        ("off", True, True, True),
        ("on", None, False, True),
        ("on", None, True, False),
        ("on", False, False, False),
        ("streams", None, True, True),
        ("streams", False, True, False),
    ],
)
def test_operator_and_request_decide(setting: str, asked: bool | None, stream: bool, wanted: bool) -> None:
    studio = Studio(["fake", "fake-recognition"], verify_speech=setting)
    request = SpeechRequest("word", studio.voice("en").id, verify=asked)
    script = studio.renderer.prepare(request, studio.voice("en"))
    assert (studio.renderer.check_of(request, script, stream=stream) is not None) == wanted


def test_without_a_verifier_nothing_is_looked_at() -> None:
    studio = Studio(["fake", "fake-recognition"])
    renderer = Renderer(studio.host, studio.registry)
    request = SpeechRequest("word", studio.voice("en").id, verify=True)
    assert renderer.check_of(request, renderer.prepare(request, studio.voice("en"))) is None


async def test_a_stream_is_looked_at_when_the_operator_says_so(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, engines=["fake", "fake-recognition"], verify_speech="streams", storage_url="memory://"
    )
    node = build_node(settings)
    await node.start()
    try:
        caller, speech = await new_caller(node, 100_000), node.services.speech
        request = SpeechRequest(f"fake:garble=1 {WORDS}\n\n{WORDS}", "fake:en-US.1", format="pcm")
        stream = await speech.stream(caller, request, api="native", price_per_character=0, base_url="")
        sound = b"".join([part async for part in stream])
    finally:
        await node.stop()
    assert len(sound) > 100_000
    assert speech.renderer.verifier is not None
    assert speech.renderer.verifier.outcomes == {"better": 1, "good": 1}


async def test_flite_is_understood_by_pocketsphinx(studios: list[Studio]) -> None:
    if not shutil.which("flite"):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("flite is not installed")
    studios.append(Studio(["flite", "sphinx"], verify_attempts=1))
    good = await studios[0].verified("The water in the river is cold. The night is long and dark.")
    assert good.score is not None
    assert good.score >= 0.7, good.heard
    assert good.recogniser == "sphinx"

"""From a request to sound, on the fake engine in real child processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from myna.audio.cleaning import Denoiser
from myna.audio.loudness import integrated_loudness
from myna.engines.base import AudioChunk, Capabilities, SynthesisRequest
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import BadAudio, EngineCrashed, EngineUnavailable, InvalidRequest, Unsupported
from myna.kit import ids
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.schemas import Recording, SpeechRequest
from myna.speech.text import diacritise
from myna.speech.text.splitting import PARAGRAPH_PAUSE
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.schemas import Voice

REQUEST = SpeechRequest(text="A sentence. And another one.", voice_id="")


@pytest.fixture
def registry() -> EngineRegistry:
    return EngineRegistry.load(["fake"])


@pytest.fixture
def voice(registry: EngineRegistry) -> Voice:
    voice = VoiceCatalogue(registry).default("en")
    assert voice is not None
    return voice


@pytest.fixture
async def renderer(registry: EngineRegistry) -> AsyncIterator[Renderer]:
    host = EngineHost(Settings(engine_processes=2, engine_silence_seconds=5), registry)
    yield Renderer(host, registry)
    await host.close()


async def render(renderer: Renderer, voice: Voice, **changes: object) -> Recording:
    request = replace(REQUEST, **changes)  # type: ignore[arg-type]
    return await renderer.render(request, renderer.prepare(request, voice))


async def test_every_sentence_is_spoken(renderer: Renderer, voice: Voice) -> None:
    one = await render(renderer, voice, text="This is a sentence of some length.")
    ten = await render(renderer, voice, text=" ".join(["This is a sentence of some length."] * 10))
    assert ten.duration == pytest.approx(10 * one.duration, rel=0.02)


async def test_paragraphs_of_punctuation_are_passed_over(renderer: Renderer, voice: Voice) -> None:
    script = renderer.prepare(replace(REQUEST, text="One sentence.\n\n* * *\n\n…\n\nAnother one."), voice)
    assert [piece.text for piece in script.pieces] == ["One sentence.", "Another one."]


async def test_the_pause_after_a_paragraph_is_made_once(renderer: Renderer, voice: Voice) -> None:
    one = await render(renderer, voice, text="A sentence.")
    two = await render(renderer, voice, text="A sentence.\n\nA sentence.")
    assert two.duration == pytest.approx(2 * one.duration + PARAGRAPH_PAUSE, abs=0.001)


HALF = '<break time="500ms"/>'


@pytest.mark.parametrize(
    ("text", "words", "pauses"),
    [
        (f"A sentence. {HALF} A sentence.", "A sentence. A sentence.", 0.5),
        (f"A sentence.{HALF}{HALF} {HALF}A sentence.", "A sentence. A sentence.", 1.5),
        (f"{HALF}A sentence.", "A sentence.", 0.5),
        (f"{HALF} {HALF} A sentence.{HALF}", "A sentence.", 1.5),
        (f"A sentence {HALF} goes on", "A sentence\n\ngoes on", 0.5 - PARAGRAPH_PAUSE),
        (f"A sentence.\n\n{HALF}A sentence.", "A sentence. A sentence.", 0.5),
        (f"A sentence.{HALF}...{HALF}A sentence.", "A sentence. A sentence.", 1.0),
        (f"Costs 1{HALF}000 dollars", "Costs one\n\nzero zero zero dollars", 0.5 - PARAGRAPH_PAUSE),
    ],
)
async def test_breaks_are_pauses_of_exactly_their_length(
    renderer: Renderer, voice: Voice, text: str, words: str, pauses: float
) -> None:
    plain = await render(renderer, voice, text=words)
    paused = await render(renderer, voice, text=text, breaks=True)
    assert paused.duration == pytest.approx(plain.duration + pauses, abs=0.002)


async def test_the_pause_before_the_first_word_is_silent(renderer: Renderer, voice: Voice) -> None:
    recording = await render(renderer, voice, text='<break time="1s"/>Speak.', breaks=True)
    assert np.abs(recording.samples[: recording.sample_rate]).max() < 1e-6
    assert np.abs(recording.samples[recording.sample_rate :][:4_800]).max() > 1e-2


def test_without_breaks_the_tag_is_text(renderer: Renderer, voice: Voice) -> None:
    script = renderer.prepare(replace(REQUEST, text=f"One {HALF} two"), voice)
    assert "break" in script.requests[0].text
    assert script.requests[0].pause_after is None


@pytest.mark.parametrize("text", [HALF, f"...{HALF}.", '<break time="soon"/> Now.', '<break time="1s"/>' * 21 + "Now."])
def test_breaks_that_cannot_be_made_are_refused(renderer: Renderer, voice: Voice, text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        renderer.prepare(replace(REQUEST, text=text, breaks=True), voice)
    assert refusal.value.field == "text"


def test_tags_do_not_decide_the_language(renderer: Renderer, voice: Voice) -> None:
    script = renderer.prepare(replace(REQUEST, text=f"نعم{HALF}لا{HALF}", breaks=True), voice)
    assert {request.language for request in script.requests} == {"ar"}


def delivery(renderer: Renderer, voice: Voice, **changes: object) -> SynthesisRequest:
    return renderer.prepare(replace(REQUEST, **changes), voice).requests[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "kept", "spoken"),
    [(None, None, 0.0), (0.25, None, 0.75), (None, 0.4, 0.6), (1.0, 0.4, 0.0), (0.0, None, 1.0)],
)
def test_stability_is_the_opposite_of_temperature_where_an_engine_knows_only_that(
    renderer: Renderer, voice: Voice, asked: float | None, kept: float | None, spoken: float
) -> None:
    request = delivery(renderer, replace(voice, stability=kept), stability=asked)
    assert request.temperature == pytest.approx(spoken)
    assert request.stability is None


class Able(EngineRegistry):
    """The fake engine, said to honour all there is."""

    def describe(self, name: str) -> Capabilities:
        options = frozenset({"speed", "temperature", "seed", "stability", "similarity"})
        return replace(super().describe(name), options=options)


def test_an_engine_that_knows_stability_and_similarity_gets_them(voice: Voice) -> None:
    registry = Able.load(["fake"])
    renderer = Renderer(EngineHost(Settings(), registry), registry)
    kept = replace(voice, kind="cloned", stability=0.4, similarity=0.9)
    asked = delivery(renderer, kept, temperature=0.3)
    assert (asked.stability, asked.similarity, asked.temperature) == (0.4, 0.9, 0.3)
    asked = delivery(renderer, kept, stability=0.0, similarity=0.0)
    assert (asked.stability, asked.similarity) == (0.0, 0.0)
    asked = delivery(renderer, voice)
    assert (asked.stability, asked.similarity) == (None, 1.0)


class Attentive(EngineHost):
    """Notes what it is asked to speak."""

    heard: list[str]

    async def synthesize(self, engine: str, request: SynthesisRequest) -> list[AudioChunk]:
        self.heard.append(request.text)
        return await super().synthesize(engine, request)


@pytest.mark.parametrize(
    ("policy", "text", "spoken"),
    [
        ("needed", "ذهب الولد", "ذَهَبَ الْوَلَدُ"),
        ("helpful", "ذهب الولد", "ذَهَبَ الْوَلَدُ"),
        ("needed", "ذُهِبَ الولد", "ذُهِبَ الْوَلَدُ"),
        ("harmful", "مَرْحَبًا بِكُمْ", "مرحبا بكم"),
        ("unused", "مَرْحَبًا بكم", "مَرْحَبًا بكم"),
        ("needed", "Hello", "Hello"),
    ],
)
async def test_arabic_is_marked_as_the_engine_wants_it(voice: Voice, policy: str, text: str, spoken: str) -> None:
    class Wanting(EngineRegistry):
        def describe(self, name: str) -> Capabilities:
            return replace(super().describe(name), diacritics=policy)

    registry = Wanting.load(["fake"])
    host = Attentive(Settings(engine_processes=1), registry)
    host.heard = []
    try:
        renderer = Renderer(host, registry)
        script = renderer.prepare(replace(REQUEST, text=text), voice)
        [sound] = [sound async for sound in renderer.speak(script)]
    finally:
        await host.close()
    assert host.heard == [spoken]
    [piece] = script.pieces
    assert [piece.text[word.text_position :][: word.length] for word in sound.words] == piece.text.split()


def test_arabic_that_grows_by_its_marks_still_fits_the_engine(renderer: Renderer, voice: Voice) -> None:
    registry = EngineRegistry.load(["espeak"])
    voice = VoiceCatalogue(registry).default("ar")
    script = Renderer(EngineHost(Settings(), registry), registry).prepare(
        replace(REQUEST, text="مدرسة كبيرة " * 2_000), voice
    )
    limit = registry.describe("espeak").max_characters
    assert script.diacritise
    assert max(len(diacritise(piece.text)) for piece in script.pieces[:3]) <= limit


def test_a_dialect_goes_only_to_an_engine_that_has_it(renderer: Renderer, voice: Voice) -> None:
    assert delivery(renderer, voice, dialect="ar-AE").dialect == "ar-AE"
    assert delivery(renderer, voice, dialect="najdi").dialect is None


async def test_the_level_is_what_was_asked_for(renderer: Renderer, voice: Voice) -> None:
    recording = await render(renderer, voice, text="A sentence that is long enough to be measured.", loudness=-16.0)
    assert integrated_loudness(recording.samples, recording.sample_rate) == pytest.approx(-16.0, abs=0.5)
    assert np.abs(recording.samples).max() <= 1.0


async def test_the_rate_is_what_was_asked_for(renderer: Renderer, voice: Voice) -> None:
    own = await render(renderer, voice)
    other = await render(renderer, voice, sample_rate=8_000)
    assert other.sample_rate == 8_000
    assert other.duration == pytest.approx(own.duration, abs=0.001)


async def test_progress_counts_the_pieces(renderer: Renderer, voice: Voice) -> None:
    seen: list[tuple[int, int]] = []

    async def note(done: int, total: int) -> None:
        seen.append((done, total))

    await renderer.render(REQUEST, renderer.prepare(REQUEST, voice), note)
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("crashes", [1, 2])
async def test_crashes_in_a_sentence_are_forgiven(renderer: Renderer, voice: Voice, crashes: int) -> None:
    """The second may be of a process that was at rest when the first one died, and of the same cause."""
    commands = " ".join(f"fake:crash-once={ids.new_uuid()}" for _ in range(crashes))
    recording = await render(renderer, voice, text=f"{commands} and then it speaks.")
    assert recording.duration > 0.5


@pytest.mark.parametrize(
    ("command", "error"),
    [("crash", EngineCrashed), ("nan", BadAudio), ("empty", BadAudio), ("rate", BadAudio), ("silence", BadAudio)],
)
async def test_sound_that_stays_unusable_is_an_error(
    renderer: Renderer, voice: Voice, command: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await render(renderer, voice, text=f"fake:{command} please")


@pytest.mark.parametrize("text", ["...", " \n\t ", "—"])
def test_a_text_without_speech_is_refused(renderer: Renderer, voice: Voice, text: str) -> None:
    with pytest.raises(InvalidRequest):
        renderer.prepare(replace(REQUEST, text=text), voice)


def test_a_language_that_the_engine_does_not_speak_is_refused(renderer: Renderer, voice: Voice) -> None:
    with pytest.raises(Unsupported):
        renderer.prepare(replace(REQUEST, language="tlh"), voice)


def test_a_text_in_other_letters_is_read_in_its_language(renderer: Renderer, voice: Voice) -> None:
    text = "Привет, у меня 3 кошки."
    assert {request.language for request in renderer.prepare(replace(REQUEST, text=text), voice).requests} == {"ru"}
    chosen = renderer.prepare(replace(REQUEST, text=text, language="en"), voice)
    assert {request.language for request in chosen.requests} == {"en"}


def test_letters_that_the_engine_cannot_read_are_refused(renderer: Renderer, voice: Voice) -> None:
    with pytest.raises(Unsupported, match="hy"):
        renderer.prepare(replace(REQUEST, text="Բարև ձեզ"), voice)


async def test_a_listener_that_leaves_stops_the_work(renderer: Renderer, voice: Voice) -> None:
    request = replace(REQUEST, text=" ".join(["fake:slow=0.2 A slow sentence."] * 50))
    pieces = renderer.speak(renderer.prepare(request, voice))
    await anext(pieces)
    await pieces.aclose()  # type: ignore[attr-defined]
    recording = await render(renderer, voice)
    assert recording.duration > 0


class Held:
    """An engine host that speaks when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def synthesize(self, engine: str, request: SynthesisRequest) -> list[AudioChunk]:
        self.asked.append(request.text)
        await self.go.wait()
        return [AudioChunk(np.full(24_000, 0.1, np.float32) * np.float32(np.pi), 24_000)]


async def test_what_has_begun_goes_on_when_the_queue_is_full(registry: EngineRegistry, voice: Voice) -> None:
    host = EngineHost(Settings(engine_processes=1, engine_queue=1), registry)
    renderer = Renderer(host, registry)
    request = replace(REQUEST, text=" ".join(["This is a sentence fake:slow=0.05 of some length."] * 4))

    async def listen() -> int:
        return len([spoken async for spoken in renderer.speak(renderer.prepare(request, voice, eager=True))])

    try:
        assert await asyncio.gather(listen(), listen()) == [4, 4]
    finally:
        await host.close()


@pytest.mark.parametrize(("eager", "at_first"), [(True, ["One."]), (False, ["One.", "Two."])])
async def test_only_while_somebody_listens_is_the_first_piece_spoken_alone(
    registry: EngineRegistry, voice: Voice, eager: bool, at_first: list[str]
) -> None:
    host = Held()
    renderer = Renderer(host, registry)  # type: ignore[arg-type]
    script = renderer.prepare(replace(REQUEST, text="One. Two. Three."), voice, eager=eager)
    async with contextlib.aclosing(renderer.speak(script)) as pieces:  # type: ignore[type-var]
        first = asyncio.ensure_future(anext(pieces))
        while len(host.asked) < len(at_first):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert host.asked == at_first
        host.go.set()
        await first
        await anext(pieces)
        assert host.asked[:2] == ["One.", "Two."]


def test_a_voice_of_one_language_is_asked_for_no_other_one() -> None:
    """Before anything is charged: the engine itself would find it out in the middle of the work."""
    able = Capabilities("piper", "", "1", "none", ("en-US", "fr-FR"), 22_050, one_language=True)

    class Registry(EngineRegistry):
        def describe(self, name: str) -> Capabilities:
            return able

    renderer = Renderer(EngineHost(Settings(), registry := Registry({})), registry)
    voices = (("joe", "en-US"), ("siwis", "fr-FR"))
    joe, siwis = (Voice(f"piper:{name}", name, "piper", (tag,), "neutral") for name, tag in voices)
    assert renderer.prepare(replace(REQUEST, language="en-GB"), joe).language == "en-GB"
    assert renderer.prepare(replace(REQUEST, language="fr"), siwis).language == "fr"
    for voice, language in ((joe, "fr"), (siwis, "en")):
        with pytest.raises(Unsupported, match=f"voice `{voice.id}` speaks `{voice.language}` only, not `{language}`"):
            renderer.prepare(replace(REQUEST, language=language), voice)
    assert renderer.prepare(replace(REQUEST, language="fr"), replace(joe, kind="cloned")).language == "fr"


def test_a_denoiser_that_is_named_and_not_here_is_said_before_anything_is_spoken(voice: Voice) -> None:
    registry = EngineRegistry.load(["fake"])
    host = EngineHost(Settings(engine_processes=1), registry)
    renderer = Renderer(host, registry, denoiser=Denoiser(host, registry, "kazoo"))
    assert renderer.prepare(SpeechRequest(text="Hello.", voice_id=voice.id), voice).pieces
    with pytest.raises(EngineUnavailable, match="kazoo"):
        renderer.prepare(SpeechRequest(text="Hello.", voice_id=voice.id, denoise=True), voice)

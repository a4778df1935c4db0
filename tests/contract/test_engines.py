"""What every engine promises, asked of all that are available here: in this process, and through the host."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import EngineFailed, InvalidRequest, ReferenceRefused, Unsupported
from myna.settings import Settings
from tests.fixtures.checkpoints import tiny_models
from tests.fixtures.elsewhere import make_engine, torch_pythons
from tests.fixtures.server import ServerFactory
from tests.fixtures.sound import contour_distance, joined, pitch_contour, seconds, words_of

NAMES = ("fake", "espeak", "flite", "match", "kokoro", "piper", "pocket", "remote")
SENTENCE = "Well, the small boat sailed over the wide river; nobody saw it, and the moon was low."
KNOWN_OPTIONS = {"speed", "temperature", "seed", "stability", "similarity"}
CLONING = ("fake", "match", "pocket")
REFERENCE_TEXT = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background of the well."
LANGUAGES = {
    "en-US": "The weather is very good today, my dear friend.",
    "en-GB": "The weather is very good today, my dear friend.",
    "es-ES": "El tiempo es muy bueno hoy, mi querido amigo.",
    "es-MX": "El tiempo es muy bueno hoy, mi querido amigo.",
    "fr-FR": "Il fait très beau aujourd'hui, mon cher ami.",
    "hi-IN": "आज मौसम बहुत अच्छा है, मेरे प्यारे दोस्त।",
    "it-IT": "Oggi il tempo è molto bello, mio caro amico.",
    "pt-BR": "O tempo está muito bom hoje, meu caro amigo.",
    "pt-PT": "O tempo está muito bom hoje, meu caro amigo.",
    "ja-JP": "きょうは、とてもてんきがいいですね、ともだち。",
    "zh-CN": "今天天气非常好，我亲爱的朋友。",
    "yue": "今日天氣非常好，我親愛嘅朋友。",
    "ar": "اَلطَّقْسُ جَيِّدٌ جِدًّا الْيَوْمَ يَا صَدِيقِي الْعَزِيزَ.",
    "de": "Das Wetter ist heute sehr gut, mein lieber Freund.",
    "ru": "Сегодня очень хорошая погода, мой дорогой друг.",
    "tr": "Bugün hava çok güzel, sevgili arkadaşım.",
}
PATIENCE = 20
ODD_TEXTS = {
    "pictures": "😀" * 50 + " hello",
    "commands": "hello \x00\x01\x0220s world",
    "marks": "e" + "\u0301" * 500,
    "markup": "<speak><break time='3600s'/>hello</speak>",
    "phonemes": "[[h@l'oU]] &amp; &#1;",
    "one long word": "a" * 700,
    "no full stop": "and on and on " * 60,
    "many scripts": "שלום 你好 नमस्ते مرحبا hello",
    "directions": "\u202ehello\u202c \ufeff \ud7ff",
}


@pytest.fixture(scope="module", autouse=True)
def checkpoints(tmp_path_factory: pytest.TempPathFactory, make_module_server: ServerFactory) -> Iterator[None]:
    """Tiny models in the real formats, for the engines that need one, and for `remote` another Myna to speak for it."""
    upstream = make_module_server(MYNA_RATE_LIMITS="off", MYNA_PRICES="off")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MYNA_MODELS_DIR", str(tiny_models(tmp_path_factory)))
        environment.setenv("MYNA_ENGINE_THREADS", "1")  # several would wait for each other more than they compute
        environment.setenv("MYNA_REMOTE_URL", f"{upstream.url}/v1")
        environment.setenv("MYNA_REMOTE_KEY", upstream.new_key(0))
        environment.setenv("MYNA_REMOTE_VOICES", "fake:en-US.1=en-US,fake:en-US.2=en-US,fake:en-GB.1=en-GB")
        yield
    registry.cache_clear()
    made_voice.cache_clear()


@cache
def registry() -> EngineRegistry:
    return EngineRegistry.load(list(NAMES), torch_pythons("pocket"))


def present(name: str) -> str:
    """The engine, or a skip that says why it is not here."""
    if name in registry().unavailable:
        pytest.skip(f"{name}: {registry().unavailable[name]}")
    return name


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = make_engine(present(request.param), registry())
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=NAMES)
async def hosted(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, EngineHost]]:
    host = EngineHost(Settings(engine_processes=1), registry())
    yield present(request.param), host
    await host.close()


def able(engine: Engine) -> Capabilities:
    return type(engine).describe()


def honours(engine: Engine, *options: str) -> None:
    """Skip what an engine does not claim. That it does without is asked of it elsewhere."""
    if missing := set(options) - able(engine).options:
        pytest.skip(f"{engine.name} does not claim to honour {', '.join(sorted(missing))}")


def ask(name: str, text: str = SENTENCE, language: str = "en-US", **options: float) -> SynthesisRequest:
    return SynthesisRequest(text, language, settings_of(name, language), **options)  # type: ignore[arg-type]


def settings_of(name: str, language: str) -> Mapping[str, Any]:
    """Of a voice that the engine brings along, else of one that it makes."""
    if not (voices := registry().voices(name)):
        return made_voice(name)
    primary = language.partition("-")[0]
    exact = [voice for voice in voices if voice.language == language]
    near = [voice for voice in voices if voice.language.partition("-")[0] == primary]
    return (exact or near or voices)[0].settings


@cache
def made_voice(name: str) -> dict[str, Any]:
    engine = make_engine(name, registry())
    try:
        return engine.prepare_voice(*reference(), REFERENCE_TEXT, "en-US")
    finally:
        engine.close()


@cache
def reference() -> tuple[Samples, int]:
    """A synthetic speaker who is nobody's stock voice."""
    speaker = EspeakEngine()
    recipe = "gender male\npitch 110 150\n" + "".join(f"formant {number} 106 100 100\n" for number in range(9))
    chunks = list(speaker.synthesize(SynthesisRequest(REFERENCE_TEXT, "en-US", {"recipe": recipe})))
    speaker.close()
    return joined(chunks), chunks[0].sample_rate


def speak(engine: Engine, text: str = SENTENCE, language: str = "en-US", **options: float) -> list[AudioChunk]:
    return list(engine.synthesize(ask(engine.name, text, language, **options)))


def contour(chunks: list[AudioChunk]) -> np.ndarray:
    return pitch_contour(joined(chunks), chunks[0].sample_rate)


def test_it_describes_itself(engine: Engine) -> None:
    capabilities = type(engine).describe()
    assert type(engine).available() == (True, "")
    assert capabilities.name == engine.name
    assert capabilities.licence
    assert capabilities.version
    assert capabilities.options <= KNOWN_OPTIONS
    assert len(set(capabilities.languages)) == len(capabilities.languages) > 0


def test_its_voices_have_unique_ids_and_languages_that_it_speaks(engine: Engine) -> None:
    voices = type(engine).voices()
    assert voices or type(engine).describe().cloning
    assert len({voice.id for voice in voices}) == len(voices)
    assert len({voice.name for voice in voices}) == len(voices)
    languages = set(type(engine).describe().languages)
    for voice in voices:
        assert voice.language in languages
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", voice.id.lower()), voice.id
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", voice.language), voice.language


def test_the_sound_is_mono_float32_finite_and_audible(engine: Engine) -> None:
    chunks = speak(engine)
    for chunk in chunks:
        assert chunk.sample_rate == type(engine).describe().sample_rate
        assert chunk.samples.dtype == np.float32
        assert chunk.samples.ndim == 1
    sound = joined(chunks)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 1.0
    assert np.sqrt((sound**2).mean()) > 0.01


def test_a_longer_text_gives_a_longer_sound(engine: Engine) -> None:
    once = seconds(speak(engine, SENTENCE))
    twice = seconds(speak(engine, f"{SENTENCE} {SENTENCE}"))
    assert twice == pytest.approx(2 * once, rel=0.1)


def test_the_sound_comes_in_pieces(engine: Engine) -> None:
    chunks = speak(engine, SENTENCE * 3)
    assert len(chunks) >= 10
    assert max(len(chunk.samples) / chunk.sample_rate for chunk in chunks) <= 1.0


@pytest.mark.parametrize("speed", [0.5, 2.0, 3.0])
def test_speed_changes_the_duration(engine: Engine, speed: float) -> None:
    honours(engine, "speed")
    ordinary, changed = seconds(speak(engine)), seconds(speak(engine, speed=speed))
    assert changed * speed == pytest.approx(ordinary, rel=0.12)


def test_words_come_in_order_and_lie_within_the_text_and_the_sound(engine: Engine) -> None:
    chunks = speak(engine)
    words = words_of(chunks)
    if not able(engine).word_timestamps:
        assert words == []
        return
    assert len(words) >= 10
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert [word.text_position for word in words] == sorted({word.text_position for word in words})
    assert 0 <= words[0].start < 0.4
    assert words[-1].start < seconds(chunks)
    for word in words:
        spoken = SENTENCE[word.text_position : word.text_position + word.length]
        assert spoken.strip()
        assert not spoken.startswith(" ")
    assert SENTENCE[words[-1].text_position :].startswith("low")


def test_a_word_begins_in_the_chunk_that_names_it(engine: Engine) -> None:
    begun = 0
    for chunk in speak(engine):
        for word in chunk.words:
            place = round(word.start * chunk.sample_rate)
            assert begun - 1 <= place <= begun + len(chunk.samples)
        begun += len(chunk.samples)


def test_a_pause_can_be_asked_for(engine: Engine) -> None:
    without, with_pause = speak(engine, pause_after=0.0), speak(engine, pause_after=1.5)
    assert seconds(with_pause) - seconds(without) == pytest.approx(1.5, abs=0.01)
    assert np.abs(joined(with_pause)[-chunk_samples(with_pause, 1.4) :]).max() == 0.0


def chunk_samples(chunks: list[AudioChunk], length: float) -> int:
    return round(length * chunks[0].sample_rate)


def test_temperature_0_is_steady_whatever_the_seed(engine: Engine) -> None:
    first, second = speak(engine, seed=1), speak(engine, seed=2)
    assert seconds(first) == pytest.approx(seconds(second), rel=0.005)
    assert contour_distance(contour(first), contour(second)) < 0.3


def test_without_seeds_a_text_always_sounds_the_same_or_always_differs(engine: Engine) -> None:
    if "seed" in able(engine).options:
        return
    first, second = (seconds(speak(engine, temperature=1.0, seed=seed)) for seed in (1, 2))
    assert ("temperature" in able(engine).options) or first == second


def test_the_same_seed_gives_the_same_prosody(engine: Engine) -> None:
    honours(engine, "seed", "temperature")
    first, second = (speak(engine, temperature=1.0, seed=7) for _ in range(2))
    assert seconds(first) == pytest.approx(seconds(second), rel=0.005)
    assert contour_distance(contour(first), contour(second)) < 0.3


def test_other_seeds_give_other_prosody(engine: Engine) -> None:
    honours(engine, "temperature")
    takes = [speak(engine, temperature=1.0, seed=seed) for seed in range(1, 5)]
    contours = [contour(take) for take in takes]
    lengths = [seconds(take) for take in takes]
    moved = max(contour_distance(contours[0], other) for other in contours[1:])
    assert moved > 0.4 or max(lengths) / min(lengths) > 1.03


def test_more_temperature_gives_more_variation(engine: Engine) -> None:
    honours(engine, "temperature")
    steady = speak(engine)
    mild = [departure(speak(engine, temperature=0.2, seed=seed), steady) for seed in range(6)]
    wild = [departure(speak(engine, temperature=1.0, seed=seed), steady) for seed in range(6)]
    assert np.mean(wild) > 1.5 * np.mean(mild)


def departure(chunks: list[AudioChunk], steady: list[AudioChunk]) -> float:
    """How far one reading is from another: semitones and percent of pace together."""
    pace = abs(seconds(chunks) / seconds(steady) - 1)
    return contour_distance(contour(chunks), contour(steady)) + 20 * pace


def test_closing_the_iterator_stops_it(engine: Engine) -> None:
    sound = engine.synthesize(ask(engine.name, SENTENCE * 20))
    next(sound)
    sound.close()  # type: ignore[attr-defined]
    assert seconds(speak(engine)) > 1


@pytest.mark.parametrize("text", ["...", "؟!", "\u200b", "—"])
def test_text_without_anything_to_say_is_an_error_or_sound_but_no_hang(engine: Engine, text: str) -> None:
    with contextlib.suppress(EngineFailed, InvalidRequest):
        assert seconds(speak(engine, text)) < 5


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_odd_text_is_spoken_or_refused(engine: Engine, kind: str) -> None:
    with contextlib.suppress(EngineFailed, InvalidRequest):
        sound = joined(speak(engine, ODD_TEXTS[kind]))
        assert np.isfinite(sound).all()
    assert seconds(speak(engine)) > 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_takes_a_plausible_time(engine: Engine, language: str) -> None:
    capabilities = type(engine).describe()
    spoken = {tag.partition("-")[0] for tag in capabilities.languages}
    spoken |= {"yue"} if "zh-HK" in capabilities.languages else set()
    if language.partition("-")[0] not in spoken:
        if engine.name != "fake":  # a tone knows no languages
            with pytest.raises(Unsupported):
                speak(engine, LANGUAGES[language], language)
        return
    chunks = speak(engine, LANGUAGES[language], language)
    plausible = (0.5, 10) if engine.name == "fake" else (2.0, 7.0)
    assert plausible[0] < seconds(chunks) < plausible[1]
    assert np.sqrt((joined(chunks) ** 2).mean()) > 0.01
    if capabilities.word_timestamps:
        assert len(words_of(chunks)) >= (1 if engine.name == "fake" else 3)


def test_every_voice_of_an_engine_speaks(engine: Engine) -> None:
    voices = type(engine).voices()
    for voice in voices[:: max(1, len(voices) // 60)]:
        request = SynthesisRequest("Hello, one two three.", voice.language, voice.settings)
        with contextlib.suppress(Unsupported):
            sound = joined(list(engine.synthesize(request)))
            assert np.abs(sound).max() > 0.02, voice.id


@pytest.mark.asyncio(loop_scope="module")
async def test_through_the_host_it_sounds_as_in_this_process(hosted: tuple[str, EngineHost]) -> None:
    name, host = hosted
    chunks = await host.synthesize(name, ask(name))
    words = words_of(chunks)
    assert chunks[0].samples.dtype == np.float32
    assert chunks[0].sample_rate == registry().describe(name).sample_rate
    assert 2 < seconds(chunks) < 9
    if registry().describe(name).word_timestamps:
        assert len(words) >= 10
        assert SENTENCE[words[-1].text_position :].startswith("low")
    again = await host.synthesize(name, ask(name))
    assert seconds(again) == pytest.approx(seconds(chunks), rel=0.005)


@pytest.mark.asyncio(loop_scope="module")
async def test_through_the_host_it_can_be_canceled(
    hosted: tuple[str, EngineHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.engines.process._CONFIRM_SECONDS", PATIENCE)  # a step may take long here
    name, host = hosted
    async with contextlib.aclosing(host.stream(name, ask(name, SENTENCE * 20))) as stream:
        async for chunk in stream:
            assert len(chunk.samples)
            break
    assert seconds(await host.synthesize(name, ask(name))) > 2
    assert not host.counters[name].restarts


@pytest.mark.asyncio(loop_scope="module")
async def test_a_voice_is_made_through_the_host_and_spoken_with(hosted: tuple[str, EngineHost]) -> None:
    name, host = clones(hosted)
    able = registry().describe(name)
    settings = await host.prepare_voice(name, *reference(), REFERENCE_TEXT, "en-US")
    chunks = await host.synthesize(name, SynthesisRequest(SENTENCE, "en-US", settings))
    assert settings["format"] == able.voice_format
    assert able.clone_quality
    assert len(json.dumps(settings)) < 8_000_000
    assert 2 < seconds(chunks) < 9


@pytest.mark.asyncio(loop_scope="module")
async def test_silence_is_no_reference(hosted: tuple[str, EngineHost]) -> None:
    name, host = clones(hosted)
    with pytest.raises(ReferenceRefused, match="recording"):
        await host.prepare_voice(name, np.zeros(48_000, np.float32), 16_000)


def clones(hosted: tuple[str, EngineHost]) -> tuple[str, EngineHost]:
    if hosted[0] not in CLONING:
        pytest.skip("it makes no voices, and says so below")
    return hosted


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(CLONING)))
def test_an_engine_that_does_not_clone_says_so(name: str) -> None:
    engine = make_engine(present(name), registry())
    with pytest.raises(Unsupported, match="clone"):
        engine.prepare_voice(*reference())
    engine.close()

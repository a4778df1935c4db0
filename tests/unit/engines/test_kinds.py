"""Recognisers and translators in processes of their own: what goes wrong in one stays in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from myna.engines.host import EngineHost
from myna.engines.kinds import kind_of
from myna.engines.recognition import RecognitionEngine, RecognitionRequest
from myna.engines.registry import EngineRegistry
from myna.engines.translation import TranslationEngine, TranslationRequest
from myna.errors import EngineCrashed, EngineFailed, EngineTimeout, EngineUnavailable
from myna.settings import Settings

REGISTRY = EngineRegistry.load(["fake", "fake-recognition", "fake-translation"])
RATE = 16_000
BURSTS = np.tile(np.repeat(np.array([0.3, 0.0], np.float32), RATE // 4), 3)

MakeHost = Callable[..., EngineHost]


@pytest.fixture
async def make_host() -> AsyncIterator[MakeHost]:
    hosts: list[EngineHost] = []

    def make(**settings: float) -> EngineHost:
        hosts.append(EngineHost(Settings(**{"engine_processes": 1, **settings}), REGISTRY))  # type: ignore[arg-type]
        return hosts[-1]

    yield make
    for host in hosts:
        await host.close()


def ask(*lines: str, **options: bool) -> TranslationRequest:
    return TranslationRequest(lines, "en", "es-ES", {"boat": "barco"}, **options)  # type: ignore[arg-type]


async def test_words_are_heard_and_lines_translated(make_host: MakeHost) -> None:
    host = make_host()
    heard = await host.recognise("fake-recognition", BURSTS, RATE, RecognitionRequest("en-GB", "One two three"))
    assert heard.language == "en-GB"
    assert [(word.text, word.start) for word in heard.words] == [("One", 0.0), ("two", 0.5), ("three", 1.0)]
    lines = await host.translate("fake-translation", ask("The boat", "", "sails."))
    assert lines == ("es The barco", "", "es sails.")
    assert await host.translate("fake-translation", ask("one two three four", shorten=True)) == ("one two",)
    assert set(host.counters) == {"fake-recognition", "fake-translation"}


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("crash", EngineCrashed, "ended"),
        ("hang", EngineTimeout, "said nothing"),
        ("fail=no_luck", EngineFailed, "no luck"),
        ("nonsense", EngineFailed, "where none can be"),
    ],
)
async def test_a_recogniser_that_goes_wrong(
    make_host: MakeHost, command: str, error: type[Exception], message: str
) -> None:
    host = make_host(engine_recognise_seconds=3)
    with pytest.raises(error, match=message):
        await host.recognise("fake-recognition", BURSTS, RATE, RecognitionRequest("en", f"hear:{command} a b c"))
    again = await host.recognise("fake-recognition", BURSTS, RATE, RecognitionRequest("en"))
    assert [word.text for word in again.words] == ["word"] * 3


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("crash", EngineCrashed, "ended"),
        ("hang", EngineTimeout, "said nothing"),
        ("fail=no_luck", EngineFailed, "no luck"),
        ("lose", EngineFailed, "1 lines for 2"),
        ("empty", EngineFailed, "did not translate a line"),
    ],
)
async def test_a_translator_that_goes_wrong(
    make_host: MakeHost, command: str, error: type[Exception], message: str
) -> None:
    host = make_host(engine_translate_seconds=3)
    with pytest.raises(error, match=message):
        await host.translate("fake-translation", ask("All is well.", f"This is not. translate:{command}"))
    assert await host.translate("fake-translation", ask("All is well.")) == ("es All is well.",)


async def test_an_engine_of_another_kind_is_refused(make_host: MakeHost) -> None:
    host = make_host()
    with pytest.raises(EngineUnavailable, match="cannot hear"):
        await host.recognise("fake", BURSTS, RATE, RecognitionRequest("en"))
    with pytest.raises(EngineUnavailable, match="cannot translate"):
        await host.translate("fake-recognition", ask("Hello."))


def test_classes_have_a_kind() -> None:
    assert [kind_of(each) for each in (RecognitionEngine, TranslationEngine, int, "text")] == [
        "recognition",
        "translation",
        None,
        None,
    ]

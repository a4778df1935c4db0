"""The translator behind a chat endpoint, asked of a server on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from myna.engines.chat import ChatEngine
from myna.engines.translation import TranslationRequest
from myna.errors import EngineFailed
from myna.settings import Settings
from tests.fixtures.chat import Answer, ChatServer, asked_in, chat_server, completion, translated

LINES = ("Good day.", "", "How are\nyou?", "—")


def always(answer: Answer) -> Callable[[dict[str, Any]], Answer]:
    return lambda _: answer


@contextmanager
def engine_at(url: str, pauses: list[float] | None = None, **settings: Any) -> Iterator[ChatEngine]:
    chosen = {"translation_url": url, "translation_model": "small"} | settings
    engine = ChatEngine(Settings(**chosen), sleep=(pauses if pauses is not None else []).append)
    yield engine
    engine.close()


def ask(
    *answers: Callable[[dict[str, Any]], Answer], lines: tuple[str, ...] = LINES, **more: Any
) -> tuple[tuple[str, ...], ChatServer]:
    with chat_server(*answers) as server, engine_at(server.url) as engine:
        return engine.translate(TranslationRequest(lines, "en", "es", **more)), server


def test_lines_go_in_one_question_and_come_back_in_order() -> None:
    found, server = ask(translated)
    assert found == ("GOOD DAY.", "", "HOW ARE YOU?", "—")
    assert server.asked() == [{"number": 1, "text": "Good day."}, {"number": 2, "text": "How are you?"}]
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "small"
    assert request["response_format"] == {"type": "json_object"}
    assert "from English (en) to Spanish (es)" in request["messages"][0]["content"]
    assert "authorization" not in server.headers[0]


def test_the_key_is_sent_and_never_shown() -> None:
    with (
        chat_server(always((401, "wrong key"))) as server,
        engine_at(server.url + "/chat/completions/", translation_key="secret-key", translation_model="") as engine,
        pytest.raises(EngineFailed, match="401: wrong key") as failure,
    ):
        engine.translate(TranslationRequest(LINES, "en", "es"))
    assert server.headers[0]["authorization"] == "Bearer secret-key"
    assert "secret-key" not in failure.value.message
    assert [request["path"] for request in server.requests] == ["/v1/chat/completions"]
    assert "model" not in server.requests[0]


def test_time_glossary_and_shortening_are_asked_for() -> None:
    _, server = ask(translated, seconds=(2.0, None, None, 1.0), glossary={"day": "día {x}"}, shorten=True)
    assert [line.get("most_characters") for line in server.asked()] == [28, None]
    task = server.requests[0]["messages"][0]["content"]
    assert '{"day": "día {x}"}' in task
    assert "fewer words" in task
    assert "most_characters" in task


def test_without_them_it_does_not_speak_of_them() -> None:
    _, server = ask(translated, seconds=(None,) * 4)
    task = server.requests[0]["messages"][0]["content"]
    assert "most_characters" not in task
    assert "fewer" not in task
    assert "always so" not in task


@pytest.mark.parametrize(
    "content",
    [
        {"lines": [{"number": 2, "text": "dos"}, {"number": 1, "text": "uno"}]},
        {"lines": [{"text": "uno"}, {"text": "dos"}]},
        {"lines": ["uno", "dos"]},
        ["uno", "dos"],
        {"1": "uno", "2": "dos"},
        {"lines": {"1": "uno"}, "1": "uno"} | {"lines": ["uno", " dos\n"]},
        '<think>{"lines": ["a", "b"]} hmm</think>\n```json\n{"lines": ["uno", "dos"]}\n```',
        'For line {1}: here you are [sic]: ["uno", "dos"]. Good luck!',
    ],
)
def test_answers_are_understood_in_many_forms(content: Any) -> None:
    found, server = ask(always(completion(content)))
    assert found == ("uno", "", "dos", "—")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (completion("I cannot do that."), "no JSON"),
        (completion({"lines": ["one"]}), "1 lines instead of 2"),
        (completion({"lines": ["one", " "]}), "1 lines instead of 2"),
        (completion({"lines": ["one", 2]}), "1 lines instead of 2"),
        (completion({"lines": "one"}), "no JSON"),
        (completion({"lines": [{"number": 1, "text": "a"}, {"number": 1, "text": "b"}]}), "1 lines instead of 2"),
        (completion('{"lines": ["one", "tw'), "no JSON"),
        (completion("[" * 5_000), "no JSON"),
        ((200, "<html>"), "not a chat completion"),
        ((200, "[]"), "not a chat completion"),
        ((200, json.dumps({"choices": [{"message": {"content": None}}]})), "no text"),
    ],
)
def test_a_bad_answer_is_asked_for_once_more(answer: Answer, problem: str) -> None:
    found, server = ask(always(answer), translated)
    assert found[0] == "GOOD DAY."
    assert problem in server.requests[1]["messages"][2]["content"]


def test_a_model_that_loses_count_is_asked_in_halves_and_line_by_line_at_last() -> None:
    lines = tuple(f"line {number}" for number in range(7))
    found, server = ask(lambda body: translated(body) if len(asked_in(body)) < 3 else completion(["x"]), lines=lines)
    assert found == tuple(line.upper() for line in lines)
    assert [len(asked_in(request)) for request in server.requests] == [7, 7, 3, 1, 2, 4, 2, 2]


def test_a_line_that_cannot_be_had_is_named_after_few_questions() -> None:
    with chat_server(always(completion("no"))) as server, engine_at(server.url) as engine:
        with pytest.raises(EngineFailed, match="The line is: line 0"):
            engine.translate(TranslationRequest(tuple(f"line {number}" for number in range(32)), "en", "es"))
        assert [len(asked_in(request)) for request in server.requests] == [32, 32, 16, 8, 4, 2, 1, 1]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_once_more(status: int) -> None:
    pauses: list[float] = []
    with (
        chat_server(always((status, "busy", {"retry-after": "3"})), translated) as server,
        engine_at(server.url, pauses) as engine,
    ):
        assert engine.translate(TranslationRequest(LINES, "en", "es"))[0] == "GOOD DAY."
    assert pauses == [3.0]
    with pytest.raises(EngineFailed, match=f"{status}: busy"):
        ask(always((status, "busy")))


def test_an_endpoint_without_a_json_mode_is_asked_without_it() -> None:
    with chat_server(always((400, "unknown response_format")), translated) as server, engine_at(server.url) as engine:
        for _ in range(2):
            assert engine.translate(TranslationRequest(LINES, "en", "es"))[0] == "GOOD DAY."
    assert ["response_format" in request for request in server.requests] == [True, False, False]


def test_a_request_that_is_refused_either_way_is_an_error() -> None:
    with pytest.raises(EngineFailed, match="400: no such model"):
        ask(always((400, "no\nsuch  model")))


def test_an_endpoint_that_is_not_there_is_named_as_the_setting() -> None:
    with (
        pytest.raises(EngineFailed, match=r"cannot be reached.*MYNA_TRANSLATION_URL"),
        engine_at("http://127.0.0.1:1/v1") as engine,
    ):
        engine.translate(TranslationRequest(LINES, "en", "es"))


def test_an_endpoint_that_is_silent_is_not_waited_for_for_ever() -> None:
    def slow(body: dict[str, Any]) -> Answer:
        time.sleep(1.0)
        return translated(body)

    with chat_server(slow) as server, engine_at(server.url, engine_translate_seconds=0.5) as engine:
        with pytest.raises(EngineFailed, match="cannot be reached"):
            engine.translate(TranslationRequest(LINES, "en", "es"))
        assert len(server.requests) == 2


def test_nothing_to_say_is_not_asked() -> None:
    found, server = ask(translated, lines=("", "…", "  "))
    assert found == ("", "…", "  ")
    assert server.requests == []


def test_it_is_there_when_an_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYNA_TRANSLATION_URL", raising=False)
    usable, reason = ChatEngine.available()
    assert not usable
    assert "MYNA_TRANSLATION_URL" in reason
    monkeypatch.setenv("MYNA_TRANSLATION_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("MYNA_TRANSLATION_MODEL", "large")
    assert ChatEngine.available() == (True, "")
    able = ChatEngine.describe()
    assert (able.any_pair, able.fits_length, able.glossary, able.version) == (True, True, True, "large")

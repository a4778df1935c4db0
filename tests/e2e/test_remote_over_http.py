"""A Myna that serves the speech of another server: what its clients get, whatever that server does."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from tests.fixtures.server import ServerFactory, ServerProcess
from tests.fixtures.upstream import RATE, Exchange, SpeechServer, pcm, says, speech_server, status, tone

TEXT = "The quick brown fox jumps over the lazy dog."
PATIENCE = 60.0


@pytest.fixture(scope="module")
def other() -> Iterator[SpeechServer]:
    with speech_server() as server:
        yield server


@pytest.fixture(scope="module")
def myna(other: SpeechServer, make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(
        MYNA_ENGINES="remote",
        MYNA_REMOTE_URL=other.url,
        MYNA_REMOTE_VOICES="her=en-US",
        MYNA_REMOTE_FAILURES="1000",
        MYNA_REMOTE_IDLE_SECONDS="60",
        MYNA_RATE_LIMITS="off",
    )


@pytest.fixture(scope="module")
def key(myna: ServerProcess) -> str:
    return myna.new_key()


@pytest.fixture
def http(myna: ServerProcess, key: str, other: SpeechServer) -> Iterator[httpx.Client]:
    other.requests.clear()
    other.gone.clear()
    other.heard.clear()
    with httpx.Client(base_url=myna.url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE) as client:
        yield client


def body(text: str = TEXT, format: str = "pcm") -> dict[str, str]:
    return {"model": "tts-1", "voice": "remote:her", "input": text, "response_format": format}


def in_two_halves(exchange: Exchange) -> None:
    exchange.begin(transfer_encoding="chunked")
    exchange.chunk(pcm(tone(1.0)))
    if exchange.server.heard.wait(PATIENCE):
        exchange.chunk(pcm(tone(1.0)))
        exchange.chunk(b"")


@pytest.mark.parametrize("format", ["pcm", "wav", "mp3"])
def test_the_first_sound_is_passed_on_before_the_last_has_come(
    http: httpx.Client, other: SpeechServer, format: str
) -> None:
    other.behave[:] = [in_two_halves]
    with http.stream("POST", "/v1/audio/speech", json=body(format=format)) as answer:
        parts = answer.iter_bytes()
        sound = next(parts)
        other.heard.set()
        sound += b"".join(parts)
    if format == "pcm":
        assert len(sound) == 2 * 2 * RATE
    assert len(other.requests) == 1


def test_sound_that_comes_at_once_is_a_file_with_an_exact_header(http: httpx.Client, other: SpeechServer) -> None:
    other.behave[:] = [says()]
    sound = http.post("/v1/audio/speech", json=body(format="wav")).content
    assert int.from_bytes(sound[40:44], "little") == len(sound) - 44 == 2 * 2 * RATE


def test_what_breaks_off_is_no_whole_answer_and_costs_nothing(
    http: httpx.Client, myna: ServerProcess, key: str, other: SpeechServer
) -> None:
    def breaks(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        exchange.chunk(pcm(tone(1.0)))
        exchange.server.heard.wait(PATIENCE)
        exchange.cut()

    other.behave[:] = [breaks, says()]
    before = myna.balance(key)
    with http.stream("POST", "/v1/audio/speech", json=body()) as answer:
        parts = answer.iter_bytes()
        next(parts)
        other.heard.set()
        with pytest.raises(httpx.RemoteProtocolError):
            b"".join(parts)
    assert len(other.requests) == 1, "nobody hears a beginning twice"
    assert myna.balance(key) == before


def test_what_breaks_off_before_anybody_has_heard_it_is_spoken_anew(http: httpx.Client, other: SpeechServer) -> None:
    def breaks(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        exchange.chunk(pcm(tone(0.1)))
        exchange.cut()

    other.behave[:] = [breaks, says()]
    assert len(http.post("/v1/audio/speech", json=body()).content) == 2 * 2 * RATE
    assert len(other.requests) == 2


def test_a_later_sentence_may_break_off_while_there_is_sound_to_play(http: httpx.Client, other: SpeechServer) -> None:
    def breaks(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        exchange.chunk(pcm(tone(1.0)))
        time.sleep(1.0)
        exchange.cut()

    other.behave[:] = [says(8.0), breaks, says()]
    sound = http.post("/v1/audio/speech", json=body(f"{TEXT} The cat sat on the old mat by the door.")).content
    assert len(sound) == (8 + 2) * 2 * RATE
    assert len(other.requests) == 3


def test_what_is_wrong_with_a_request_is_told_in_the_servers_words(http: httpx.Client, other: SpeechServer) -> None:
    other.behave[:] = [status(400, '{"error": {"message": "Voice her is asleep."}}')]
    answer = http.post("/v1/audio/speech", json=body())
    assert answer.status_code == 400
    assert "Voice her is asleep." in answer.json()["error"]["message"]
    assert len(other.requests) == 1


def test_a_server_that_is_down_is_said_with_when_to_come_again(http: httpx.Client, other: SpeechServer) -> None:
    other.behave[:] = [status(503, "Loading the model.", retry_after="0")]
    answer = http.post("/v1/audio/speech", json=body())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "Loading the model." in answer.json()["error"]["message"]
    metrics = http.get("/metrics").text
    (failed,) = re.findall(rf'myna_upstream_requests{{outcome="failed",upstream="{other.name}"}} (\d+)', metrics)
    assert int(failed) >= 3


def test_who_leaves_ends_the_request_to_the_server_too(http: httpx.Client, other: SpeechServer) -> None:
    def stalls(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        exchange.chunk(pcm(tone(1.0)))
        exchange.until_gone(PATIENCE)

    other.behave[:] = [stalls]
    with http.stream("POST", "/v1/audio/speech", json=body()) as answer:
        next(answer.iter_bytes())
    assert other.gone.wait(PATIENCE)


def test_everybody_gets_their_own_sound(http: httpx.Client, other: SpeechServer) -> None:
    def pitch_of(text: str) -> int:
        return 200 + 50 * (ord(text.split()[1][0]) - ord("a"))

    def sings(exchange: Exchange) -> None:
        sound = 0.3 * np.sin(2 * np.pi * pitch_of(exchange.body["input"]) * np.arange(2 * RATE) / RATE)
        data = pcm(sound.astype(np.float32))
        exchange.begin(transfer_encoding="chunked")
        for start in range(0, len(data), 9_601):
            exchange.chunk(data[start : start + 9_601])
            time.sleep(0.01)
        exchange.chunk(b"")

    other.behave[:] = [sings]
    texts = [f"Singer {letter * 3} is not like any other one." for letter in "abcdefghijklmnop"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda text: http.post("/v1/audio/speech", json=body(text)), texts))
    for text, answer in zip(texts, answers, strict=True):
        sound = np.frombuffer(answer.content, "<i2")
        assert len(sound) == 2 * RATE
        assert np.abs(np.fft.rfft(sound[:RATE])).argmax() == pitch_of(text)
        assert np.abs(np.fft.rfft(sound[RATE:])).argmax() == pitch_of(text)


def test_what_went_round_in_a_circle_is_refused(http: httpx.Client, other: SpeechServer) -> None:
    other.behave[:] = [says()]
    assert http.post("/v1/audio/speech", json=body(), headers={"x-myna-hops": "2"}).status_code == 200
    assert other.headers[-1]["x-myna-hops"] == "3"
    answer = http.post("/v1/audio/speech", json=body(), headers={"x-myna-hops": "4"})
    assert answer.status_code == 400
    assert "MYNA_REMOTE_URL" in answer.json()["error"]["message"]

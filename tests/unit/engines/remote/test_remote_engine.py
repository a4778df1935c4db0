"""The engine `remote`, asked of speech servers on loopback: good ones, slow ones, and hostile ones."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from myna.engines.base import SynthesisRequest
from myna.engines.remote.board import Board, Rules
from myna.engines.remote.engine import RemoteEngine
from myna.errors import BadAudio, EngineFailed, EngineUnavailable, InvalidRequest
from myna.settings import Settings
from tests.fixtures.upstream import (
    RATE,
    Behave,
    Exchange,
    SpeechServer,
    file_of,
    pcm,
    says,
    slow,
    speech_server,
    status,
    tone,
)

TEXT = "The quick brown fox jumps over the lazy dog."
NOBODY = "http://127.0.0.1:9/v1"
"""Nothing listens on the port for discarding."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.engines.upstream._FIRST_PAUSE", 0.001)


def board(failures: int = 100, rest: float = 60.0) -> Board:
    return Board(None, Rules(failures, rest))


@contextmanager
def engine_at(*urls: str, known: Board | None = None, **settings: Any) -> Iterator[RemoteEngine]:
    chosen = {"remote_url": list(urls), "remote_first_byte_seconds": 20.0} | settings
    engine = RemoteEngine(Settings(**chosen), known or board())
    try:
        yield engine
    finally:
        engine.close()


def said(engine: RemoteEngine, text: str = TEXT, **options: Any) -> np.ndarray:
    request = SynthesisRequest(text, "en-US", {"voice": "Her"}, **options)
    return np.concatenate([chunk.samples for chunk in engine.synthesize(request)])


@contextmanager
def served(*behave: Behave, **settings: Any) -> Iterator[tuple[RemoteEngine, SpeechServer]]:
    with speech_server(*behave) as server, engine_at(server.url, **settings) as engine:
        yield engine, server


def test_it_asks_as_openai_documents_it() -> None:
    with served(remote_key="secret-key", remote_model="kokoro") as (engine, server):
        sound = said(engine)
    np.testing.assert_allclose(sound, tone(), rtol=0, atol=1e-4)
    (asked,) = server.requests
    assert asked == {
        "path": "/v1/audio/speech",
        "model": "kokoro",
        "input": TEXT,
        "voice": "Her",
        "response_format": "pcm",
        "stream_format": "audio",
    }
    assert server.headers[0]["authorization"] == "Bearer secret-key"
    assert server.headers[0]["x-myna-hops"] == "1"


def test_without_a_key_none_is_sent_and_the_whole_address_may_be_given() -> None:
    with speech_server() as server, engine_at(f"{server.url}/audio/speech/") as engine:
        said(engine)
    assert "authorization" not in server.headers[0]
    assert server.requests[0]["path"] == "/v1/audio/speech"


def test_options_and_further_fields_go_along_when_they_are_wanted() -> None:
    fields = {"language": "Auto", "lang": "{language}", "quality": 3}
    with served(remote_options=["speed", "seed", "temperature"], remote_fields=fields) as (engine, server):
        said(engine, speed=1.5, seed=7, temperature=0.5)
    asked = server.requests[0]
    assert (asked["speed"], asked["seed"], asked["temperature"]) == (1.5, 7, 0.5)
    assert (asked["language"], asked["lang"], asked["quality"]) == ("Auto", "en-US", 3)
    assert "stream_format" not in asked


def test_a_connection_is_used_again() -> None:
    with served() as (engine, server):
        for _ in range(4):
            said(engine)
    assert len(server.requests) == 4
    assert len(server.connections) == 1


def test_what_cannot_be_written_as_json_text_is_left_out() -> None:
    with served() as (engine, server):
        said(engine, "A \ud800 broken\0 text of some length.")
    assert server.requests[0]["input"] == "A  broken  text of some length."


def test_the_sound_is_passed_on_while_it_comes() -> None:
    def in_two_halves(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        exchange.chunk(pcm(tone(1.0)))
        if exchange.server.heard.wait(30):
            exchange.chunk(pcm(tone(1.0)))
            exchange.chunk(b"")

    with served(in_two_halves, remote_idle_seconds=60.0) as (engine, server):
        sound = engine.synthesize(SynthesisRequest(TEXT, "en-US", {"voice": "Her"}))
        first = next(chunk.samples for chunk in sound if len(chunk.samples))
        server.heard.set()
        rest = [chunk.samples for chunk in sound]
    assert len(first) + sum(map(len, rest)) == 2 * RATE


def test_parts_need_not_end_with_a_sample() -> None:
    def odd(exchange: Exchange) -> None:
        data = pcm(tone())
        exchange.begin(transfer_encoding="chunked")
        for start in range(0, len(data), 1_001):
            exchange.chunk(data[start : start + 1_001])
        exchange.chunk(b"")

    with served(odd) as (engine, _):
        np.testing.assert_allclose(said(engine), tone(), rtol=0, atol=1e-4)


def test_a_pause_is_added() -> None:
    with served() as (engine, _):
        sound = said(engine, pause_after=0.5)
    assert len(sound) == 2.5 * RATE
    assert not sound[-RATE // 2 :].any()


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_other_forms_are_read(format: str) -> None:
    with served(remote_format=format) as (engine, server):
        sound = said(engine)
    assert server.requests[0]["response_format"] == format
    assert len(sound) == pytest.approx(2 * RATE, rel=0.05)
    assert np.abs(sound).max() == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(
    ("data", "type"),
    [
        (file_of(tone(2, 44_100), 44_100), "audio/wav"),
        (file_of(np.stack([tone(2, 16_000)] * 2, axis=1), 16_000), "application/octet-stream"),
        (file_of(tone(2, 48_000), 48_000, "FLAC"), ""),
        (file_of(tone(2, 22_050), 22_050, "OGG", "VORBIS"), "audio/ogg"),
        (pcm(tone(2, 16_000)), "audio/pcm; rate=16000"),
        (pcm(tone(2, 48_000)), 'audio/L16; sample_rate="48000"'),
        (pcm(np.repeat(tone(2, 48_000), 2)), "audio/pcm;rate=48000;channels=2"),
        (file_of(tone(2), subtype="PCM_U8"), "audio/wav"),
        (file_of(tone(2), subtype="FLOAT"), "audio/wav"),
        (file_of(tone(2), format="MP3"), "application/octet-stream"),
        (file_of(tone(2, 44_100), 44_100, "MP3"), "audio/pcm"),
        (file_of(tone(2, 48_000), 48_000, "OGG", "OPUS"), "audio/pcm"),
        (file_of(tone(2), format="AIFF"), ""),
    ],
)
def test_other_rates_and_files_instead_of_pcm_become_what_is_promised(data: bytes, type: str) -> None:
    with served(lambda exchange: exchange.answer(200, data, type)) as (engine, _):
        sound = said(engine)
    assert len(sound) == pytest.approx(2 * RATE, rel=0.02)
    middle = np.abs(np.fft.rfft(sound[RATE // 2 : RATE // 2 + RATE]))
    assert middle.argmax() == 220


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_the_header_of_a_wav_that_was_streamed_need_not_know_its_length(size: int) -> None:
    data = bytearray(file_of(tone()))
    struct.pack_into("<I", data, 4, size)
    struct.pack_into("<I", data, 40, size)
    with served(lambda exchange: exchange.answer(200, bytes(data), "audio/wav"), remote_format="wav") as (engine, _):
        np.testing.assert_allclose(said(engine), tone(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("format", ["WAV", "FLAC"])
def test_a_file_that_ends_before_its_header_says_is_not_passed_for_the_whole(format: str) -> None:
    data = file_of(tone(), format=format)
    with (
        served(lambda exchange: exchange.answer(200, data[: len(data) * 3 // 4]), remote_attempts=1) as (engine, _),
        pytest.raises(BadAudio, match=r"broke off|no sound that can be read"),
    ):
        said(engine)


def test_a_small_file_with_hours_of_sound_is_not_read_to_its_end() -> None:
    hour = file_of(np.zeros(3_600 * 8_000, np.float32), 8_000, "FLAC")
    assert len(hour) < 500_000
    with (
        served(lambda exchange: exchange.answer(200, hour, "audio/flac")) as (engine, _),
        pytest.raises(BadAudio, match=r"more than 4\d seconds, which is too long"),
    ):
        said(engine)


def test_the_rate_of_pcm_can_be_set() -> None:
    with served(lambda exchange: exchange.answer(200, pcm(tone(2, 44_100))), remote_pcm_rate=44_100) as (engine, _):
        assert len(said(engine)) == 2 * RATE


def test_a_server_that_makes_no_pcm_is_asked_for_wav_from_then_on() -> None:
    def picky(exchange: Exchange) -> None:
        if exchange.body["response_format"] == "pcm":
            body = {"detail": [{"loc": ["body", "response_format"], "msg": "Input should be 'wav'"}]}
            exchange.answer(422, json.dumps(body).encode(), "application/json")
        else:
            says()(exchange)

    with served(picky) as (engine, server):
        assert len(said(engine)) == len(said(engine)) == 2 * RATE
    assert [asked["response_format"] for asked in server.requests] == ["pcm", "wav", "wav"]


def test_a_server_that_makes_nothing_that_is_known_is_an_error_in_its_own_words() -> None:
    with (
        served(status(400, '{"error": {"message": "No such response_format."}}')) as (engine, server),
        pytest.raises(EngineFailed, match=r"answered 400: No such response_format\."),
    ):
        said(engine)
    assert [asked["response_format"] for asked in server.requests] == ["pcm", "wav", "mp3"]


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (400, InvalidRequest, ""),
        (422, InvalidRequest, ""),
        (401, EngineFailed, " Is MYNA_REMOTE_KEY right"),
        (403, EngineFailed, " Is MYNA_REMOTE_KEY right"),
        (404, EngineFailed, " Are MYNA_REMOTE_URL and MYNA_REMOTE_MODEL right"),
        (413, EngineFailed, ""),
    ],
)
def test_what_is_refused_is_not_asked_again(code: int, kind: type[Exception], advice: str) -> None:
    known = board(failures=1)
    with (
        served(status(code, '{"error": {"message": "Voice Her is not here."}}'), known=known) as (engine, server),
        pytest.raises(kind, match=rf"{code}: Voice Her is not here\.{advice}"),
    ):
        said(engine)
    assert len(server.requests) == 1
    assert not known.is_open(server.name)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_it_is_not_led_elsewhere(code: int) -> None:
    with speech_server() as other:
        away = status(code, "", location=f"{other.url}/audio/speech")
        with (
            served(away) as (engine, server),
            pytest.raises(EngineFailed, match=f"answered {code}: .*MYNA_REMOTE_URL has to name the address itself"),
        ):
            said(engine)
    assert len(server.requests) == 1
    assert not other.requests


def test_a_part_of_a_key_is_not_told_either() -> None:
    with (
        served(status(401, '{"error": {"message": "Incorrect API key provided: sk-proj-ab***xyz."}}')) as (engine, _),
        pytest.raises(EngineFailed, match="Incorrect API key provided: …") as failure,
    ):
        said(engine)
    assert "sk-" not in failure.value.message


def test_the_key_is_never_told() -> None:
    with (
        served(status(401, "wrong key secret-key, " * 3), remote_key="secret-key") as (engine, _),
        pytest.raises(EngineFailed, match="wrong key …") as failure,
    ):
        said(engine)
    assert "secret-key" not in failure.value.message


@pytest.mark.parametrize("code", [500, 502, 503, 504, 408, 429])
def test_what_may_pass_is_asked_again(code: int) -> None:
    with served(status(code, retry_after="0"), status(code, retry_after="0"), says()) as (engine, server):
        assert len(said(engine)) == 2 * RATE
    assert len(server.requests) == 3


def test_it_gives_up_in_the_servers_words() -> None:
    with (
        served(status(500, '{"detail": "CUDA out of memory"}'), remote_attempts=2) as (engine, server),
        pytest.raises(EngineUnavailable, match=f"{server.name} answered 500: CUDA out of memory"),
    ):
        said(engine)
    assert len(server.requests) == 2


def test_it_waits_as_long_as_it_is_asked_to() -> None:
    with served(status(429, retry_after="1"), says()) as (engine, _):
        began = time.monotonic()
        said(engine)
    assert time.monotonic() - began >= 0.95


def test_it_waits_on_when_it_is_asked_to_wait_again() -> None:
    known = board()
    with served(known=known, remote_attempts=1) as (engine, server):
        known.busy(server.name, 0.3)
        later = threading.Timer(0.1, known.busy, [server.name, 0.8])
        later.start()
        assert len(said(engine)) == 2 * RATE
        later.join()


def test_it_does_not_wait_for_ever() -> None:
    known = board()
    with served(known=known, remote_first_byte_seconds=1.0) as (engine, server):
        known.busy(server.name, 5.0)
        with pytest.raises(EngineUnavailable, match=f"All speech servers are busy: {server.name}"):
            said(engine)
    assert not server.requests


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with (
        engine_at(NOBODY) as engine,
        pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1:9 cannot be reached \(ConnectError"),
    ):
        said(engine)


def cut_at_once(exchange: Exchange) -> None:
    exchange.cut()


def test_a_connection_that_breaks_before_the_first_sound_is_made_anew() -> None:
    with served(cut_at_once, says()) as (engine, server):
        assert len(said(engine)) == 2 * RATE
    assert len(server.requests) == 2


def short_of_its_length(exchange: Exchange) -> None:
    data = pcm(tone())
    exchange.begin(content_length=str(len(data)))
    exchange.write(data[: len(data) // 2])
    exchange.handler.close_connection = True


def cut_in_a_chunk(exchange: Exchange) -> None:
    exchange.begin(transfer_encoding="chunked")
    exchange.chunk(pcm(tone(1.0)))
    exchange.write(b"ffff\r\nabc")
    exchange.handler.close_connection = True


@pytest.mark.parametrize("broken", [short_of_its_length, cut_in_a_chunk])
def test_what_breaks_off_is_never_passed_for_the_whole_and_never_asked_twice(broken: Behave) -> None:
    with served(broken, says()) as (engine, server), pytest.raises(BadAudio, match="broke off"):
        said(engine)
    assert len(server.requests) == 1


def test_silence_before_the_first_sound_ends_the_attempt() -> None:
    with served(Exchange.until_gone, says(), remote_first_byte_seconds=2.0) as (engine, server):
        assert len(said(engine)) == 2 * RATE
        assert server.gone.wait(10)


def headers_alone(exchange: Exchange) -> None:
    exchange.begin(transfer_encoding="chunked")
    exchange.until_gone()


def test_headers_are_no_sound() -> None:
    with (
        served(headers_alone, remote_first_byte_seconds=0.3, remote_attempts=1) as (engine, _),
        pytest.raises(EngineUnavailable, match=r"sent no sound within 0\.3 s"),
    ):
        said(engine)


def test_silence_in_the_middle_ends_it() -> None:
    def stalls(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        exchange.chunk(pcm(tone(0.5)))
        exchange.until_gone()

    with served(stalls, remote_idle_seconds=0.3) as (engine, server):
        with pytest.raises(BadAudio, match=r"broke off \(nothing came for 0\.3 s\)"):
            said(engine)
        assert server.gone.wait(10)


def test_sound_that_trickles_on_and_on_is_given_up() -> None:
    def trickles(exchange: Exchange) -> None:
        exchange.begin(transfer_encoding="chunked")
        while True:
            exchange.chunk(b"\1\0")
            time.sleep(0.1)

    with served(trickles, remote_whole_seconds=0.5) as (engine, server):
        with pytest.raises(BadAudio, match=r"broke off \(it took longer than 0\.5 s\)"):
            said(engine)
        assert server.gone.wait(10)


NOT_A_NUMBER = tone()
NOT_A_NUMBER[100] = np.nan


@pytest.mark.parametrize(
    ("data", "type", "problem"),
    [
        (b"", "audio/pcm", "no sound"),
        (b"<html>Sign in, please</html>", "text/html", "text, not sound: <html>Sign in"),
        (b"<!doctype html><title>Proxy</title>", "application/octet-stream", "text, not sound"),
        (b'{"error": {"message": "quota"}}', "application/json", "text, not sound: quota"),
        (b"event: speech.audio.delta\n", "text/event-stream", "text, not sound"),
        (pcm(tone(0.1)), "audio/pcm", "most of them are missing"),
        (pcm(tone(80.0)), "audio/pcm", "too long"),
        (pcm(tone(1.0)) + b"\0", "audio/pcm", "middle of a sample"),
        (b"RIFF" + b"\0" * 400, "audio/wav", "no sound that can be read"),
        (b"\xff\xfb\0\0", "audio/mpeg", "no sound that can be read"),
        (b"\xff\xf1\x50\x80\x01\x1f\xfc\0" * 40, "audio/pcm", "no sound that can be read"),
        (b"\0\0\0\x20ftypM4A " + b"\0" * 90_000, "application/octet-stream", "no sound that can be read"),
        (b"\x1aE\xdf\xa3" + b"\0" * 90_000, "", "no sound that can be read"),
        (file_of(NOT_A_NUMBER, subtype="FLOAT"), "audio/wav", "not a number"),
        (file_of(tone(0.0)), "audio/wav", "empty"),
    ],
)
def test_what_is_no_speech_is_refused(data: bytes, type: str, problem: str) -> None:
    with (
        served(lambda exchange: exchange.answer(200, data, type), remote_attempts=1) as (engine, _),
        pytest.raises(BadAudio, match=problem) as caught,
    ):
        said(engine)
    assert "object at" not in caught.value.message


def test_a_page_instead_of_sound_is_asked_for_elsewhere() -> None:
    with (
        speech_server(status(200, "<p>Moved", "text/html")) as one,
        speech_server() as other,
        engine_at(one.url, other.url) as engine,
    ):
        for _ in range(2):
            assert len(said(engine)) == 2 * RATE
    assert len(other.requests) == 2


def test_closing_the_iterator_closes_the_request_at_once() -> None:
    for behave in (Exchange.until_gone, headers_alone, slow(60.0)):
        with served(behave) as (engine, server):
            sound = engine.synthesize(SynthesisRequest(TEXT, "en-US", {"voice": "Her"}))
            next(sound)
            while not server.requests:
                next(sound)
            sound.close()  # type: ignore[attr-defined]
            assert server.gone.wait(10)


def test_servers_are_asked_in_turn() -> None:
    with speech_server() as one, speech_server() as other, engine_at(one.url, other.url) as engine:
        for _ in range(6):
            said(engine)
    assert len(one.requests) == len(other.requests) == 3


def test_another_server_steps_in_and_the_broken_one_is_left_alone() -> None:
    known = board(failures=2)
    with (
        speech_server(status(500)) as broken,
        speech_server() as good,
        engine_at(broken.url, good.url, known=known) as engine,
    ):
        for _ in range(8):
            assert len(said(engine)) == 2 * RATE
    assert len(broken.requests) == 2
    assert len(good.requests) == 8
    assert known.is_open(broken.name)
    assert not known.is_open(good.name)


def test_a_server_that_fails_always_is_left_alone_and_tried_again_after_a_rest() -> None:
    clock = [0.0]
    known = Board(None, Rules(failures=3, rest=30.0), clock=lambda: clock[0])
    behave = [status(500, "broken pipe dream")] * 4 + [says()]
    with served(*behave, known=known) as (engine, server):
        with pytest.raises(EngineUnavailable, match="broken pipe dream"):
            said(engine)
        with pytest.raises(EngineUnavailable, match=r"left alone for 30 s, after failures in a row\..*broken pipe"):
            said(engine)
        assert len(server.requests) == 3
        clock[0] = 31.0
        with pytest.raises(EngineUnavailable, match="broken pipe dream"):
            said(engine)
        assert len(server.requests) == 4, "one request looks whether it is well"
        clock[0] = 62.0
        assert len(said(engine)) == len(said(engine)) == 2 * RATE
    assert known.health()[server.name].answered == 2


@pytest.mark.parametrize("data", [b"RIFF" + b"\0" * 400, pcm(tone(0.1))])
def test_a_server_that_says_nothing_but_nonsense_is_left_alone(data: bytes) -> None:
    known = board(failures=2)
    with served(lambda exchange: exchange.answer(200, data), known=known) as (engine, server):
        for _ in range(2):
            with pytest.raises(BadAudio):
                said(engine)
        with pytest.raises(EngineUnavailable, match="left alone"):
            said(engine)
    assert len(server.requests) == 2
    assert known.health()[server.name].answered == 0


def test_being_busy_is_no_failure() -> None:
    known = board(failures=1)
    with served(status(429, retry_after="0"), says(), known=known) as (engine, server):
        said(engine)
    assert known.health()[server.name].failed == 0


def test_as_many_keys_as_servers_go_to_their_own() -> None:
    with (
        speech_server() as one,
        speech_server() as other,
        engine_at(one.url, other.url, remote_key="first, second") as engine,
    ):
        said(engine)
        said(engine)
    assert one.headers[0]["authorization"] == "Bearer first"
    assert other.headers[0]["authorization"] == "Bearer second"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"remote_url": [NOBODY, NOBODY + "/"], "remote_key": "a,b,c"}, "as many as"),
        ({"remote_url": [NOBODY], "remote_key": "a\nb"}, "characters"),
        ({"remote_url": ["gpu-1:8880"]}, "none"),
        ({"remote_url": ["ftp://user:password@host/v1"]}, "none: host"),
    ],
)
def test_settings_that_cannot_be_are_said(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(EngineUnavailable, match=problem) as refusal:
        RemoteEngine(Settings(**settings), board())
    assert "password" not in refusal.value.message

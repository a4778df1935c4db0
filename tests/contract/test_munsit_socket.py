"""Munsit's speech over a WebSocket."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from myna.accounts.service import AccountService
from tests.fixtures.munsit import PER_CHARACTER, STOCK, TEXT, Account
from tests.fixtures.server import ServerFactory, ServerProcess

PATH = "/api/v1/websocket/text-to-speech"
PATHS = (PATH, "/munsit" + PATH, "/api/v1/text-to-speech", "/munsit/api/v1/text-to-speech")
INIT = {"type": "initConnection", "voice_id": STOCK, "voice_settings": {"stability": 1}}
CLOSE = {"type": "closeConnection"}


@pytest.fixture
def account(server: ServerProcess):
    made = Account(server)
    yield made
    made.http.close()


class Socket:
    """A connection, and what comes from it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        self._connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def say(self, text: str, **flags: bool) -> None:
        self.send({"type": "text", "text": text, **flags})

    def next(self) -> dict:
        return json.loads(self._connection.recv(timeout=60))

    def batch(self) -> bytes:
        """The samples up to the end of a batch."""
        samples = b""
        while True:
            message = self.next()
            assert set(message) == {"audio", "sampleRate", "isFinal"}, message
            samples += base64.b64decode(message["audio"])
            if message["isFinal"]:
                return samples

    def error(self, code: int) -> str:
        message = self.next()
        assert set(message) == {"type", "errorCode", "errorMessage"}, message
        assert (message["type"], message["errorCode"]) == ("error", code)
        return message["errorMessage"]

    def end(self) -> int:
        """The code with which the server closes; nothing else may come before."""
        with pytest.raises(ConnectionClosed) as closed:
            print(self._connection.recv(timeout=60))
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code

    def leave(self) -> None:
        self._connection.close()


@contextmanager
def open_socket(server: ServerProcess, path: str = PATH, headers: dict[str, str] | None = None) -> Iterator[Socket]:
    with connect(server.url.replace("http", "ws", 1) + path, additional_headers=headers) as connection:
        yield Socket(connection)


@contextmanager
def talking(account: Account, **init: object) -> Iterator[Socket]:
    """A conversation that has begun."""
    with open_socket(account.server, headers={"x-api-key": account.key}) as socket:
        socket.send({**INIT, **init})
        assert socket.next() == {"type": "connectionInitialized"}
        yield socket


class TestKeys:
    @pytest.mark.parametrize("path", PATHS)
    def test_in_a_header_the_query_or_the_first_message(self, account, path):
        ways = [
            ({"headers": {"x-api-key": account.key}}, INIT),
            ({"path": f"{path}?x-api-key={account.key}"}, INIT),
            ({}, {**INIT, "x_api_key": account.key}),
            ({"headers": {"x-api-key": account.key}}, {**INIT, "x_api_key": account.key}),
        ]
        for how, first in ways:
            with open_socket(account.server, **{"path": path, **how}) as socket:
                socket.send(first)
                assert socket.next() == {"type": "connectionInitialized"}
                socket.say(TEXT, flush=True)
                assert len(socket.batch()) > 10_000

    @pytest.mark.parametrize("headers", [{"x-api-key": "wrong"}, {"x-api-key": "myna_wrong"}])
    def test_a_wrong_one_is_closed_with_1008(self, account, headers):
        with open_socket(account.server, headers=headers) as socket:
            assert socket.error(40101) == "Invalid or missing API key"
            assert socket.end() == 1008
        with open_socket(account.server) as socket:
            socket.send({**INIT, "x_api_key": headers["x-api-key"]})
            socket.error(40101)
            assert socket.end() == 1008

    def test_none_is_closed_with_1008(self, account):
        for headers in ({}, {"Authorization": f"Bearer {account.key}"}):
            with open_socket(account.server, headers=headers) as socket:
                socket.send(INIT)
                assert socket.error(40101) == "Invalid or missing API key"
                assert socket.end() == 1008

    def test_two_that_disagree(self, account):
        other = Account(account.server)
        with open_socket(account.server, f"{PATH}?x-api-key={other.key}", {"x-api-key": account.key}) as socket:
            socket.error(40101)
            assert socket.end() == 1008
        with open_socket(account.server, headers={"x-api-key": account.key}) as socket:
            socket.send({**INIT, "x_api_key": other.key})
            socket.error(40101)
            assert socket.end() == 1008

    def test_a_key_in_the_query_is_not_in_the_log(self, account):
        with open_socket(account.server, f"{PATH}?x-api-key={account.key}") as socket:
            socket.send(INIT)
            socket.next()
        assert account.key not in account.server.log()


class TestSpeech:
    def test_what_is_flushed_is_spoken(self, account):
        with talking(account) as socket:
            socket.say("Good morning, ")
            socket.say("how are you today?", flush=True)
            assert socket.batch() == account.speak().content
        assert account.spent == 2 * len(TEXT) * PER_CHARACTER

    @pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000])
    def test_rates(self, account, rate):
        with talking(account, output_format=f"pcm_{rate}") as socket:
            socket.say(TEXT, flush=True)
            message = socket.next()
            assert message["sampleRate"] == rate
            samples = base64.b64decode(message["audio"]) + (b"" if message["isFinal"] else socket.batch())
        assert samples == account.speak(sample_rate=rate).content

    def test_what_waits_is_spoken_in_the_end(self, account):
        with talking(account) as socket:
            socket.say(TEXT)
            socket.send(CLOSE)
            assert socket.batch() == account.speak().content
            assert socket.end() == 1000

    def test_nothing_to_say_in_the_end(self, account):
        with talking(account) as socket:
            socket.send(CLOSE)
            assert socket.end() == 1000
        assert account.spent == 0

    def test_try_speaks_complete_sentences_only(self, account):
        with talking(account) as socket:
            socket.say("This is one. And this", try_trigger_generation=True)
            first = socket.batch()
            socket.say(" is two.", try_trigger_generation=True)
            second = socket.batch()
            assert first == account.speak(text="This is one.").content
            assert second == account.speak(text=" And this is two.").content

    def test_enough_text_is_spoken_without_asking(self, account):
        sentence = "This is a sentence of some length that goes on. "
        with talking(account) as socket:
            for _ in range(4):
                socket.say(sentence)
            assert len(socket.batch()) > 48_000

    def test_batches_come_in_order_each_with_an_end(self, account):
        with talking(account) as socket:
            texts = ["fake:slow=0.5 The first one.", "The second one is longer.", "Three."]
            for text in texts:
                socket.say(text, flush=True)
            heard = [len(socket.batch()) for _ in texts]
        assert heard == [len(account.speak(text=text).content) for text in texts]

    def test_empty_text_is_nothing(self, account):
        with talking(account) as socket:
            socket.say("", flush=True)
            socket.say("  \n", flush=True)
            socket.say("Hello.", flush=True)
            assert socket.batch() == account.speak(text="Hello.").content

    def test_settings(self, account):
        with talking(account, voice_settings={"stability": 1, "speed": 0.7}) as socket:
            socket.say(TEXT, flush=True)
            assert socket.batch() == account.speak(speed=0.7).content

    def test_pauses(self, account):
        with talking(account) as socket:
            socket.say('One. <break time="2s"/> Two.', flush=True)
            assert len(socket.batch()) / 48_000 > 2

    def test_with_a_cloned_voice(self, account, low_voice):
        voice = account.new_voice(low_voice, stability="1")
        settings = {"stability": 1, "similarity_boost": 0}
        with talking(account, voice_id=voice["voice_id"], voice_settings={}) as socket:
            socket.say(TEXT, flush=True)
            as_kept = socket.batch()
        assert as_kept == account.speak(voice["voice_id"], stability=...).content
        with talking(account, voice_id=voice["voice_id"], voice_settings=settings) as socket:
            socket.say(TEXT, flush=True)
            assert socket.batch() != as_kept


class TestChanges:
    """What happens elsewhere while a conversation is open."""

    def test_a_deleted_voice_speaks_no_more(self, account, low_voice):
        voice = account.new_voice(low_voice)
        with talking(account, voice_id=voice["voice_id"]) as socket:
            socket.say("Here I am.", flush=True)
            assert socket.batch()
            assert account.http.delete(f"/voices/{voice['voice_id']}").status_code == 204
            spent = account.spent
            socket.say("And still here.", flush=True)
            assert socket.error(40401) == "Voice not found"
            assert account.spent == spent

    def test_a_changed_voice_speaks_as_it_is_now(self, account, low_voice):
        voice = account.new_voice(low_voice, stability="0")
        with talking(account, voice_id=voice["voice_id"], voice_settings={}) as socket:
            account.http.patch(f"/voices/{voice['voice_id']}", json={"stability": 1})
            heard = []
            for _ in range(2):
                socket.say(TEXT, flush=True)
                heard.append(socket.batch())
        assert heard[0] == heard[1]

    def test_a_revoked_key_ends_it(self, account):
        with talking(account) as socket:
            headers = {"Authorization": f"Bearer {account.key}"}
            keys = f"{account.server.url}/myna/v1/keys"
            (key,) = httpx.get(keys, headers=headers).json()["data"]
            assert httpx.delete(f"{keys}/{key['id']}", headers=headers).status_code == 204
            socket.say(TEXT, flush=True)
            socket.error(40101)
            assert socket.end() == 1008

    def test_a_blocked_account_ends_it(self, account):
        with talking(account) as socket:
            account_id = account.server.account_of(account.key)
            account.server.query(lambda database: AccountService(database, b"").set_banned(account_id, True))
            socket.say(TEXT, flush=True)
            socket.error(40301)
            assert socket.end() == 1008
        assert account.spent == 0


class TestRefusals:
    @pytest.mark.parametrize("field", ["model_id", "voice_settings", "output_format", "x_api_key"])
    def test_null_is_as_left_out(self, account, field):
        with talking(account, **{field: None}) as socket:
            socket.say(TEXT, flush=True)
            assert socket.next()["sampleRate"] == 24_000

    @pytest.mark.parametrize(
        ("change", "code", "message"),
        [
            ({"voice_id": None}, 40001, "voice_id is required"),
            ({"voice_id": "nobody"}, 40401, "Voice not found"),
            ({"model_id": "nobody"}, 40001, "Model not found: nobody"),
            (
                {"output_format": "mp3"},
                40001,
                "output_format must be one of: pcm_8000, pcm_16000, pcm_22050, pcm_24000",
            ),
            ({"voice_settings": {"stability": 2}}, 40001, "stability must be a number between 0 and 1"),
            ({"voice_settings": {"similarity_boost": -1}}, 40001, "similarity_boost must be a number between 0 and 1"),
            ({"voice_settings": {"speed": 2}}, 40001, "speed must be a number between 0.7 and 1.2"),
        ],
    )
    def test_the_first_message_may_be_corrected(self, account, change, code, message):
        with open_socket(account.server, headers={"x-api-key": account.key}) as socket:
            socket.send({**INIT, **change})
            assert socket.error(code) == message
            socket.send(INIT)
            assert socket.next() == {"type": "connectionInitialized"}

    @pytest.mark.parametrize(
        "message",
        [
            "no json",
            "[]",
            "3",
            "null",
            "{}",
            '{"type":3}',
            '{"type":"other"}',
            '{"type":"text"}',
            '{"type":"text","text":3}',
            '{"type":"text","text":"a","flush":"yes"}',
            '{"type":"text","text":"a\\u0000b"}',
            '{"type":"text","text":"\\ud800"}',
            json.dumps(INIT),
            "[" * 60_000,
            b"\x00\x01",
        ],
    )
    def test_other_messages(self, account, message):
        with talking(account) as socket:
            socket.send(message)
            socket.error(40001)
            socket.say("Still here.", flush=True)
            assert socket.batch()

    def test_text_comes_after_the_first_message(self, account):
        with open_socket(account.server, headers={"x-api-key": account.key}) as socket:
            socket.say("Hello.")
            socket.error(40001)

    def test_text_after_the_end(self, account):
        with talking(account) as socket:
            socket.say("fake:slow=0.5 Goodbye.")
            socket.send(CLOSE)
            socket.say("One more thing.", flush=True)
            socket.error(40001)
            assert socket.batch()
            assert socket.end() == 1000

    def test_more_text_than_may_wait(self, account):
        with talking(account) as socket:
            socket.say("x" * 5_001)
            socket.error(40001)
            socket.say("x" * 4_999)
            socket.say("xx")
            socket.error(40001)

    def test_more_text_than_is_spoken(self, account):
        with talking(account) as socket:
            socket.say("fake:hang", flush=True)
            for _ in range(4):
                socket.say("This waits for long. " * 235, flush=True)
            socket.say("This waits for long. " * 200, flush=True)
            socket.error(42901)

    def test_a_message_of_more_than_64_kb(self, account):
        with talking(account) as socket:
            socket.say("x" * 65_536)
            assert socket.end() == 1009

    def test_what_cannot_be_spoken_is_told_and_costs_nothing(self, account):
        with talking(account) as socket:
            socket.say("fake:fail=too_hard", flush=True)
            assert socket.error(50001) == "too hard"
            socket.say('Pause. <break time="9s"/>', flush=True)
            socket.error(40001)
            socket.say("...", flush=True)
            socket.error(40001)
            assert account.spent == 0
            socket.say("Hello.", flush=True)
            assert socket.batch()

    def test_an_empty_wallet_ends_the_conversation(self, server):
        poor = Account(server, credits=0.05)
        with talking(poor) as socket:
            socket.say("Hi", flush=True)
            message = socket.error(40201)
            assert message == "Insufficient wallet balance. Required: $0.0002, Available: $0.00005"
            assert socket.end() == 1008

    @pytest.mark.parametrize("path", ["/api/v1/websocket", "/munsit/api/v1/websocket/other", "/v1/audio/speech", "/x"])
    def test_other_paths(self, account, path):
        with pytest.raises(InvalidStatus) as refused, open_socket(account.server, path, {"x-api-key": account.key}):
            pass
        assert refused.value.response.status_code == 403


class TestConnections:
    def test_who_leaves_pays_for_what_was_spoken(self, server):
        account = Account(server, credits=1_000)
        text = "This is the beginning. " * 20 + "fake:slow=30 This sentence takes its time. " * 20
        with talking(account) as socket:
            socket.say(text, flush=True)
            assert socket.next()["isFinal"] is False
            socket.leave()
        deadline = time.monotonic() + 60
        while account.spent == len(text) * PER_CHARACTER:
            assert time.monotonic() < deadline, "the price is still held"
            time.sleep(0.1)
        assert 0 < account.spent < len(text) * PER_CHARACTER

    def test_who_leaves_before_the_first_sound_is_no_error(self, server):
        account = Account(server)
        for _ in range(3):
            with talking(account) as socket:
                socket.say("fake:slow=1 This takes its time.", flush=True)
                time.sleep(0.1)
        deadline = time.monotonic() + 60
        while account.spent:
            assert time.monotonic() < deadline, "the price is still held"
            time.sleep(0.1)
        account_id = account.server.account_of(account.key)
        assert not [line for line in account.server.log().splitlines() if account_id in line and "error" in line]

    def test_silence_ends_it_but_not_while_it_speaks(self, make_server: ServerFactory):
        account = Account(make_server(MYNA_MUNSIT_SOCKET_IDLE_SECONDS="1"))
        with talking(account) as socket:
            socket.say("fake:slow=3 This takes longer than that.", flush=True)
            assert socket.batch()
            assert socket.end() == 1011
        with open_socket(account.server) as socket:
            assert socket.end() == 1011

    def test_more_connections_than_allowed(self, make_server: ServerFactory):
        account = Account(make_server(MYNA_MAX_CONCURRENT_STREAMS="1"))
        with talking(account), open_socket(account.server, headers={"x-api-key": account.key}) as second:
            second.send(INIT)
            second.error(42901)
            assert second.end() == 1008
        with talking(account) as socket:
            socket.send(CLOSE)
            assert socket.end() == 1000

    def test_they_are_counted_and_logged(self, make_server: ServerFactory):
        account = Account(make_server(MYNA_LOG_LEVEL="info", MYNA_LOG_FORMAT="json"))
        with talking(account) as socket:
            socket.send(CLOSE)
            socket.end()
        metrics = httpx.get(f"{account.server.url}/metrics").text
        assert 'myna_http_requests_total{api="munsit",method="GET",route="/api/v1/websocket/text-to-speech"' in metrics
        (line,) = [line for line in account.server.log().splitlines() if "http.socket" in line]
        assert json.loads(line)["code"] == 1000
        assert json.loads(line)["account"] == account.server.account_of(account.key)

    def test_a_stop_of_the_server_ends_them(self, make_server: ServerFactory):
        account = Account(make_server())
        with talking(account) as socket:
            account.server.stop()
            assert socket.end() == 1012

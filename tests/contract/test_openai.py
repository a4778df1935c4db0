"""OpenAI's Audio API, from outside: every case of the published contract that concerns speech and models."""

from __future__ import annotations

import base64
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from myna.media.decode import decode
from tests.fixtures.server import ServerFactory, ServerProcess

FORMATS = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
LEAST = {"model": "tts-1", "input": "Hello, how are you today?", "voice": "alloy"}


class Client:
    """Raw requests with a key of its own."""

    def __init__(self, server: ServerProcess, credits: float = 100, base: str = "") -> None:
        self.key = server.new_key(credits=credits)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/octet-stream"}
        self.http = httpx.Client(base_url=server.url + base, headers=headers, timeout=60)
        self.server = server

    def speak(self, headers=None, **fields) -> httpx.Response:
        body = {name: value for name, value in {**LEAST, **fields}.items() if value is not ...}
        return self.http.post("/v1/audio/speech", json=body, headers=headers)

    @property
    def spent(self) -> int:
        return 100_000 - self.server.balance(self.key)


@pytest.fixture
def client(server):
    found = Client(server)
    yield found
    found.http.close()


def check_error(answer: httpx.Response, status: int, type: str, param: str | None = None) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert (body["error"]["type"], body["error"]["param"]) == (type, param)
    return body["error"]


class TestSpeech:
    @pytest.mark.parametrize("format", FORMATS)
    def test_every_format(self, client, format):
        answer = client.speak(response_format=format)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == FORMATS[format]
        assert answer.headers["transfer-encoding"] == "chunked"
        if format == "pcm":
            assert len(answer.content) % 2 == 0
            assert len(answer.content) > 24_000
        else:
            samples, rate = decode(answer.content)
            assert len(samples) / rate > 0.5

    def test_mp3_is_the_default(self, client):
        assert client.speak().headers["content-type"] == "audio/mpeg"

    def test_pcm_is_24_khz(self, client):
        wav, rate = decode(client.speak(response_format="wav").content)
        pcm = client.speak(response_format="pcm").content
        assert rate == 24_000
        assert abs(len(pcm) // 2 - len(wav)) <= 1

    def test_faster_is_shorter(self, client):
        lengths = [len(client.speak(response_format="pcm", speed=speed).content) for speed in (0.25, 1, 4)]
        assert lengths[0] > 2 * lengths[1] > 4 * lengths[2]

    @pytest.mark.parametrize(
        "fields",
        [
            {"voice": {"id": "nova"}},
            {"model": "my-own-model"},
            {"instructions": "Speak cheerfully."},
            {"lang_code": "e", "anything": [1]},
            {"stream_format": "audio"},
        ],
    )
    def test_accepted(self, client, fields):
        assert client.speak(**fields).status_code == 200

    def test_voices_are_distinct_and_steady(self, client):
        sounds = {name: client.speak(voice=name, response_format="pcm").content for name in ("alloy", "onyx", "nova")}
        assert len(set(sounds.values())) == 3
        assert client.speak(voice="onyx", response_format="pcm").content == sounds["onyx"]

    def test_what_was_spoken_is_charged(self, client):
        price = client.server.settings.openai_millicredits_per_character
        client.speak()
        assert client.spent == len(LEAST["input"]) * price

    def test_under_its_prefix_and_with_a_slash(self, server, client):
        prefixed = Client(server, base="/openai")
        assert prefixed.speak().status_code == 200
        assert client.http.post("/v1/audio/speech/", json=LEAST).status_code == 200

    def test_any_content_type(self, client):
        answer = client.http.post("/v1/audio/speech", content=json.dumps(LEAST), headers={"Content-Type": "text/plain"})
        assert answer.status_code == 200

    def test_4096_characters_and_one_more(self, client):
        text = "Hello there. " * 316
        assert client.speak(input=text[:4096], response_format="pcm", speed=4).status_code == 200
        check_error(client.speak(input=text[:4096] + "x"), 400, "invalid_request_error", "input")


def events(answer: httpx.Response) -> list[dict]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]


class TestEvents:
    def test_deltas_and_an_end(self, client):
        answer = client.speak(model="gpt-4o-mini-tts", stream_format="sse", response_format="pcm")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        *deltas, done = events(answer)
        assert deltas
        assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
        sound = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
        assert sound == client.speak(response_format="pcm").content
        assert done["type"] == "speech.audio.done"
        assert set(done["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}

    @pytest.mark.parametrize("model", ["tts-1", "tts-1-hd"])
    def test_not_with_old_models(self, client, model):
        check_error(client.speak(model=model, stream_format="sse"), 400, "invalid_request_error", "stream_format")

    def test_a_failure_in_the_middle_is_an_event(self, client):
        text = "This sentence is spoken well enough. " * 10 + "fake:fail=too_hard And this one is not."
        *_, last = events(client.speak(model="gpt-4o-mini-tts", stream_format="sse", input=text))
        assert last["type"] == "error"
        assert set(last["error"]) == {"message", "type", "param", "code"}
        assert client.spent == 0


class TestStreaming:
    def test_sound_comes_before_the_end(self, client):
        text = "This is the beginning. " * 20 + "fake:slow=3 This sentence takes its time."
        began = time.monotonic()
        body = {**LEAST, "input": text, "response_format": "pcm"}
        with client.http.stream("POST", "/v1/audio/speech", json=body) as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            first = time.monotonic() - began
            for _ in pieces:
                pass
        assert first < (time.monotonic() - began) / 2

    def test_a_failure_in_the_middle_is_no_complete_answer(self, client):
        text = "This sentence is spoken well enough. " * 10 + "fake:fail=too_hard And this one is not."
        with pytest.raises(httpx.RemoteProtocolError):
            client.speak(input=text, response_format="pcm")
        assert client.spent == 0

    def test_a_failure_before_the_first_sound_is_a_status(self, client):
        error = check_error(client.speak(input="fake:fail=too_hard"), 500, "server_error")
        assert error["message"] == "too hard"
        assert client.spent == 0


class TestErrors:
    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"model": ...}, "model"),
            ({"input": ...}, "input"),
            ({"voice": ...}, "voice"),
            ({"input": ""}, "input"),
            ({"input": 3}, "input"),
            ({"voice": "nobody"}, "voice"),
            ({"voice": {"id": "nobody"}}, "voice"),
            ({"voice": {"id": "alloy", "x": 1}}, "voice.x"),
            ({"speed": 0.2}, "speed"),
            ({"speed": 4.1}, "speed"),
            ({"response_format": "ogg"}, "response_format"),
            ({"stream_format": "x"}, "stream_format"),
            ({"instructions": "x" * 4097}, "instructions"),
            ({"input": "\u0300\u200b \n"}, "input"),
            ({"input": "Բարև ձեզ"}, "input"),
        ],
    )
    def test_refused_and_not_charged(self, client, fields, param):
        check_error(client.speak(**fields), 400, "invalid_request_error", param)
        assert client.spent == 0

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff", b'{"model":"a","model":'])
    def test_not_json(self, client, raw):
        check_error(client.http.post("/v1/audio/speech", content=raw), 400, "invalid_request_error")

    @pytest.mark.parametrize(
        "authorization", [None, "Bearer", "Bearer myna_wrong", "Basic abc", "Bearer sk-proj-0123456789"]
    )
    def test_without_a_right_key(self, server, authorization):
        headers = {"Authorization": authorization} if authorization else {}
        for method, path in (("POST", "/v1/audio/speech"), ("GET", "/v1/models"), ("GET", "/v1/audio/voices")):
            answer = httpx.request(method, server.url + path, headers=headers, content=b"{broken")
            check_error(answer, 401, "authentication_error")

    @pytest.mark.parametrize(
        "path", ["/v1/audio/nothing", "/openai/v1/nothing", "/v1/audio", "/v1/audio/speech/x", "/openai", "/openai/"]
    )
    def test_unknown_paths(self, client, path):
        check_error(client.http.get(path), 404, "invalid_request_error")

    def test_wrong_methods(self, client):
        answer = client.http.get("/v1/audio/speech")
        check_error(answer, 405, "invalid_request_error")
        assert answer.headers["allow"] == "POST"

    def test_no_credits(self, server):
        poor = Client(server, credits=0.001)
        answer = poor.speak()
        assert check_error(answer, 429, "insufficient_quota")["code"] == "insufficient_quota"
        assert answer.headers["x-should-retry"] == "false"

    def test_a_body_that_is_too_large(self, client):
        check_error(client.speak(input="x" * 1_100_000), 413, "invalid_request_error")
        chunks = (b"x" * 100_000 for _ in range(12))
        check_error(client.http.post("/v1/audio/speech", content=chunks), 413, "invalid_request_error")

    def test_a_blocked_account(self, server):
        from myna.accounts.service import AccountService

        blocked = Client(server)
        account_id = server.account_of(blocked.key)
        server.query(lambda database: AccountService(database, b"").set_banned(account_id, True))
        check_error(blocked.speak(), 403, "permission_error")

    def test_failures_are_not_tried_again_by_clients(self, client):
        assert client.speak(input="fake:crash").headers["x-should-retry"] == "false"

    def test_the_request_id_is_ours_or_theirs(self, client):
        given = client.speak(voice="nobody", headers={"x-request-id": "my-id-1"})
        assert given.headers["x-request-id"] == "my-id-1"
        assert client.speak(voice="nobody").headers["x-request-id"].startswith("req_")


class TestModels:
    def test_list(self, client):
        body = client.http.get("/v1/models").json()
        assert body["object"] == "list"
        names = {entry["id"] for entry in body["data"]}
        assert names >= {"tts-1", "tts-1-hd", "gpt-4o-mini-tts", "fake"}
        for entry in body["data"]:
            assert set(entry) == {"id", "object", "created", "owned_by"}

    def test_one(self, client):
        assert client.http.get("/v1/models/tts-1").json()["id"] == "tts-1"
        error = check_error(client.http.get("/v1/models/nothing"), 404, "invalid_request_error")
        assert error["code"] == "model_not_found"

    def test_voices(self, client):
        voices = client.http.get("/v1/audio/voices").json()["voices"]
        assert {"id": "alloy", "name": "alloy"} in voices
        assert client.speak(voice=voices[-1]["id"]).status_code == 200


class TestIdempotency:
    def test_the_same_speech_is_spoken_and_charged_once(self, client):
        key = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
        first = client.speak(headers=key)
        again = client.speak(headers=key)
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["content-type"] == "audio/mpeg"
        assert client.spent == len(LEAST["input"]) * client.server.settings.openai_millicredits_per_character

    def test_another_text_under_the_same_key(self, client):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        client.speak(headers=key)
        answer = client.speak(headers=key, input="Something else.")
        assert check_error(answer, 422, "invalid_request_error")["code"] == "idempotency_mismatch"

    def test_fifty_at_once(self, client):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: client.speak(headers=key), range(50)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) <= {200, 409}
        assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
        for answer in answers:
            if answer.status_code == 409:
                assert answer.headers["x-should-retry"] == "true"
                assert answer.headers["retry-after"]
        assert client.spent == len(LEAST["input"]) * client.server.settings.openai_millicredits_per_character

    def test_a_refused_request_may_be_corrected(self, client):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        assert client.speak(headers=key, voice="nobody").status_code == 400
        assert client.speak(headers=key).status_code == 200

    def test_a_failure_is_kept(self, client):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        first = client.speak(headers=key, input="fake:fail=once")
        again = client.speak(headers=key, input="fake:fail=once")
        assert (first.status_code, again.status_code) == (500, 500)
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["x-should-retry"] == "false"


@pytest.fixture(scope="module")
def limited_server(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_REQUESTS_PER_MINUTE="5", MYNA_WRONG_KEYS_PER_MINUTE="5")


class TestRates:
    def test_headers_and_refusal(self, limited_server):
        client = Client(limited_server)
        answers = [client.http.get("/v1/models") for _ in range(7)]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=5;w=60'
        assert answers[0].headers["ratelimit"].startswith('"requests";r=4;t=')
        assert [answer.status_code for answer in answers[:5]] == [200] * 5
        check_error(answers[-1], 429, "rate_limit_error")
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert "x-should-retry" not in answers[-1].headers

    def test_guessing_keys(self, limited_server):
        client = Client(limited_server)
        assert client.http.get("/v1/models").status_code == 200
        guesses = [
            httpx.get(f"{limited_server.url}/v1/models", headers={"Authorization": f"Bearer wrong-{number}"})
            for number in range(8)
        ]
        check_error(guesses[0], 401, "authentication_error")
        check_error(guesses[-1], 429, "rate_limit_error")
        assert client.http.get("/v1/models").status_code == 200

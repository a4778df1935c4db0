"""OpenAI's official Python client, unmodified."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import openai
import pytest

from myna.media.decode import decode
from tests.fixtures.server import ServerFactory, ServerProcess

pytestmark = pytest.mark.sdk

TEXT = "Technology is a bridge between imagination and reality."
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


class Sdk:
    def __init__(self, server: ServerProcess, key: str | None = None, base: str = "/v1") -> None:
        self.key = key or server.new_key()
        self.sent: list[object] = []
        """What went over the wire: a retry shows."""
        self.client = openai.OpenAI(
            api_key=self.key,
            base_url=server.url + base,
            http_client=openai.DefaultHttpxClient(event_hooks={"request": [self.sent.append]}),
        )

    def speak(self, **fields) -> bytes:
        chosen = {"model": "tts-1", "voice": "alloy", "input": TEXT, **fields}
        return self.client.audio.speech.create(**chosen).read()

    @property
    def requests(self) -> int:
        return len(self.sent)


@pytest.fixture
def sdk(server):
    made = Sdk(server)
    yield made
    made.client.close()


def seconds(data: bytes, format: str) -> float:
    if format == "pcm":
        return len(np.frombuffer(data, "<i2")) / 24_000
    samples, rate = decode(data)
    return len(samples) / rate


def check_durations(sdk: Sdk) -> None:
    found = {format: seconds(sdk.speak(response_format=format), format) for format in FORMATS}
    for format, duration in found.items():
        assert duration == pytest.approx(found["wav"], abs=0.06), format
    assert found["wav"] > 1


def test_six_formats_of_equal_duration(sdk):
    check_durations(sdk)


def test_six_formats_of_equal_duration_in_real_speech(espeak_server):
    check_durations(Sdk(espeak_server))


def test_to_a_file(sdk, tmp_path: Path):
    path = tmp_path / "speech.mp3"
    with sdk.client.audio.speech.with_streaming_response.create(model="tts-1", voice="nova", input=TEXT) as answer:
        answer.stream_to_file(path)
    assert seconds(path.read_bytes(), "mp3") > 1


def test_a_stream_begins_before_its_end(sdk):
    text = "This is the beginning. " * 20 + "fake:slow=3 This sentence takes its time."
    began = time.monotonic()
    with sdk.client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="coral", input=text, response_format="pcm", instructions="Speak cheerfully."
    ) as answer:
        pieces = answer.iter_bytes()
        next(pieces)
        first = time.monotonic() - began
        for _ in pieces:
            pass
    assert first < (time.monotonic() - began) / 2


def test_events(sdk):
    data = sdk.speak(model="gpt-4o-mini-tts", extra_body={"stream_format": "sse"})
    assert data.rstrip().split(b"\n\n")[-1].startswith(b'data: {"type":"speech.audio.done"')


def test_under_the_prefix(server):
    assert Sdk(server, base="/openai/v1").speak()


def test_a_voice_by_id_and_unknown_fields(sdk):
    assert sdk.speak(voice={"id": "onyx"}, extra_body={"lang_code": "a"})


async def test_the_asynchronous_client(server):
    key = await asyncio.to_thread(server.new_key)
    async with (
        openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/v1") as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="flac"
        ) as answer,
    ):
        data = await answer.read()
    assert seconds(data, "flac") > 1


def test_models(sdk):
    assert "tts-1" in {model.id for model in sdk.client.models.list()}
    assert sdk.client.models.retrieve("tts-1-hd").owned_by == "myna"


@pytest.mark.parametrize(
    ("fields", "error", "param"),
    [
        ({"voice": "nobody"}, openai.BadRequestError, "voice"),
        ({"input": "x" * 4097}, openai.BadRequestError, "input"),
        ({"speed": 5}, openai.BadRequestError, "speed"),
        ({"response_format": "ogg"}, openai.BadRequestError, "response_format"),
        ({"input": "fake:fail=out_of_voice"}, openai.InternalServerError, None),
    ],
)
def test_errors_are_the_clients_own_classes_and_are_not_tried_again(sdk, fields, error, param):
    with pytest.raises(error) as caught:
        sdk.speak(**fields)
    assert caught.value.param == param
    assert caught.value.code
    assert caught.value.type
    assert caught.value.request_id
    assert sdk.requests == 1


def test_an_unknown_model_to_retrieve(sdk):
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.client.models.retrieve("nothing")
    assert caught.value.code == "model_not_found"


def test_a_wrong_key(server):
    with pytest.raises(openai.AuthenticationError) as caught:
        Sdk(server, key="sk-wrong").speak()
    assert caught.value.code == "invalid_api_key"


def test_no_credits_is_said_once(server):
    poor = Sdk(server, key=server.new_key(credits=0.001))
    with pytest.raises(openai.RateLimitError) as caught:
        poor.speak()
    assert caught.value.code == "insufficient_quota"
    assert poor.requests == 1


def test_a_rate_limit_is_waited_for(make_server: ServerFactory):
    sdk = Sdk(make_server(MYNA_REQUESTS_PER_MINUTE="1"))
    impatient = sdk.client.with_options(max_retries=0)
    impatient.models.list()
    with pytest.raises(openai.RateLimitError) as caught:
        impatient.models.list()
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_an_idempotency_key(sdk):
    headers = {"Idempotency-Key": "one speech"}
    assert sdk.speak(extra_headers=headers) == sdk.speak(extra_headers=headers)
    with pytest.raises(openai.UnprocessableEntityError):
        sdk.speak(extra_headers=headers, input="Another text.")

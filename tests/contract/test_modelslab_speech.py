"""ModelsLab: who may ask, what errors look like, speech with stock voices. Sections refer to the vendor's pages."""

from __future__ import annotations

import io
import json
import time
import wave

import pytest

from tests.fixtures.modelslab import Client, refused

TEXT = "Hello, how are you?"


@pytest.fixture
def client(server, http):
    return Client(server, http)


# Who may ask


def test_the_key_may_be_in_the_body_a_header_or_a_bearer_key(client):
    for headers in ({"key": client.key}, {"Authorization": f"Bearer {client.key}"}):
        answer = client.voice("voice_list", headers=headers, key=False)
        assert answer.json()["status"] == "success"
    assert client.ok("voice_list")["voices"] == []
    assert client.voice("voice_list", headers={"key": "wrong"}).status_code == 200, "the body's comes first"


def test_without_a_key_or_with_a_wrong_one(client, http):
    assert refused(client.voice("text_to_speech", key=False, prompt=TEXT), 401, "API key required")["message"] == (
        "API key required"
    )
    refused(client.voice("text_to_speech", key=False, headers={"key": "nonsense"}), 401, "Invalid API key")
    refused(client.voice("fetch/1", key=False), 401, "API key required")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_object_is_an_invalid_request(client, http, body):
    answer = http.post(f"{client.server.url}/api/v6/voice/text_to_speech", content=body, headers={"key": client.key})
    assert refused(answer, 400, "Invalid API Request")["tip"].startswith("1. Make sure you are passing Content-Type")


def test_any_content_type_is_read(client, http):
    body = json.dumps({"key": client.key})
    answer = http.post(f"{client.server.url}/api/v6/voice/voice_list", content=body, headers={"content-type": "text/x"})
    assert answer.status_code == 200


def test_unknown_paths_and_methods_speak_the_same_way(client, http):
    refused(client.voice("nothing_like_it"), 404, "path")
    answer = http.get(f"{client.server.url}/api/v6/voice/fetch/1")
    refused(answer, 405, "method")
    assert answer.headers["allow"] == "POST"


# Speech


def test_speech_is_there_at_once(client):
    said = client.ok("text_to_speech", prompt=TEXT, voice_id="madison", language="american english")
    assert list(said) == ["status", "generationTime", "id", "output", "proxy_links", "audio_time", "meta"]
    assert said["status"] == "success"
    assert isinstance(said["id"], int)
    assert said["id"] < 2**53
    (link,) = said["output"]
    assert link.startswith(client.server.url)
    assert link.endswith(f"/{said['meta']['filename']}")
    assert said["meta"]["filename"].endswith(".wav")
    sound = client.download(link, "audio/wav")
    assert sound[:4] == b"RIFF"
    with wave.open(io.BytesIO(sound)) as spoken:
        assert said["audio_time"] == pytest.approx(spoken.getnframes() / spoken.getframerate(), abs=0.01)
    meta = said["meta"]
    assert (meta["base64"], meta["temp"], meta["emotion"], meta["language"]) == (
        "no",
        "no",
        "Neutral",
        "american english",
    )
    assert (meta["input_text"], meta["speed"], meta["track_id"], meta["webhook"]) == (TEXT, 1.0, None, None)
    assert "future_links" not in said
    assert client.balance() == 100_000 - 15 * len(TEXT)
    assert client.fetch(said["id"])["meta"] == meta


def test_input_is_read_leniently(client):
    said = client.ok(
        "text_to_speech",
        prompt=TEXT,
        voice_id=None,
        language="AMERICAN  English",
        speed="1.5",
        temp=1.0,
        emotion="Neutral",
        base64="false",
        track_id=7,
        webhook=None,
        output_format="mp3",
        audio_format="x",
        model_id=12,
    )
    assert (said["meta"]["speed"], said["meta"]["temp"], said["meta"]["track_id"]) == (1.5, "yes", 7)
    assert said["meta"]["voice"] == "af_heart"
    client.download(said["output"][0], "audio/mpeg")
    assert client.ok("text_to_speech", prompt=TEXT, track_id="seven", speed=2)["meta"]["track_id"] == "seven"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "prompt is required"),
        ({"prompt": " "}, "prompt is required"),
        ({"prompt": None}, "prompt is required"),
        ({"prompt": ["a"]}, "prompt must be a string"),
        ({"prompt": "a" * 2_501}, "prompt may have at most 2500 characters"),
        ({"prompt": "a\0b"}, "prompt has characters that are not text"),
        ({"prompt": "<laugh>"}, "prompt is required"),
        ({"prompt": TEXT, "speed": "fast"}, "speed must be a number"),
        ({"prompt": TEXT, "speed": 9}, "speed must be between 0.25 and 4"),
        ({"prompt": TEXT, "language": "klingon language"}, "language must be one of: american english"),
        ({"prompt": TEXT, "voice_id": "nobody-at-all"}, "Voice not found: nobody-at-all"),
        ({"prompt": TEXT, "voice_id": " , "}, "Voice not found"),
        ({"prompt": TEXT, "language": "xx"}, "No engine of this node speaks `xx`"),
        ({"prompt": TEXT, "output_format": "ape"}, "output_format must be wav or mp3"),
        ({"prompt": TEXT, "temp": "maybe"}, "temp must be true or false"),
        ({"prompt": TEXT, "track_id": {}}, "track_id must be a string or a number"),
        ({"prompt": TEXT, "webhook": "ftp://x"}, "https"),
        ({"prompt": TEXT, "webhook": "http://127.0.0.1/hook"}, "public"),
    ],
)
def test_a_fault_is_named_with_its_field_and_costs_nothing(client, fields, message):
    body = refused(client.voice("text_to_speech", **fields), 400, message)
    assert list(body["errors"].values()) == [[body["message"]]]
    assert client.balance() == 100_000


def test_without_credits(server, http):
    poor = Client(server, http, credits=0)
    refused(
        poor.voice("text_to_speech", prompt=TEXT), 402, "Insufficient credits. Please add more credits to continue."
    )


@pytest.mark.parametrize(
    ("given", "language", "named"),
    [
        (None, "spanish", "ef_dora"),
        (None, "British English", "bf_alice"),
        ("af_bella", "american english", "af_bella"),
        ("af_bella,af_sky", "american english", "af_bella"),
        ("bella", "american english", "af_bella"),
        ("henry", "en-us", "am_michael"),
        ("henry", "french", "ff_siwis"),
        ("henry", "pt-br", "p"),
        ("madison", "italian", "if_sara"),
        ("henry", "italian", "im_nicola"),
        ("am_adam", "it", "im_nicola"),
        ("santa", "spanish", "em_santa"),
    ],
)
def test_a_voice_id_works_in_any_language_with_its_gender(client, given, language, named):
    meta = client.ok("text_to_speech", prompt="Uno, dos.", voice_id=given, language=language)["meta"]
    assert meta["voice"].startswith(named)
    if named == "p":
        assert meta["voice"] in ("pm_alex", "pm_santa")


def test_names_under_other_versions(client):
    for path in ("v7/voice/text-to-speech", "v7/voice/text_to_speech", "v1/enterprise/voice/text_to_speech"):
        said = client.post(path, text=TEXT)
        assert said.json()["status"] == "success", said.text
    assert client.post(f"v7/voice/fetch/{said.json()['id']}").json()["status"] == "success"


def test_it_answers_under_its_prefix(server, http):
    client = Client(server, http, prefix="/modelslab")
    assert client.ok("text_to_speech", prompt=TEXT)["status"] == "success"


# Long work


def test_what_takes_longer_is_processing_and_then_there(make_server, http):
    server = make_server(MYNA_RATE_LIMITS="off", MYNA_MODELSLAB_WAIT_SECONDS="0")
    client = Client(server, http, prefix="/modelslab")
    said = client.ok("text_to_speech", prompt="fake:slow=1 " + TEXT, track_id=5)
    assert list(said) == [
        "status", "tip", "eta", "message", "fetch_result", "id", "output", "future_links", "proxy_links", "meta",
    ]  # fmt: skip
    assert (said["status"], said["output"]) == ("processing", [])
    assert isinstance(said["eta"], int)
    assert said["fetch_result"] == f"{server.url}/modelslab/api/v6/voice/fetch/{said['id']}"
    (future,) = said["future_links"]
    assert http.get(future).status_code == 404
    while (found := http.post(said["fetch_result"], json={"key": client.key}).json())["status"] == "processing":
        assert found["output"] == []
        assert found["id"] == said["id"]
    assert found["status"] == "success"
    assert "future_links" not in found
    assert client.download(future, "audio/wav") == client.download(found["output"][0], "audio/wav")


def test_a_job_that_fails_is_failed_on_fetch_and_an_error_at_once(client, server, http):
    body = client.voice("text_to_speech", prompt="fake:fail=no_idea")
    assert body.status_code == 500
    assert body.json()["message"].startswith("Failed, Try Again")
    assert client.balance() == 100_000


# Fetching


@pytest.mark.parametrize("number", ["1", "99999999999999999999", "abc", "-1", "%2e%2e", "1.5"])
def test_an_unknown_id_is_a_failed_request(client, number):
    found = client.fetch(number)
    assert (found["status"], found["message"], found["output"]) == ("failed", "Request not found", [])


def test_nobody_fetches_what_another_has_made(client, server, http):
    number = client.ok("text_to_speech", prompt=TEXT)["id"]
    assert Client(server, http).fetch(number)["message"] == "Request not found"
    assert client.post("v6/whisper/fetch/" + str(number)).json()["status"] == "success"
    assert client.ok("fetch", request_id=str(number))["status"] == "success"
    assert client.ok("fetch", fetch_id=number)["status"] == "success"
    assert client.ok("fetch")["message"] == "Request not found"


def test_what_was_deleted_is_not_found(client, http):
    said = client.ok("text_to_speech", prompt=TEXT)
    headers = {"Authorization": f"Bearer {client.key}"}
    (output,) = http.get(f"{client.server.url}/myna/v1/outputs", headers=headers).json()["data"]
    http.delete(f"{client.server.url}/myna/v1/outputs/{output['id']}", headers=headers).raise_for_status()
    assert client.fetch(said["id"]) == {
        "status": "failed", "id": said["id"], "message": "Request not found", "output": [],
    }  # fmt: skip


def test_requests_are_counted(client):
    assert client.post("v6/processing/request_count").json() == {
        "status": "success",
        "processing_count": 0,
        "message": "0 requests are being processed",
    }


def test_counting_is_throttled_and_says_when(make_server, http):
    client = Client(make_server(), http)
    answers = [client.post("v6/processing/request_count") for _ in range(31)]
    assert {answer.status_code for answer in answers[:30]} == {200}
    body = refused(answers[30], 429, "Rate limit exceeded")
    assert body["retry_after"] == int(answers[30].headers["retry-after"])
    assert 0 < int(answers[30].headers["x-ratelimit-reset"]) - time.time() < 62, "in Unix time"


def test_a_full_queue_says_so(make_server, http):
    server = make_server(MYNA_MAX_QUEUED_JOBS="1", MYNA_MODELSLAB_WAIT_SECONDS="0", MYNA_RATE_LIMITS="off")
    client = Client(server, http)
    assert client.ok("text_to_speech", prompt="fake:slow=5 " + TEXT)["status"] == "processing"
    counted = client.post("v6/processing/request_count").json()
    assert (counted["processing_count"], counted["message"]) == (1, "1 request is being processed")
    answer = client.voice("text_to_speech", prompt=TEXT)
    body = refused(answer, 429, "Rate limit exceeded. Maximum 1 queued requests allowed.")
    assert (body["retry_after"], answer.headers["retry-after"]) == (30, "30")


# What is not offered


@pytest.mark.parametrize(
    "name", ["voice_to_voice", "voice_cover", "sfx", "music_gen", "vocal_isolator", "voice_design"]
)
def test_what_is_not_offered_says_so(client, name):
    refused(client.voice(name, prompt="x"), 403, "Feature not available: this server does not offer")
    refused(client.voice(name, key=False), 401, "API key required")


@pytest.mark.parametrize("name", ["system_details", "restart_server", "update", "clear_cache", "clear_queue"])
def test_servers_are_not_administered_here(client, name):
    refused(client.post(f"v1/enterprise/voice/{name}"), 403, "Feature not available: this server does not offer")


# The same request again


def test_a_repeated_request_is_answered_again_and_charged_once(client):
    headers = {"Idempotency-Key": "one"}
    first = client.voice("text_to_speech", headers=headers, prompt=TEXT)
    again = client.voice("text_to_speech", headers=headers, prompt=TEXT)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert client.balance() == 100_000 - 15 * len(TEXT)
    refused(client.voice("text_to_speech", headers=headers, prompt="Other."), 422, "")


# Legacy mode


def test_in_legacy_mode_errors_have_status_200_and_are_not_kept(make_server, http):
    client = Client(make_server(MYNA_MODELSLAB_LEGACY_STATUS="on", MYNA_RATE_LIMITS="off"), http)
    answer = client.voice("text_to_speech")
    assert (answer.status_code, answer.json()["message"]) == (200, {"prompt": ["The prompt field is required."]})
    assert int(answer.headers["content-length"]) == len(answer.content)
    headers = {"Idempotency-Key": "one"}
    assert client.voice("text_to_speech", headers=headers, key=False).json()["message"] == "API key required"
    refused(client.voice("fetch/1", key=False), 200, "API key required")
    refused(http.get(f"{client.server.url}/api/v6/voice/fetch/1"), 200, "method")
    assert client.voice("text_to_speech", headers=headers, prompt=TEXT).json()["status"] == "success"
    assert http.get(f"{client.server.url}/myna/v1/account").status_code == 401, "other APIs are not touched"

"""Magic Hour's audio API, from outside: keys, requests, prices, uploads and unknown routes."""

from __future__ import annotations

import json
import re
from typing import get_args, get_type_hints

import httpx
import pytest
from magic_hour.types import models
from magic_hour.types.params.v1_ai_voice_generator_create_body_style import V1AiVoiceGeneratorCreateBodyStyle

from myna.accounts.service import AccountService
from myna.voices.slots import slots
from tests.fixtures.magichour import MOMENT, NOT_FOUND, UNAUTHORIZED, UNKNOWN_ID, Account


@pytest.fixture
def account(server, http):
    return Account(server, http)


@pytest.fixture(scope="module")
def thrifty(server, http):
    """An account for requests that cost nothing; in the end it still has all of its credits."""
    account = Account(server, http)
    yield account
    assert account.balance() == 100_000


# Keys


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer mhk_live_wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic abc"},
        {"x-api-key": "mhk_live_wrong"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/ai-voice-generator"),
        ("GET", f"/v1/audio-projects/{UNKNOWN_ID}"),
        ("DELETE", f"/v1/audio-projects/{UNKNOWN_ID}"),
        ("GET", f"/v1/image-projects/{UNKNOWN_ID}"),
        ("POST", "/v1/files/upload-urls"),
        ("GET", "/v1/account"),
    ],
)
def test_the_key_is_checked_before_the_body(server, http, method, path, headers):
    for content in (b"{}", b"{broken", b""):
        answer = http.request(method, server.url + path, headers=headers, content=content)
        assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
        assert answer.headers["content-type"] == "application/json"


def test_a_valid_key_with_an_empty_object_is_400(thrifty):
    """Magic Hour's own sign-in checks a key by this."""
    assert thrifty.post("/v1/ai-voice-generator", json={}).status_code == 400


def test_the_scheme_may_be_written_in_any_case(server, http, thrifty):
    answer = http.get(f"{server.url}/v1/account", headers={"authorization": f"bearer {thrifty.key}"})
    assert answer.status_code == 200


# Requests


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "style"),
        ({"style": {}}, "style.prompt"),
        ({"style": {"voice_name": "Joe Rogan"}}, "style.prompt"),
        ({"style": {"prompt": "Hello"}}, "style.voice_name"),
        ({"style": {"prompt": "", "voice_name": "Joe Rogan"}}, "style.prompt"),
        ({"style": {"prompt": "x" * 1001, "voice_name": "Joe Rogan"}}, "style.prompt"),
        ({"style": {"prompt": 1, "voice_name": "Joe Rogan"}}, "style.prompt"),
        ({"style": {"prompt": "nul\0", "voice_name": "Joe Rogan"}}, "style.prompt"),
        ({"style": {"prompt": "Hello", "voice_name": "Nobody At All"}}, "style.voice_name"),
        ({"style": {"prompt": "Hello", "voice_name": ""}}, "style.voice_name"),
        ({"style": {"prompt": "Hello", "voice_name": None}}, "style.voice_name"),
        ({"style": "Hello"}, "style"),
        ({"name": 5, "style": {"prompt": "Hello", "voice_name": "Joe Rogan"}}, "name"),
        ([], "JSON object"),
        (b"{broken", "JSON"),
        (b"", "Missing request body"),
        (b"prompt=Hello", "JSON"),
    ],
)
def test_invalid_requests_name_the_field_and_cost_nothing(thrifty, body, words):
    content = body if isinstance(body, bytes) else json.dumps(body)
    answer = thrifty.post("/v1/ai-voice-generator", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "message"}
    assert answer.json()["code"] == "invalid_request"
    assert words in answer.json()["message"]


def test_a_prompt_without_words_cannot_be_spoken(thrifty):
    answer = thrifty.ask(prompt=" \n ")
    assert answer.status_code == 422
    assert answer.json() == {"code": "unprocessable_entity", "message": "Unable to generate speech"}


def test_a_body_that_is_too_large(thrifty):
    answer = thrifty.ask(prompt="x" * 2_000_000)
    assert answer.status_code in (400, 413)
    assert answer.json()["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("characters", "credits"), [(1, 1), (19, 1), (20, 1), (21, 2), (100, 5), (500, 25), (1000, 50)]
)
def test_the_published_prices(account, characters, credits):
    answer = account.ask(prompt=("Hello there. " * 77)[: characters - 1] + "a")
    assert answer.status_code == 200
    assert answer.json()["credits_charged"] == credits
    models.V1AiVoiceGeneratorCreateResponse.model_validate(answer.json(), strict=True)
    assert account.balance() == 100_000 - credits * 1_000
    assert account.finished(answer.json()["id"])["credits_charged"] == credits


def test_the_answer_is_what_javascript_would_write(account):
    answer = account.ask()
    created = answer.json()
    assert answer.content == f'{{"id":"{created["id"]}","credits_charged":1}}'.encode()
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(r"c[0-9a-z]{24}", created["id"])
    project = account.get(f"/v1/audio-projects/{created['id']}")
    assert project.content == json.dumps(project.json(), separators=(",", ":"), ensure_ascii=False).encode()
    assert list(project.json()) == [
        "id", "name", "status", "type", "created_at", "enabled", "credits_charged", "downloads", "error",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, rf"Voice Generator - {MOMENT}"),
        ({"name": None}, rf"Voice Generator - {MOMENT}"),
        ({"name": "Größe 😀"}, "Größe 😀"),
        ({"name": ""}, ""),
        ({"name": "x" * 500, "extra": {"a": [1]}}, "x" * 500),
    ],
)
def test_names_and_extra_fields(account, fields, name):
    assert re.fullmatch(name, account.project(account.make(**fields))["name"])


def test_any_content_type_will_do(account):
    body = json.dumps({"style": {"prompt": "Hello", "voice_name": "Joe Rogan"}})
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = account.post("/v1/ai-voice-generator", content=body, headers={"content-type": content_type})
        assert answer.status_code == 200


def test_every_published_label_is_a_voice(server, http):
    """Without credits an order is refused for its price, but only when its voice is known."""
    poor = Account(server, http, credits=0)
    labels = [slot.key for slot in slots() if slot.api == "magichour"]
    offered = get_args(get_type_hints(V1AiVoiceGeneratorCreateBodyStyle)["voice_name"])
    assert len(set(labels)) == 199
    assert set(labels) - set(offered) == {"Dove Cameron"}, "the newest client no longer offers one of the 199"
    assert {poor.ask(voice_name=label).status_code for label in labels} == {402}


def test_a_voice_of_our_own_is_accepted_by_its_id(account):
    assert account.finished(account.make(voice_name="fake:en-US.1"))["status"] == "complete"


def test_no_credits_nothing_created(server, http):
    poor = Account(server, http, credits=1)
    answer = poor.ask(prompt="x" * 21)
    assert answer.status_code == 402
    assert answer.json() == {"code": "insufficient_credits", "message": "Payment required"}
    assert poor.balance() == 1_000
    assert poor.ask(prompt="x" * 20).status_code == 200
    assert poor.balance() == 0


def test_a_request_sent_again_with_its_key_is_one_project(account):
    answers = [
        account.post(
            "/v1/ai-voice-generator",
            json={"style": {"prompt": "Hello", "voice_name": "Joe Rogan"}},
            headers={"Idempotency-Key": "one-and-the-same"},
        )
        for _ in range(3)
    ]
    assert len({answer.content for answer in answers}) == 1
    assert account.balance() == 99_000


# Uploads


def test_upload_urls_in_the_order_of_the_request(thrifty):
    wanted = [("audio", "wav"), ("video", "mp4"), ("image", "png"), ("audio", "mpeg"), ("audio", "mp3")]
    items = [{"type": kind, "extension": extension} for kind, extension in wanted]
    answer = thrifty.post("/v1/files/upload-urls", json={"items": items})
    assert answer.status_code == 200
    models.V1FilesUploadUrlsCreateResponse.model_validate(answer.json(), strict=True)
    assert list(answer.json()) == ["items"]
    for (kind, extension), item in zip(wanted, answer.json()["items"], strict=True):
        assert list(item) == ["upload_url", "expires_at", "file_path"]
        assert re.fullmatch(rf"api-assets/c[0-9a-z]{{24}}/{kind}\.{extension}", item["file_path"])
        assert re.fullmatch(MOMENT, item["expires_at"])
        assert item["upload_url"].startswith(thrifty.server.url)
    assert len({item["file_path"] for item in answer.json()["items"]}) == len(wanted)


def test_a_wrong_extension_in_the_exact_words(thrifty):
    items = [{"type": "audio", "extension": "wav"}, {"type": "audio", "extension": "mp4"}]
    answer = thrifty.post("/v1/files/upload-urls", json={"items": items})
    assert answer.status_code == 422
    assert answer.json() == {
        "code": "unprocessable_entity",
        "message": "'mp4' is an invalid audio extension. Possible extensions are "
        "'mp3, wav, aac, flac, webm, weba, m4a, opus, ogg, oga, aiff, amr'",
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [{"extension": "wav"}]}, "items[0].type"),
        ({"items": [{"type": "text", "extension": "txt"}]}, "items[0].type"),
        ({"items": [{"type": "audio", "extension": ".wav"}]}, "items[0].extension"),
    ],
)
def test_invalid_upload_requests(thrifty, body, words):
    answer = thrifty.post("/v1/files/upload-urls", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    "content_type", [None, "application/x-www-form-urlencoded", "application/octet-stream", "audio/wav"]
)
def test_put_stores_the_raw_bytes(thrifty, http, content_type):
    (item,) = thrifty.post("/v1/files/upload-urls", json={"items": [{"type": "audio", "extension": "wav"}]}).json()[
        "items"
    ]
    content = b"RIFF a=1&b=%20" + bytes(range(256))
    request = httpx.Request("PUT", item["upload_url"], content=content)
    request.headers.update({"content-type": content_type} if content_type else {})
    answer = http.send(request)
    assert 200 <= answer.status_code < 300
    owner = thrifty.server.account_of(thrifty.key)
    stored = thrifty.server.data_dir / "files" / "uploads" / owner / f"{item['file_path'].split('/')[1]}.wav"
    assert stored.read_bytes() == content


def test_an_altered_upload_link_stores_nothing(thrifty, http):
    (item,) = thrifty.post("/v1/files/upload-urls", json={"items": [{"type": "audio", "extension": "wav"}]}).json()[
        "items"
    ]
    start, _, name = item["upload_url"].rpartition("/")
    assert http.put(f"{start[:-2]}xx/{name}", content=b"x").status_code == 404


# The rest


def test_account_details(server, http):
    answer = Account(server, http, credits=7.5).get("/v1/account")
    assert answer.status_code == 200
    models.V1AccountListResponse.model_validate(answer.json(), strict=True)
    assert {**answer.json(), "id": ""} == {
        "id": "",
        "email": None,
        "tier": "business",
        "credits": 7,
        "subscription": None,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/ai-voice-generator"),
        ("POST", "/v1/ai-voice-generator/"),
        ("POST", "/v1/ai-voice-generator/more"),
        ("GET", "/v1/audio-projects"),
        ("PUT", f"/v1/audio-projects/{UNKNOWN_ID}"),
        ("DELETE", f"/v1/image-projects/{UNKNOWN_ID}"),
        ("GET", "/v1/files/upload-urls"),
        ("GET", "/v1/files"),
        ("GET", "/magichour/v1/nothing"),
        ("GET", "/magichour"),
        ("POST", "/magichour/v1/ai-image-generator"),
    ],
)
def test_unknown_routes(thrifty, method, path):
    answer = thrifty.request(method, path)
    assert (answer.status_code, answer.content) == (404, NOT_FOUND)
    assert answer.headers["content-type"] == "application/json"


def test_everything_is_also_under_the_prefix(server, http):
    account = Account(server, http, prefix="/magichour")
    project = account.finished(account.make())
    assert http.get(project["downloads"][0]["url"]).status_code == 200
    assert account.delete(f"/v1/audio-projects/{project['id']}").status_code == 204


def test_a_blocked_account(server, account):
    project_id = account.make()

    async def block(database):
        accounts = AccountService(database, server.settings.secret_key)
        caller = await accounts.authenticate(account.key)
        await accounts.set_banned(caller.account.id, True)

    server.query(block)
    for answer in (account.ask(), account.get(f"/v1/audio-projects/{project_id}")):
        assert answer.status_code == 403
        assert set(answer.json()) == {"code", "message"}

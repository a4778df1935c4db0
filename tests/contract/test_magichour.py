"""Magic Hour's audio API, from outside: every case of the published contract and of its official clients' models."""

from __future__ import annotations

import asyncio
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from magic_hour.types import models

NINE = {"id", "name", "status", "type", "created_at", "enabled", "credits_charged", "downloads", "error"}
UNAUTHORIZED = b'{"code":"unauthorized","message":"Unauthorized"}'
NOT_FOUND = b'{"code":"not_found","message":"Not Found"}'
UNKNOWN_ID = "clx7uu86w0a5qp55yxz315r6r"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Account:
    """A client with a key of its own."""

    def __init__(self, server, credits=100, prefix=""):
        self.server = server
        self.key = server.new_key(credits=credits)
        self.http = httpx.Client(
            base_url=server.url + prefix, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
        )

    def ask(self, prompt="Hello, how are you?", voice_name="Morgan Freeman", **fields):
        return self.http.post(
            "/v1/ai-voice-generator", json={"style": {"prompt": prompt, "voice_name": voice_name}, **fields}
        )

    def make(self, *args, **fields):
        answer = self.ask(*args, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def project(self, project_id):
        answer = self.http.get(f"/v1/audio-projects/{project_id}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        project = answer.json()
        assert set(project) == NINE
        models.V1AudioProjectsGetResponse.model_validate(project, strict=True)
        return project

    def finished(self, project_id):
        return self.until(project_id, {"complete", "error", "canceled"})

    def until(self, project_id, statuses, seconds=30):
        deadline = time.monotonic() + seconds
        while (project := self.project(project_id))["status"] not in statuses:
            assert time.monotonic() < deadline, project
            time.sleep(0.05)
        return project

    def balance(self):
        return self.server.balance(self.key)


@pytest.fixture
def account(server):
    account = Account(server)
    yield account
    account.http.close()


@pytest.fixture
def open_account():
    """Make further accounts: `open_account(server, credits=1)`."""
    opened = []

    def make(server, **options):
        opened.append(Account(server, **options))
        return opened[-1]

    yield make
    for account in opened:
        account.http.close()


# Keys


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer mhk_live_wrong"},
        {"Authorization": "Bearer "},
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
def test_the_key_is_checked_before_the_body(server, method, path, headers):
    for content in (b"{}", b"{broken", b""):
        answer = httpx.request(method, server.url + path, headers=headers, content=content)
        assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
        assert answer.headers["content-type"] == "application/json"


def test_a_valid_key_with_an_empty_object_is_400(account):
    """Magic Hour's own sign-in checks a key by this."""
    assert account.http.post("/v1/ai-voice-generator", json={}).status_code == 400


def test_the_scheme_may_be_written_in_any_case(server, account):
    answer = httpx.get(f"{server.url}/v1/account", headers={"authorization": f"bearer {account.key}"})
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
        ({"style": {"prompt": "Hello", "voice_name": "joe rogan "}}, "style.voice_name"),
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
def test_invalid_requests_name_the_field_and_cost_nothing(account, body, words):
    content = body if isinstance(body, bytes) else json.dumps(body)
    answer = account.http.post("/v1/ai-voice-generator", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "message"}
    assert answer.json()["code"] == "invalid_request"
    assert words in answer.json()["message"]
    assert account.balance() == 100_000


def test_a_prompt_without_words_cannot_be_spoken(account):
    answer = account.ask(prompt=" \n ")
    assert answer.status_code == 422
    assert answer.json() == {"code": "unprocessable_entity", "message": "Unable to generate speech"}
    assert account.balance() == 100_000


def test_a_body_that_is_too_large(account):
    answer = account.ask(prompt="x" * 2_000_000)
    assert answer.status_code in (400, 413)
    assert answer.json()["code"] == "invalid_request"


@pytest.mark.parametrize(("characters", "credits"), [(1, 1), (19, 1), (20, 1), (21, 2), (100, 5), (500, 25), (1000, 50)])
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
    project = account.http.get(f"/v1/audio-projects/{created['id']}")
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
        answer = account.http.post("/v1/ai-voice-generator", content=body, headers={"content-type": content_type})
        assert answer.status_code == 200


def test_a_voice_of_our_own_is_accepted_by_its_id(account):
    assert account.finished(account.make(voice_name="fake:en-US.1"))["status"] == "complete"


def test_no_credits_nothing_created(server, open_account):
    poor = open_account(server, credits=1)
    answer = poor.ask(prompt="x" * 21)
    assert answer.status_code == 402
    assert answer.json() == {"code": "insufficient_credits", "message": "Payment required"}
    assert poor.balance() == 1_000
    assert poor.ask(prompt="x" * 20).status_code == 200
    assert poor.balance() == 0


def test_a_request_sent_again_with_its_key_is_one_project(account):
    answers = [
        account.http.post(
            "/v1/ai-voice-generator",
            json={"style": {"prompt": "Hello", "voice_name": "Joe Rogan"}},
            headers={"Idempotency-Key": "one-and-the-same"},
        )
        for _ in range(3)
    ]
    assert len({answer.content for answer in answers}) == 1
    assert account.balance() == 99_000


# Projects


def test_a_complete_project(account):
    before = datetime.now(UTC)
    project = account.finished(account.make(name="Mine"))
    assert (project["status"], project["name"], project["type"]) == ("complete", "Mine", "VOICE_GENERATOR")
    assert (project["enabled"], project["error"], project["credits_charged"]) == (True, None, 1)
    assert re.fullmatch(MOMENT, project["created_at"])
    created_at = datetime.fromisoformat(project["created_at"])
    assert abs(created_at - before) < timedelta(minutes=1)
    (download,) = project["downloads"]
    assert re.fullmatch(MOMENT, download["expires_at"])
    assert timedelta(hours=23) < datetime.fromisoformat(download["expires_at"]) - before < timedelta(hours=25)


def test_the_download_needs_no_key_and_no_redirect(account):
    project = account.finished(account.make())
    url = project["downloads"][0]["url"]
    assert url.startswith(account.server.url)
    assert url.rpartition("/")[2] == f"{project['id']}.wav"
    answer = httpx.get(url, follow_redirects=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content[:4] == b"RIFF"


def test_each_look_has_working_links(account):
    project_id = account.make()
    account.finished(project_id)
    for _ in range(2):
        assert httpx.get(account.project(project_id)["downloads"][0]["url"]).status_code == 200


def test_an_altered_link_is_gone(account):
    url = account.finished(account.make())["downloads"][0]["url"]
    start, _, name = url.rpartition("/")
    for altered in (f"{start[:-2]}xx/{name}", f"{start.replace('/files/', '/files/A')}/{name}"):
        assert httpx.get(altered).status_code == 404


def test_while_it_runs_there_are_no_downloads(account):
    project_id = account.make(prompt="Hello fake:slow=1.5 there")
    project = account.until(project_id, {"rendering"})
    assert (project["downloads"], project["error"], project["credits_charged"]) == ([], None, 2)
    assert account.finished(project_id)["status"] == "complete"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("fake:fail=The_voice_broke", "unknown_error"),
        ("fake:nan", "unknown_error"),
        ("fake:empty", "unknown_error"),
        ("fake:crash", "unknown_error"),
    ],
)
def test_a_failed_project_is_refunded(account, command, code):
    project = account.finished(account.make(prompt=f"Hello {command} there"))
    assert (project["status"], project["credits_charged"], project["downloads"]) == ("error", 0, [])
    assert project["error"]["code"] == code
    assert project["error"]["message"]
    assert project["enabled"] is True
    assert account.balance() == 100_000


def test_unknown_and_foreign_projects(server, account, open_account):
    mine = account.make()
    other = open_account(server)
    for path in (mine, UNKNOWN_ID, "nonsense", "%00", "..%2f..", "c" * 400):
        for method, kind in (("GET", "audio"), ("DELETE", "audio"), ("GET", "image")):
            answer = other.http.request(method, f"/v1/{kind}-projects/{path}")
            assert (answer.status_code, answer.content) == (404, NOT_FOUND)
    assert account.finished(mine)["status"] == "complete"


def test_the_same_project_for_the_node_client(account):
    project_id = account.make()
    project = account.finished(project_id)
    alias = account.http.get(f"/v1/image-projects/{project_id}").json()
    assert set(alias) == NINE | {"image_count", "total_frame_cost"}
    assert (alias["image_count"], alias["total_frame_cost"]) == (1, 0)
    models.V1ImageProjectsGetResponse.model_validate(alias, strict=True)
    for field in NINE - {"downloads"}:
        assert alias[field] == project[field]
    assert httpx.get(alias["downloads"][0]["url"]).status_code == 200


def test_delete_removes_the_file(account):
    project_id = account.make()
    url = account.finished(project_id)["downloads"][0]["url"]
    assert httpx.get(url).status_code == 200
    for _ in range(2):
        answer = account.http.delete(f"/v1/audio-projects/{project_id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers
    project = account.project(project_id)
    assert (project["enabled"], project["downloads"], project["credits_charged"]) == (False, [], 1)
    assert httpx.get(url).status_code == 404
    assert account.balance() == 99_000


def test_delete_at_once(account):
    project_id = account.make()
    account.finished(project_id)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account.http.delete(f"/v1/audio-projects/{project_id}"), range(8)))
    assert {answer.status_code for answer in answers} == {204}
    assert account.project(project_id)["enabled"] is False


def test_delete_stops_what_still_runs(account):
    project_id = account.make(prompt="Hello fake:slow=5 there")
    account.until(project_id, {"rendering"})
    assert account.http.delete(f"/v1/audio-projects/{project_id}").status_code == 204
    project = account.project(project_id)
    assert (project["status"], project["enabled"], project["credits_charged"]) == ("canceled", False, 0)
    assert account.balance() == 100_000


def test_the_same_words_sound_the_same_and_labels_differ(account):
    def sound(voice_name):
        return httpx.get(account.finished(account.make(voice_name=voice_name))["downloads"][0]["url"]).content

    assert sound("Joe Rogan") == sound("Joe Rogan")
    assert sound("Joe Rogan") != sound("Taylor Swift")


def test_polling_is_never_throttled(small_server, open_account):
    """The small server allows five requests a minute, which looking at a project does not count for."""
    account = open_account(small_server)
    project_id = account.make()
    for _ in range(40):
        account.project(project_id)
    assert account.finished(project_id)["status"] == "complete"


# Uploads


def test_upload_urls_in_the_order_of_the_request(account):
    wanted = [("audio", "wav"), ("video", "mp4"), ("image", "png"), ("audio", "mpeg"), ("audio", "mp3")]
    items = [{"type": kind, "extension": extension} for kind, extension in wanted]
    answer = account.http.post("/v1/files/upload-urls", json={"items": items})
    assert answer.status_code == 200
    models.V1FilesUploadUrlsCreateResponse.model_validate(answer.json(), strict=True)
    assert list(answer.json()) == ["items"]
    for (kind, extension), item in zip(wanted, answer.json()["items"], strict=True):
        assert list(item) == ["upload_url", "expires_at", "file_path"]
        assert re.fullmatch(rf"api-assets/c[0-9a-z]{{24}}/{kind}\.{extension}", item["file_path"])
        assert re.fullmatch(MOMENT, item["expires_at"])
        assert item["upload_url"].startswith(account.server.url)
    assert len({item["file_path"] for item in answer.json()["items"]}) == len(wanted)


def test_a_wrong_extension_in_the_exact_words(account):
    items = [{"type": "audio", "extension": "wav"}, {"type": "audio", "extension": "mp4"}]
    answer = account.http.post("/v1/files/upload-urls", json={"items": items})
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
def test_invalid_upload_requests(account, body, words):
    answer = account.http.post("/v1/files/upload-urls", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    "content_type", [None, "application/x-www-form-urlencoded", "application/octet-stream", "audio/wav"]
)
def test_put_stores_the_raw_bytes(account, content_type):
    (item,) = account.http.post(
        "/v1/files/upload-urls", json={"items": [{"type": "audio", "extension": "wav"}]}
    ).json()["items"]
    content = b"RIFF a=1&b=%20" + bytes(range(256))
    request = httpx.Request("PUT", item["upload_url"], content=content)
    request.headers.update({"content-type": content_type} if content_type else {})
    with httpx.Client() as anonymous:
        answer = anonymous.send(request)
    assert 200 <= answer.status_code < 300
    owner = account.server.account_of(account.key)
    stored = account.server.data_dir / "files" / "uploads" / owner / f"{item['file_path'].split('/')[1]}.wav"
    assert stored.read_bytes() == content


def test_an_altered_upload_link_stores_nothing(account):
    (item,) = account.http.post(
        "/v1/files/upload-urls", json={"items": [{"type": "audio", "extension": "wav"}]}
    ).json()["items"]
    start, _, name = item["upload_url"].rpartition("/")
    assert httpx.put(f"{start[:-2]}xx/{name}", content=b"x").status_code == 404


# The rest


def test_account_details(server, open_account):
    answer = open_account(server, credits=7.5).http.get("/v1/account")
    assert answer.status_code == 200
    models.V1AccountListResponse.model_validate(answer.json(), strict=True)
    assert {**answer.json(), "id": ""} == {"id": "", "email": None, "tier": "business", "credits": 7, "subscription": None}


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
def test_unknown_routes(account, method, path):
    answer = account.http.request(method, path)
    assert (answer.status_code, answer.content) == (404, NOT_FOUND)
    assert answer.headers["content-type"] == "application/json"


def test_everything_is_also_under_the_prefix(server, open_account):
    account = open_account(server, prefix="/magichour")
    project = account.finished(account.make())
    assert httpx.get(project["downloads"][0]["url"]).status_code == 200
    assert account.http.delete(f"/v1/audio-projects/{project['id']}").status_code == 204


@pytest.fixture(scope="module")
def small_server(make_server):
    """One job at a time, five requests a minute, and webhooks to this machine allowed."""
    return make_server(
        MYNA_RATE_LIMITS="on",
        MYNA_REQUESTS_PER_MINUTE="5",
        MYNA_WORKER_CONCURRENCY="1",
        MYNA_FETCH_ALLOW="127.0.0.0/8",
    )


def test_too_many_orders(small_server, open_account):
    account = open_account(small_server)
    answers = [account.ask() for _ in range(7)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.content == b'{"code":"rate_limit_exceeded","message":"Too Many Requests"}'
    assert int(refused.headers["retry-after"]) >= 1
    assert account.balance() == 100_000 - 1_000 * sum(answer.status_code == 200 for answer in answers)


def test_a_project_waits_for_its_turn(small_server, open_account):
    account = open_account(small_server)
    first = account.make(prompt="Hello fake:slow=1.5 there")
    second = account.make()
    account.until(first, {"rendering"})
    waiting = account.project(second)
    assert (waiting["status"], waiting["downloads"], waiting["error"]) == ("queued", [], None)
    assert account.http.delete(f"/v1/audio-projects/{second}").status_code == 204
    assert account.project(second)["status"] == "canceled"
    assert account.finished(first)["status"] == "complete"
    assert account.balance() == 98_000


def test_a_blocked_account(server, open_account):
    account = open_account(server)
    project_id = account.make()

    async def block(database):
        from myna.accounts.service import AccountService

        accounts = AccountService(database, server.settings.secret_key)
        caller = await accounts.authenticate(account.key)
        await accounts.set_banned(caller.account.id, True)

    server.query(block)
    for answer in (account.ask(), account.http.get(f"/v1/audio-projects/{project_id}")):
        assert answer.status_code == 403
        assert set(answer.json()) == {"code", "message"}

"""Magic Hour's voice cloner, from outside: where recordings come from, what is made of them, and what is left."""

from __future__ import annotations

import re
import time

import pytest
from magic_hour.types import models

from tests.fixtures.files import file_server
from tests.fixtures.magichour import MOMENT, NINE, NOT_FOUND, UNAUTHORIZED, UNKNOWN_ID, Account
from tests.fixtures.recordings import median_pitch

ALLOWED = {"MYNA_RATE_LIMITS": "off", "MYNA_FETCH_ALLOW": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def files():
    with file_server() as served:
        yield served


@pytest.fixture(scope="module")
def open_server(make_module_server):
    """A node that may fetch from this machine."""
    return make_module_server(**ALLOWED)


@pytest.fixture
def account(open_server, http):
    return Account(open_server, http)


@pytest.fixture
def poor(open_server, http):
    """Without credits an order is refused for its price, but only when nothing else is wrong with it."""
    return Account(open_server, http, credits=0)


def sound_of(account, http, project_id):
    project = account.finished(project_id)
    assert project["status"] == "complete", project
    (download,) = project["downloads"]
    answer = http.get(download["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    return answer.content


def kept_for_jobs(server):
    folder = server.data_dir / "files" / "jobs"
    return [path for path in folder.rglob("*") if path.is_file()]


def nothing_is_left(server, seconds=5):
    deadline = time.monotonic() + seconds
    while left := kept_for_jobs(server):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


# What is made


def test_two_uploads_make_two_voices(account, http, low_voice, high_voice):
    projects = [account.clone(account.upload(recording), name="Mine") for recording in (low_voice, high_voice)]
    low, high = (median_pitch(sound_of(account, http, project)) for project in projects)
    assert low == pytest.approx(median_pitch(low_voice), rel=0.08)
    assert high == pytest.approx(median_pitch(high_voice), rel=0.08)
    project = account.project(projects[0])
    assert (project["type"], project["name"], project["credits_charged"]) == ("VOICE_CLONER", "Mine", 1)
    assert account.balance() == 98_000
    nothing_is_left(account.server)
    assert not (account.server.data_dir / "files" / "voices").exists()


def test_the_same_project_for_the_node_client(account, low_voice):
    project_id = account.clone(account.upload(low_voice))
    account.finished(project_id)
    alias = account.get(f"/v1/image-projects/{project_id}").json()
    assert set(alias) == NINE | {"image_count", "total_frame_cost"}
    assert alias["type"] == "VOICE_CLONER"
    models.V1ImageProjectsGetResponse.model_validate(alias, strict=True)


@pytest.mark.parametrize(
    ("fields", "name"), [({}, rf"Voice Cloner - {MOMENT}"), ({"name": None}, rf"Voice Cloner - {MOMENT}")]
)
def test_default_names(account, low_voice, fields, name):
    assert re.fullmatch(name, account.project(account.clone(account.upload(low_voice), **fields))["name"])


@pytest.mark.parametrize(("characters", "credits"), [(1, 1), (20, 1), (21, 2), (1000, 50)])
def test_the_price_is_that_of_the_prompt(account, low_voice, characters, credits):
    prompt = ("Hello there. " * 77)[: characters - 1] + "a"
    answer = account.ask_clone(account.upload(low_voice), prompt=prompt)
    assert answer.status_code == 200
    models.V1AiVoiceClonerCreateResponse.model_validate(answer.json(), strict=True)
    assert answer.json()["credits_charged"] == credits
    assert account.balance() == 100_000 - credits * 1_000
    account.delete(f"/v1/audio-projects/{answer.json()['id']}")


def test_from_an_address_after_a_redirect(account, http, files, high_voice):
    target = files.put("/real/voice.wav", high_voice)
    address = files.put("/voice.wav", target)
    sound = sound_of(account, http, account.clone(f"{address}?signature=1"))
    assert median_pitch(sound) == pytest.approx(median_pitch(high_voice), rel=0.08)


@pytest.mark.parametrize("library", ["https://magichour.ai", "{here}", "{here}/magichour"])
def test_from_an_own_project(account, http, low_voice, library):
    first = account.clone(account.upload(low_voice), prompt="A long enough sentence to make a voice from it. " * 3)
    sound = sound_of(account, http, first)
    path = f"{library.format(here=account.server.url)}/my-library?audioId={first}"
    assert account.ask_clone(path).status_code == 200
    assert median_pitch(sound) == pytest.approx(median_pitch(low_voice), rel=0.08)


def test_from_an_own_download_link(account, low_voice):
    project = account.finished(account.clone(account.upload(low_voice)))
    assert account.ask_clone(project["downloads"][0]["url"]).status_code == 200


def test_a_request_sent_again_with_its_key_is_one_project(account, low_voice):
    path = account.upload(low_voice)
    answers = [account.ask_clone(path, headers={"Idempotency-Key": "one-and-the-same"}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert account.balance() == 99_000


def test_everything_is_also_under_the_prefix(open_server, http, low_voice):
    account = Account(open_server, http, prefix="/magichour")
    assert account.finished(account.clone(account.upload(low_voice)))["status"] == "complete"


def test_what_was_uploaded_can_be_used_again(account, low_voice):
    path = account.upload(low_voice)
    projects = [account.finished(account.clone(path)) for _ in range(2)]
    assert {project["status"] for project in projects} == {"complete"}


def test_delete_stops_the_work_and_leaves_nothing(account, low_voice):
    project_id = account.clone(account.upload(low_voice), prompt="Hello fake:slow=3 there")
    account.until(project_id, {"rendering"})
    assert account.delete(f"/v1/audio-projects/{project_id}").status_code == 204
    assert account.project(project_id)["status"] == "canceled"
    assert account.balance() == 100_000
    nothing_is_left(account.server, seconds=60)


# What is refused at once


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "assets"),
        ({"style": {"prompt": "Hi"}}, "assets"),
        ({"assets": {}, "style": {"prompt": "Hi"}}, "assets.audio_file_path"),
        ({"assets": {"audio_file_path": ""}, "style": {"prompt": "Hi"}}, "assets.audio_file_path"),
        ({"assets": {"audio_file_path": 3}, "style": {"prompt": "Hi"}}, "assets.audio_file_path"),
        ({"assets": {"audio_file_path": "voice.wav"}, "style": {"prompt": "Hi"}}, "assets.audio_file_path"),
        ({"assets": {"audio_file_path": "a\0b"}, "style": {"prompt": "Hi"}}, "assets.audio_file_path"),
        ({"assets": {"audio_file_path": "https://magichour.ai/my-library"}, "style": {"prompt": "Hi"}}, "audioId"),
        ({"assets": {"audio_file_path": "https://example.org/a.wav"}}, "style"),
        ({"assets": {"audio_file_path": "https://example.org/a.wav"}, "style": {}}, "style.prompt"),
        ({"assets": {"audio_file_path": "https://example.org/a.wav"}, "style": {"prompt": ""}}, "style.prompt"),
        ({"assets": {"audio_file_path": "https://example.org/a.wav"}, "style": {"prompt": "x" * 1001}}, "style.prompt"),
    ],
)
def test_invalid_requests_name_the_field(poor, body, words):
    answer = poor.post("/v1/ai-voice-cloner", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert words in answer.json()["message"]


def test_the_key_comes_first(open_server, http):
    answer = http.post(f"{open_server.url}/v1/ai-voice-cloner", content=b"{}")
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("https://example.org/voice.mp4", "'mp4' is an invalid audio extension. Possible extensions are 'mp3, wav"),
        ("saved-items/abc", "Saved items are not offered by this server"),
    ],
)
def test_what_cannot_be_a_recording(poor, path, words):
    answer = poor.ask_clone(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable_entity")
    assert words in answer.json()["message"]


@pytest.mark.parametrize("prompt", ["   ", "Բարև ձեզ"])
def test_what_cannot_be_spoken(poor, low_voice, prompt):
    answer = poor.ask_clone(poor.upload(low_voice), prompt=prompt)
    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable_entity")
    assert answer.json()["message"].startswith("Unable to clone voice: ")


def test_unknown_and_foreign_recordings_are_the_same(open_server, http, account, low_voice):
    upload = account.upload(low_voice)
    project = account.make()
    account.finished(project)
    other = Account(open_server, http)
    unused = other.post("/v1/files/upload-urls", json={"items": [{"type": "audio", "extension": "wav"}]}).json()
    for path in (
        upload,
        f"https://magichour.ai/my-library?audioId={project}",
        f"api-assets/{UNKNOWN_ID}/audio.wav",
        f"https://magichour.ai/my-library?audioId={UNKNOWN_ID}",
        "https://magichour.ai/my-library?audioId=nonsense",
        "api-assets/../../etc/audio.wav",
        unused["items"][0]["file_path"],
        f"{open_server.url}/files/altered/{project}.wav",
    ):
        answer = other.ask_clone(path)
        assert (answer.status_code, answer.content) == (404, NOT_FOUND), path
    assert other.balance() == 100_000


def test_a_project_without_sound(account):
    running = account.make(prompt="Hello fake:slow=3 there")
    path = f"https://magichour.ai/my-library?audioId={running}"
    answer = account.ask_clone(path)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("Unable to clone voice: the project")
    account.delete(f"/v1/audio-projects/{running}")
    assert account.ask_clone(path).content == NOT_FOUND


def test_no_credits_nothing_created(open_server, http, low_voice):
    account = Account(open_server, http, credits=1)
    answer = account.ask_clone(account.upload(low_voice), prompt="x" * 21)
    assert (answer.status_code, answer.json()["message"]) == (402, "Payment required")
    assert account.balance() == 1_000


# What fails later


def failed(account, project_id, code):
    project = account.finished(project_id)
    assert (project["status"], project["type"], project["downloads"]) == ("error", "VOICE_CLONER", [])
    assert (project["error"]["code"], project["credits_charged"]) == (code, 0), project
    assert account.balance() == 100_000
    nothing_is_left(account.server)
    return project["error"]["message"]


@pytest.mark.parametrize("content", [b"this is no sound", b"", b"RIFF\xff\xff\xff\xffWAVE", b"\x00" * 5000])
def test_files_that_are_no_sound(account, content):
    assert failed(account, account.clone(account.upload(content)), "invalid_file_format")


def test_recordings_that_are_too_short_say_what_to_do(account, low_voice):
    message = failed(account, account.clone(account.upload(low_voice[:40_000])), "invalid_parameters")
    assert "Send 10 to 30 s of speech" in message


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/missing.wav", "invalid_parameters"),
        ("/page.wav", "invalid_file_format"),
        ("/circle.wav", "invalid_parameters"),
        ("/inside.wav", "invalid_parameters"),
    ],
)
def test_addresses_without_a_recording(account, files, path, code):
    files.put("/page.wav", b"<html>Please log in</html>")
    files.put("/circle.wav", files.url + "/circle.wav")
    files.put("/inside.wav", "http://169.254.169.254/latest/meta-data.wav")
    assert failed(account, account.clone(files.url + path), code)


def test_private_addresses_are_not_fetched(server, http, files, low_voice):
    account = Account(server, http)
    address = files.put("/secret.wav", low_voice)
    before = len(files.asked)
    message = failed(account, account.clone(address), "invalid_parameters")
    assert "not a public one" in message
    assert len(files.asked) == before

"""Magic Hour's audio projects, from outside: every state, downloads, refunds, deletion, the Node client's address."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from magic_hour.types import models

from tests.fixtures.magichour import MOMENT, NINE, NOT_FOUND, UNKNOWN_ID, Account


@pytest.fixture
def account(server, http):
    return Account(server, http)


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


def test_the_download_needs_no_key_and_no_redirect(account, http):
    project = account.finished(account.make())
    url = project["downloads"][0]["url"]
    assert url.startswith(account.server.url)
    assert url.rpartition("/")[2] == f"{project['id']}.wav"
    answer = http.get(url, follow_redirects=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content[:4] == b"RIFF"


def test_each_look_has_working_links(account, http):
    project_id = account.make()
    account.finished(project_id)
    for _ in range(2):
        assert http.get(account.project(project_id)["downloads"][0]["url"]).status_code == 200


def test_an_altered_link_is_gone(account, http):
    url = account.finished(account.make())["downloads"][0]["url"]
    start, _, name = url.rpartition("/")
    for altered in (f"{start[:-2]}xx/{name}", f"{start.replace('/files/', '/files/A')}/{name}"):
        assert http.get(altered).status_code == 404


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


def test_unknown_and_foreign_projects(server, http, account):
    mine = account.make()
    other = Account(server, http)
    for path in (mine, UNKNOWN_ID, "nonsense", "%00", "..%2f..", "c" * 400):
        for method, kind in (("GET", "audio"), ("DELETE", "audio"), ("GET", "image")):
            answer = other.request(method, f"/v1/{kind}-projects/{path}")
            assert (answer.status_code, answer.content) == (404, NOT_FOUND)
    assert account.finished(mine)["status"] == "complete"


def test_the_same_project_for_the_node_client(account, http):
    project_id = account.make()
    project = account.finished(project_id)
    alias = account.get(f"/v1/image-projects/{project_id}").json()
    assert set(alias) == NINE | {"image_count", "total_frame_cost"}
    assert (alias["image_count"], alias["total_frame_cost"]) == (1, 0)
    models.V1ImageProjectsGetResponse.model_validate(alias, strict=True)
    for field in NINE - {"downloads"}:
        assert alias[field] == project[field]
    assert http.get(alias["downloads"][0]["url"]).status_code == 200


def test_delete_removes_the_file(account, http):
    project_id = account.make()
    url = account.finished(project_id)["downloads"][0]["url"]
    assert http.get(url).status_code == 200
    for _ in range(2):
        answer = account.delete(f"/v1/audio-projects/{project_id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers
    project = account.project(project_id)
    assert (project["enabled"], project["downloads"], project["credits_charged"]) == (False, [], 1)
    assert http.get(url).status_code == 404
    assert account.balance() == 99_000


def test_delete_at_once(account):
    project_id = account.make()
    account.finished(project_id)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account.delete(f"/v1/audio-projects/{project_id}"), range(8)))
    assert {answer.status_code for answer in answers} == {204}
    assert account.project(project_id)["enabled"] is False


def test_delete_stops_what_still_runs(account):
    project_id = account.make(prompt="Hello fake:slow=5 there")
    account.until(project_id, {"rendering"})
    assert account.delete(f"/v1/audio-projects/{project_id}").status_code == 204
    project = account.project(project_id)
    assert (project["status"], project["enabled"], project["credits_charged"]) == ("canceled", False, 0)
    assert account.balance() == 100_000


def test_the_same_words_sound_the_same_and_labels_differ(account, http):
    def sound(voice_name):
        return http.get(account.finished(account.make(voice_name=voice_name))["downloads"][0]["url"]).content

    assert sound("Joe Rogan") == sound("Joe Rogan")
    assert sound("Joe Rogan") != sound("Taylor Swift")

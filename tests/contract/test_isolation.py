"""Nobody sees what belongs to somebody else: every route of the native API, as its OpenAPI document lists them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest

from myna.accounts.service import new_token
from myna.http.native.routes import create_api
from tests.fixtures.dubs import SCRIPT
from tests.fixtures.server import ServerProcess

OPEN = {"/myna/v1/limits", "/healthz", "/readyz", "/metrics"}
"""Routes that need no key."""
BODIES = {
    "/myna/v1/speech": {"text": "Hello.", "voice": "fake:en-US.1"},
    "/myna/v1/outputs/{output_id}": {"favorite": True},
    "/myna/v1/webhooks": {"url": "https://hooks.example.com/x"},
    "/myna/v1/webhooks/{webhook_id}": {"enabled": False},
    "/myna/v1/keys": {"name": "mine"},
    "/myna/v1/voices/{voice_id}": {"name": "mine"},
    "/myna/v1/dubs/{dub_id}/lines/{number}": {"language": "es", "text": "Mío."},
    "/myna/v1/dubs/{dub_id}/translations/{language}": {"text": "Mío.\nTuyo."},
    "/myna/v1/dubs/{dub_id}/speakers/{speaker}": {"name": "mine"},
}
QUERIES = {"/myna/v1/dubs/{dub_id}/lines": {"language": "es"}}


def operations() -> list[tuple[str, str]]:
    """A new route cannot be forgotten: it is in the document."""
    document = create_api(None).openapi()  # type: ignore[arg-type]
    return [
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods if path not in OPEN
    ]


OPERATIONS = operations()
WITH_FOREIGN_IDS = [
    (method, path)
    for method, path in OPERATIONS
    if re.search(r"{(job|output|webhook|delivery|key|voice|consent|dub)_id}", path)
]


@pytest.fixture(scope="module")
def owner(server: ServerProcess, low_voice: bytes, film: Path) -> dict[str, str]:
    """An account that has one of everything: its key, and the ids."""
    key = server.new_key()
    headers = {"Authorization": f"Bearer {key}"}
    recording = {"file": ("low.wav", low_voice)}
    with httpx.Client(base_url=f"{server.url}/myna/v1", headers=headers, timeout=120) as http:
        webhook = http.post("/webhooks", json=BODIES["/myna/v1/webhooks"]).json()["id"]
        job = http.post("/speech", json=BODIES["/myna/v1/speech"]).json()["id"]
        while not (outputs := http.get("/outputs").json()["data"]):
            time.sleep(0.05)
        return {
            "key": key,
            "job_id": job,
            "output_id": outputs[0]["id"],
            "webhook_id": webhook,
            "delivery_id": http.get(f"/webhooks/{webhook}/deliveries").json()["data"][0]["id"],
            "key_id": http.get("/keys").json()["data"][0]["id"],
            "dub_id": _dub(http, film),
            "number": "1",
            "speaker": "speaker-1",
            "language": "es",
            "voice_id": http.post("/voices", data={"name": "mine", "consent": "true"}, files=recording).json()["id"],
            "consent_id": http.post("/voice-consents", data={"name": "mine", "language": "en"}, files=recording).json()[
                "id"
            ],
        }


def _dub(http: httpx.Client, film: Path) -> str:
    told = {"target_languages": "es", "transcript": SCRIPT, "translations": '{"es": "Un buen día.\\nOtro día."}'}
    made: str = http.post("/dubs", data=told, files={"file": ("film.mp4", film.read_bytes())}).json()["id"]
    return made


@pytest.fixture(scope="module")
def revoked(server: ServerProcess) -> str:
    key = server.new_key()
    with httpx.Client(base_url=f"{server.url}/myna/v1", headers={"Authorization": f"Bearer {key}"}) as http:
        http.delete(f"/keys/{http.get('/keys').json()['data'][0]['id']}")
    return key


def ask(server: ServerProcess, method: str, path: str, ids: dict[str, str], key: str | None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = BODIES.get(path) if method in ("POST", "PUT", "PATCH") else None
    url = server.url + path.format(**ids)
    return httpx.request(method, url, params=QUERIES.get(path), headers=headers, json=body)


def test_the_matrix_is_not_empty():
    assert len(OPERATIONS) > 35
    assert len(WITH_FOREIGN_IDS) >= 30


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_key_is_needed(server, owner, revoked, method, path):
    for key in (None, "nonsense", new_token(), revoked):
        answer = ask(server, method, path, owner, key)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), key
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_key_comes_before_the_body(server, owner, method, path):
    answer = httpx.request(method, server.url + path.format(**owner), content=b"{broken")
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), WITH_FOREIGN_IDS)
def test_what_is_somebody_elses_does_not_exist(server, owner, method, path):
    stranger = server.new_key()
    foreign = ask(server, method, path, owner, stranger)
    own = {name: value for name, value in owner.items() if name.endswith("_id")}
    unknown = ask(server, method, path, {**owner, **dict.fromkeys(own, "nothing")}, stranger)
    assert foreign.status_code == unknown.status_code == 404
    told = foreign.json()["detail"]
    for value in sorted(own.values(), key=len, reverse=True):
        told = told.replace(value, "nothing")
    assert told == unknown.json()["detail"]


def test_the_owner_still_has_everything(server, owner):
    kinds = ("job", "output", "webhook", "voice", "voice-consent")
    for path in (f"/myna/v1/{kind}s/{{{kind.removeprefix('voice-')}_id}}" for kind in kinds):
        assert ask(server, "GET", path, owner, owner["key"]).status_code == 200


def test_lists_are_ones_own(server, owner):
    stranger = server.new_key()
    for path in ("jobs", "outputs", "webhooks", "voice-consents"):
        answer = ask(server, "GET", f"/myna/v1/{path}", {}, stranger)
        assert answer.json()["data"] == []
    voices = ask(server, "GET", "/myna/v1/voices", {}, stranger).json()["data"]
    assert {voice["kind"] for voice in voices} == {"stock"}


def test_the_stranger_cannot_use_the_owners_idempotency_key(server, owner):
    url = f"{server.url}/myna/v1/speech"
    jobs = {
        httpx.post(
            url,
            json=BODIES["/myna/v1/speech"],
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "shared"},
        ).json()["id"]
        for key in (server.new_key(), server.new_key())
    }
    assert len(jobs) == 2


def test_no_key_is_written_down_anywhere(server, owner, revoked):
    """Not in the log, the database, or any stored file."""
    httpx.get(f"{server.url}/myna/v1/account", params={"key": owner["key"]})
    secret = owner["key"].encode()
    for path in server.data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert secret not in path.read_bytes(), path


def test_a_key_in_the_address_is_no_key(server, owner):
    answer = httpx.get(f"{server.url}/myna/v1/account", params={"key": owner["key"], "api_key": owner["key"]})
    assert answer.status_code == 401


def test_a_revoked_key_is_refused_at_once(server):
    key = server.new_key()
    url = f"{server.url}/myna/v1"
    headers = {"Authorization": f"Bearer {key}"}
    key_id = httpx.get(f"{url}/keys", headers=headers).json()["data"][0]["id"]
    assert httpx.delete(f"{url}/keys/{key_id}", headers=headers).status_code == 204
    assert httpx.get(f"{url}/keys", headers=headers).status_code == 401

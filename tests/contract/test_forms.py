"""Forms with recordings: who sends one is asked for the key before any of it is read, and it has a limit of its own."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from myna.accounts.service import AccountService
from myna.http.munsit.routes import RECORDINGS as MUNSIT
from myna.http.native.routes import RECORDINGS as NATIVE
from myna.http.openai.routes import RECORDINGS as OPENAI
from tests.fixtures.server import ServerFactory, ServerProcess

PATHS = sorted(
    [(path, "bearer", count) for path, count in (NATIVE | OPENAI).items()]
    + [(path, "x-api-key", count) for path, count in MUNSIT.items()]
    + [(f"/munsit{path}", "x-api-key", count) for path, count in MUNSIT.items()]
    + [(f"/openai{path}", "bearer", count) for path, count in OPENAI.items()]
)
FORM = "multipart/form-data; boundary=x"
MOST = 1_000_000
"""Bytes of a recording, on the server of these tests."""


@pytest.fixture(scope="module")
def small_server(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_MAX_REFERENCE_BYTES=str(MOST), MYNA_RATE_LIMITS="off")


def headers_of(how: str, key: str | None) -> dict[str, str]:
    if key is None:
        return {}
    return {"x-api-key": key} if how == "x-api-key" else {"Authorization": f"Bearer {key}"}


def only_the_head(server: ServerProcess, path: str, length: int, headers: dict[str, str]) -> tuple[int, dict]:
    """What is answered to a client that has announced a body, and has sent none of it."""
    address = urlsplit(server.url)
    head = {"Host": address.netloc, "Content-Type": FORM, "Content-Length": str(length), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := connection.recv(65_536):  # until the server closes
            answer += piece
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)


def message_of(body: dict) -> object:
    """Every API has its own error body."""
    return body.get("errorCode") or body.get("code") or body["error"]["code"]


def test_there_are_forms():
    assert len(PATHS) == 13


@pytest.mark.parametrize(("path", "how", "count"), PATHS)
def test_the_key_comes_before_the_body(server, path, how, count):
    for key in (None, "wrong"):
        status, body = only_the_head(server, path, 20_000_000, headers_of(how, key))
        assert status == 401
        assert message_of(body) in (40101, "unauthorized", "invalid_api_key")


@pytest.mark.parametrize(("path", "how", "count"), PATHS)
def test_its_size_goes_by_its_recordings(small_server, path, how, count):
    headers = headers_of(how, small_server.new_key())
    status, body = only_the_head(small_server, path, (count + 1) * MOST + 1, headers)
    assert status == 413
    assert message_of(body) in (41301, "body_too_large")


def test_other_paths_take_no_larger_forms_than_json(server):
    for path in ("/myna/v1/speech", "/v1/audio/speech", "/api/v1/text-to-speech/fake", "/v1/files/upload-urls"):
        assert only_the_head(server, path, 1_000_001, {})[0] == 413


def test_a_blocked_account_sends_nothing(server):
    key = server.new_key()
    account_id = server.account_of(key)
    server.query(lambda database: AccountService(database, b"").set_banned(account_id, True))
    assert only_the_head(server, "/api/v1/voices/clone", 20_000_000, {"x-api-key": key})[0] == 403


def test_a_client_that_waits_to_be_asked_is_answered_at_once(server):
    status, _ = only_the_head(server, "/api/v1/voices/clone", 1_000, {"Expect": "100-continue"})
    assert status == 401


def test_a_short_form_is_taken_before_it_is_refused(server):
    """The connection stays, so that no client can miss the answer."""
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            answer = client.post("/api/v1/voices/clone", files={"voice_file": ("a.wav", bytes(500_000), "audio/wav")})
            assert answer.status_code == 401
            assert "connection" not in answer.headers
        answer = client.post("/api/v1/voices/clone", files={"voice_file": ("a.wav", bytes(2_000_000), "audio/wav")})
        assert (answer.status_code, answer.headers["connection"]) == (401, "close")


def test_a_form_counts_once_in_the_rate_of_its_key(make_server: ServerFactory):
    server = make_server(MYNA_REQUESTS_PER_MINUTE="3")
    headers = {"x-api-key": server.new_key()}
    answers = [
        httpx.post(f"{server.url}/api/v1/voices/preview", data={}, files={"x": b""}, headers=headers) for _ in range(4)
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[0].headers["ratelimit"].startswith('"requests";r=2;')

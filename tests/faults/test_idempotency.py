"""`Idempotency-Key` through a kill -9: one job and one charge, whenever it strikes."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from tests.fixtures.server import ServerFactory, ServerProcess

pytestmark = pytest.mark.fault

TEXT = "Hello, how are you today?"


@pytest.fixture
def node(make_server: ServerFactory) -> ServerProcess:
    return make_server(MYNA_RATE_LIMITS="off", MYNA_DEAD_AFTER_SECONDS="1", MYNA_HEARTBEAT_SECONDS="0.2")


def post(node: ServerProcess, key: str, path: str, body: dict, timeout: float = 60) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "once"}
    return httpx.post(node.url + path, json=body, headers=headers, timeout=timeout)


def jobs(node: ServerProcess, key: str) -> list[dict]:
    answer = httpx.get(f"{node.url}/myna/v1/jobs", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    return answer.json()["data"]


def until_finished(node: ServerProcess, key: str) -> dict:
    deadline = time.monotonic() + 60
    while (found := jobs(node, key)[0])["status"] not in ("succeeded", "failed"):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_a_kept_answer_survives(node: ServerProcess) -> None:
    key = node.new_key()
    body = {"text": TEXT, "voice": "fake:en-US.1"}
    first = post(node, key, "/myna/v1/speech", body)
    assert first.status_code == 202
    node.kill()
    node.start()
    again = post(node, key, "/myna/v1/speech", body)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    job = until_finished(node, key)
    assert job["status"] == "succeeded"
    assert node.balance(key) == 100_000 - len(TEXT) * node.settings.openai_millicredits_per_character


def test_a_request_that_was_cut_is_the_same_job_when_it_is_sent_again(node: ServerProcess) -> None:
    """Stablecog's create answers when the work is done, so the process dies between the two."""
    key = node.new_key()
    body = {"prompt": f"fake:slow=2 {TEXT}", "temperature": 0.5}
    path = "/v1/audio/voiceover/create"
    cut: list[BaseException] = []

    def send() -> None:
        try:
            post(node, key, path, body)
        except httpx.TransportError as error:
            cut.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    while not jobs(node, key):
        assert sending.is_alive()
        time.sleep(0.02)
    (accepted,) = jobs(node, key)
    node.kill()
    sending.join()
    assert cut
    node.start()
    deadline = time.monotonic() + 60
    while (again := post(node, key, path, body)).status_code == 409:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert again.status_code == 200, again.text
    (job,) = jobs(node, key)
    assert (job["id"], job["status"]) == (accepted["id"], "succeeded")
    assert node.balance(key) == 100_000 - round(job["charged"] * 1000)
    replayed = post(node, key, path, body)
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.json() == again.json()

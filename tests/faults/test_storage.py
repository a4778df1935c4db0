"""A storage that breaks under a running node: work fails in plain words and for free, and goes on when it is back."""

from __future__ import annotations

import shutil
import time

import httpx
import pytest

from tests.fixtures.server import ServerFactory

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


def test_a_storage_that_is_away_for_a_while(make_server: ServerFactory) -> None:
    server = make_server(MYNA_RATE_LIMITS="off")
    headers = {"Authorization": f"Bearer {server.new_key(10)}"}
    with httpx.Client(base_url=f"{server.url}/myna/v1", headers=headers, timeout=60) as client:
        files = server.data_dir / "files"
        shutil.rmtree(files, ignore_errors=True)
        files.write_text("in the way")
        failed = finished(client)
        assert (failed["status"], failed["charged"]) == ("failed", 0)
        assert failed["error"]["code"] == "unavailable"
        assert str(server.data_dir) not in str(failed), "where the storage is does not concern the customer"
        assert client.get("/credits").json()["balance"] == 10
        files.unlink()
        assert finished(client)["status"] == "succeeded"
    assert "http.unexpected_error" not in server.log()


def finished(client: httpx.Client) -> dict:
    accepted = client.post("/speech", json={"text": "Where does this go?", "voice": "fake:en-US.1"})
    assert accepted.status_code == 202, accepted.text
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = client.get(f"/jobs/{accepted.json()['id']}").json()
        if job["status"] not in ("queued", "running"):
            return job
        time.sleep(0.1)
    raise AssertionError("the job did not end")

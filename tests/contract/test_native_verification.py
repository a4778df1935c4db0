"""Verified speech through Myna's own API, and what other APIs see of it: nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.server import ServerFactory, ServerProcess

WORDS = "word, word, word, word, word, word."


@pytest.fixture(scope="module")
def hearing(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_ENGINES="fake,fake-recognition", MYNA_RATE_LIMITS="off", MYNA_VERIFY_SPEECH="on")


@pytest.fixture(scope="module")
def http(hearing: ServerProcess) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {hearing.new_key()}"}
    with httpx.Client(base_url=hearing.url, headers=headers, timeout=60) as client:
        yield client


def spoken(http: httpx.Client, text: str, **fields: object) -> dict:
    answer = http.post("/myna/v1/speech", json={"text": text, "voice": "fake:en-US.1", **fields})
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + 60
    while (job := http.get(f"/myna/v1/jobs/{answer.json()['id']}").json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    assert job["status"] == "succeeded", job
    return job["outputs"][0]


def test_the_score_is_told_with_the_output(http: httpx.Client) -> None:
    output = spoken(http, f"fake:garble=1 {WORDS}")
    assert output["verification"] == {
        "score": 1.0,
        "attempts": 2,
        "heard": "word word word word word word",
        "recogniser": "fake-recognition",
        "skipped": "",
    }
    listed = http.get(f"/myna/v1/outputs/{output['id']}").json()
    assert listed["verification"] == output["verification"]


def test_a_request_may_do_without(http: httpx.Client) -> None:
    assert spoken(http, f"fake:garble=1 {WORDS}", verify=False)["verification"] is None


def test_a_stream_is_not_held_up_for_it(http: httpx.Client) -> None:
    body = {"model": "tts-1", "voice": "fake:en-US.1", "input": f"fake:garble=9 {WORDS}", "response_format": "pcm"}
    before = attempts(http)
    assert http.post("/v1/audio/speech", json=body).status_code == 200
    assert attempts(http) == before


def test_the_metrics_tell_of_it(http: httpx.Client) -> None:
    spoken(http, WORDS)
    text = http.get("/metrics").text
    assert 'myna_speech_verified{outcome="good"}' in text
    assert "myna_speech_verifying_seconds" in text


def attempts(http: httpx.Client) -> float:
    lines = http.get("/metrics").text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("myna_speech_attempts "))

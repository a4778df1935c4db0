"""Streams that are cut, engines that die in the middle of a sentence, and sound that nobody may hear."""

from __future__ import annotations

import time
from threading import Thread

import httpx
import psutil
import pytest

from myna.media.decode import decode
from tests.fixtures.patience import PATIENCE, eventually
from tests.fixtures.processes import descendants
from tests.fixtures.server import ServerProcess

pytestmark = pytest.mark.fault

SENTENCE = "This sentence takes its time."
SLOW = f"fake:slow=0.4 {SENTENCE}"


def speak(server: ServerProcess, token: str, text: str, **more: object) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/audio/speech",
        headers={"Authorization": f"Bearer {token}"},
        json={"model": "tts-1", "voice": "alloy", "input": text, **more},
        timeout=60,
    )


def engine_processes(server: ServerProcess) -> list[psutil.Process]:
    return descendants(server.pid, "myna.engines.child")


def requests_running(server: ServerProcess) -> float:
    """From /metrics: pieces that engines speak right now."""
    lines = httpx.get(f"{server.url}/metrics", timeout=PATIENCE).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("myna_engine_running"))


def test_a_client_that_leaves_frees_the_engine_and_pays_for_what_was_spoken(server: ServerProcess) -> None:
    token = server.new_key(credits=100)
    text = " ".join([SLOW] * 40)
    with httpx.stream(
        "POST",
        f"{server.url}/v1/audio/speech",
        headers={"Authorization": f"Bearer {token}"},
        json={"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm"},
        timeout=60,
    ) as answer:
        assert answer.status_code == 200
        next(answer.iter_bytes())
    assert eventually(lambda: requests_running(server) == 0)
    whole = len(text) * server.settings.openai_millicredits_per_character
    assert eventually(lambda: server.balance(token) > 100_000 - whole)
    assert server.balance(token) < 100_000


def test_a_client_that_leaves_before_the_first_sound_frees_the_engine_and_its_key(server: ServerProcess) -> None:
    logged = len(server.log())
    token = server.new_key(credits=100)

    def ask(text: str, seconds: float) -> httpx.Response:
        return httpx.post(
            f"{server.url}/v1/audio/speech",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "left-early"},
            json={"model": "tts-1", "voice": "alloy", "input": text},
            timeout=httpx.Timeout(PATIENCE, read=seconds),
        )

    with pytest.raises(httpx.ReadTimeout):
        ask(f"fake:slow=600 {SENTENCE}", 1.0)
    assert eventually(lambda: requests_running(server) == 0)
    assert eventually(lambda: server.balance(token) == 100_000)
    assert eventually(lambda: ask(SENTENCE, PATIENCE).status_code == 200)
    assert "error" not in server.log()[logged:]


def test_an_engine_that_is_killed_in_a_sentence_costs_a_retry_and_not_the_request(server: ServerProcess) -> None:
    token = server.new_key()
    reference = decode(speak(server, token, SENTENCE, response_format="wav").content)
    before = {process.pid for process in engine_processes(server)}
    killed: list[int] = []

    def kill_in_the_sentence() -> None:
        if eventually(lambda: requests_running(server) > 0):
            for process in engine_processes(server):
                process.kill()
                killed.append(process.pid)

    killing = Thread(target=kill_in_the_sentence)
    killing.start()
    answer = speak(server, token, f"fake:slow=2 {SENTENCE}", response_format="wav")
    killing.join()
    assert answer.status_code == 200
    assert killed
    assert set(killed) <= before
    samples, rate = decode(answer.content)
    assert abs(len(samples) / rate - len(reference[0]) / reference[1]) < 0.1


@pytest.mark.parametrize("command", ["nan", "empty", "rate", "silence", "crash", "fail=out_of_voice"])
def test_unusable_sound_never_reaches_a_user_and_costs_nothing(server: ServerProcess, command: str) -> None:
    token = server.new_key()
    answer = speak(server, token, f"fake:{command} now")
    assert answer.status_code == 500
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert server.balance(token) == 100_000


def test_an_engine_that_crashes_once_is_forgiven(server: ServerProcess) -> None:
    token = server.new_key()
    answer = speak(server, token, f"fake:crash-once={time.time_ns()} and then it speaks", response_format="wav")
    assert answer.status_code == 200
    samples, rate = decode(answer.content)
    assert len(samples) > rate

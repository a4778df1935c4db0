"""Processes of an engine that are killed while many clients are served: nobody notices, and nobody hears another's."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx
import psutil
import pytest

from myna.engines.fake import SECONDS_PER_CHARACTER, FakeEngine
from myna.media.decode import decode
from tests.fixtures.patience import eventually
from tests.fixtures.processes import descendants
from tests.fixtures.server import ServerFactory, ServerProcess
from tests.fixtures.sound import pitch

pytestmark = pytest.mark.fault

CLIENTS, REQUESTS = 16, 4
FULL_REQUESTS = 125
"""Of each client, with `--full`."""
BETWEEN_KILLS = 3
"""Answers."""
COMMAND = "fake:slow=0.1 "
VOICES = {voice.id: float(voice.settings["frequency"]) for voice in FakeEngine.voices() if voice.language == "en-US"}
TEXT = "the old boat on the river was sold to three friends of my brother in the early morning light"


class Killer(threading.Thread):
    """Kills a process of the engine after every few answers."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self.killed: set[int] = set()
        self._server = server
        self._answers = threading.Semaphore(0)
        self._ended = False
        self._random = random.Random(1)

    def count_answer(self) -> None:
        self._answers.release()

    def end(self) -> None:
        self._ended = True
        self._answers.release(BETWEEN_KILLS)
        self.join()

    def run(self) -> None:
        while True:
            for _ in range(BETWEEN_KILLS):
                self._answers.acquire()
            if self._ended:
                return
            if processes := descendants(self._server.pid, "myna.engines.child"):
                victim = self._random.choice(processes)
                try:
                    victim.kill()
                    self.killed.add(victim.pid)
                except psutil.Error:
                    pass  # it was replaced at this moment


def texts(client: int) -> Iterator[str]:
    """Each of another length than its neighbours."""
    for number in count(client):
        yield TEXT[: 10 + number * 29 % (len(TEXT) - 10)].strip()


def test_engines_killed_under_load_cost_no_request_and_mix_no_sound(
    make_server: ServerFactory, request: pytest.FixtureRequest
) -> None:
    server = make_server(MYNA_RATE_LIMITS="off")
    token = server.new_key(credits=100_000)
    killer = Killer(server)
    each = FULL_REQUESTS if request.config.getoption("--full") else REQUESTS

    def speak_all(client: int) -> list[str]:
        """What was wrong with the answers to one client."""
        voices = random.Random(client).sample(sorted(VOICES), each % len(VOICES) or 1)
        wrong = []
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=120) as http:
            for number, text in zip(range(each), texts(client), strict=False):
                voice = voices[number % len(voices)]
                body = {"model": "tts-1", "voice": f"fake:{voice}", "input": COMMAND + text}
                answer = http.post("/v1/audio/speech", json={**body, "response_format": "wav"})
                killer.count_answer()
                wrong += [f"{voice}, {text}: {fault}" for fault in faults_of(answer, text, VOICES[voice])]
        return wrong

    killer.start()
    with ThreadPoolExecutor(CLIENTS) as pool:
        wrong = [fault for faults in pool.map(speak_all, range(CLIENTS)) for fault in faults]
    killer.end()
    assert not wrong
    assert len(killer.killed) > CLIENTS * each / BETWEEN_KILLS / 2
    said = (text for client in range(CLIENTS) for _, text in zip(range(each), texts(client), strict=False))
    sent = sum(len(COMMAND + text) for text in said)
    left = 100_000_000 - sent * server.settings.openai_millicredits_per_character
    assert eventually(lambda: server.balance(token) == left), "each is charged once"


def faults_of(answer: httpx.Response, text: str, frequency: float) -> Iterator[str]:
    if answer.status_code != 200:
        yield f"{answer.status_code} {answer.text}"
        return
    samples, rate = decode(answer.content)
    expected = len(text) * SECONDS_PER_CHARACTER
    if not expected <= len(samples) / rate <= expected + 1:
        yield f"{len(samples) / rate:.2f} s instead of {expected:.2f} s"
    if abs(pitch(samples, rate) / frequency - 1) > 0.03:
        yield f"{pitch(samples, rate):.0f} Hz instead of {frequency:.0f} Hz"

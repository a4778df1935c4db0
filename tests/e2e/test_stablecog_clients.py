"""Stablecog's users have curl and Python: both against a node with the embedded engine, with another host only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import requests

from tests.e2e.listening import listen

PROMPT = "The birds are singing in the morning sun, and the river runs quietly to the sea."


@pytest.fixture
def key(espeak_server):
    return espeak_server.new_key(credits=100)


def assert_is_speech(data, seconds):
    heard = listen(data)
    assert heard.seconds == pytest.approx(seconds, abs=0.1)
    assert len(PROMPT) / 30 < heard.seconds < len(PROMPT) / 5
    assert heard.level > 0.03
    assert heard.voiced > 0.5
    assert heard.pitches > 0.5


@pytest.mark.parametrize("headers", [[], ["-H", "Content-Type: application/json"]])
def test_curl(espeak_server, key, headers):
    command = ["curl", "-sS", "-X", "POST", f"{espeak_server.url}/v1/audio/voiceover/create", *headers]
    command += ["-H", f"Authorization: Bearer {key}", "-d", json.dumps({"prompt": PROMPT})]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    made = json.loads(done.stdout)
    assert made["remaining_credits"] == 98
    (output,) = made["outputs"]
    sound = subprocess.run(["curl", "-sS", "-f", output["url"]], capture_output=True, timeout=60, check=True).stdout
    assert_is_speech(sound, output["audio_duration"])


def test_python_requests(espeak_server, key):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{espeak_server.url}/v1/audio/voiceover/create"
    made = requests.post(url, data=json.dumps({"prompt": PROMPT}), headers=headers, timeout=60).json()
    (listed,) = requests.get(
        f"{espeak_server.url}/v1/audio/voiceover/outputs", headers=headers, params={"per_page": 50}, timeout=60
    ).json()["outputs"]
    (output,) = made["outputs"]
    assert listed["id"] == output["id"]
    assert listed["voiceover"]["prompt"]["text"] == PROMPT
    assert_is_speech(requests.get(output["url"], timeout=60).content, output["audio_duration"])


def test_speakers_of_every_language_speak(espeak_server, key):
    """With a word in the speaker's own script."""
    words = {"en": "Good morning.", "de": "Guten Morgen.", "es": "Buenos días.", "ru": "Доброе утро."}
    words |= {"tr": "Günaydın.", "ja": "おはようございます。", "zh": "早上好。"}
    bark = httpx.get(f"{espeak_server.url}/v1/audio/voiceover/models").json()["models"][0]
    locales = {speaker["name"].removeprefix("v2/")[:2]: speaker["id"] for speaker in bark["available_speakers"]}
    sounds = {}
    for locale, text in words.items():
        body = {"prompt": text, "speaker_id": locales[locale], "seed": 1}
        made = httpx.post(
            f"{espeak_server.url}/v1/audio/voiceover/create",
            headers={"Authorization": f"Bearer {key}"},
            json=body,
            timeout=60,
        )
        assert made.status_code == 200, f"{locale}: {made.text}"
        sounds[locale] = httpx.get(made.json()["outputs"][0]["url"]).content
        assert listen(sounds[locale]).level > 0.01, locale
    assert len(set(sounds.values())) == len(words)


def test_the_example(espeak_server, key, tmp_path):
    example = Path(__file__).parents[2] / "examples" / "stablecog_voiceover.py"
    path = tmp_path / "morning.mp3"
    done = subprocess.run(
        [sys.executable, str(example), "Good morning.", str(path)],
        env={**os.environ, "MYNA_URL": espeak_server.url, "MYNA_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "99 credits left" in done.stdout
    assert listen(path.read_bytes()).seconds > 0.3

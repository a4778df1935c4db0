"""A neural clone from outside: made by pocket on a tiny model, spoken on three APIs, and left alone when it is gone."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from myna.models.store import ModelStore
from tests.fixtures.elsewhere import built_with_torch, torch_python
from tests.fixtures.server import ServerFactory

pytestmark = pytest.mark.skipif(
    torch_python() is None, reason="there is no environment with torch: scripts/prepare-torch"
)
TEXT = "The weather is fine today, and nobody wants to stay at home."


def test_a_clone_of_pocket(make_server: ServerFactory, low_voice: bytes, tmp_path: Path) -> None:
    ModelStore(tmp_path).add("pocket-english", "pocket", built_with_torch("pocket"))
    server = make_server(
        MYNA_ENGINES='["pocket", "espeak"]',
        MYNA_ENGINE_PYTHONS=json.dumps({"pocket": str(torch_python())}),
        MYNA_ENGINE_PROCESSES="1",
        MYNA_MODELS_DIR=str(tmp_path),
    )
    key = server.new_key()

    def ask(method: str, path: str, **request: object) -> httpx.Response:
        return httpx.request(method, f"{server.url}{path}", headers=_keys(key), timeout=120, **request)  # type: ignore[arg-type]

    def speak(voice: object, **changes: str) -> httpx.Response:
        body = {"model": "tts-1", "voice": voice, "input": TEXT, "response_format": "pcm", **changes}
        return ask("POST", "/v1/audio/speech", json=body)

    made = ask(
        "POST",
        "/myna/v1/voices",
        data={"name": "Nora", "consent": "true", "language": "en"},
        files={"file": ("voice.wav", low_voice, "audio/wav")},
    )
    assert made.status_code == 201, made.text
    nora = made.json()
    assert (nora["engine"], nora["quality"]) == ("pocket", "neural")
    for answer in (
        speak(nora["id"]),
        ask("POST", "/api/v1/text-to-speech/pocket", json={"text": TEXT, "voice_id": nora["id"]}),
    ):
        assert answer.status_code == 200, answer.text
    samples = np.frombuffer(speak("Nora").content, "<i2")
    assert 2 < len(samples) / 24_000 < 9
    refused = ask("POST", "/myna/v1/speech", json={"text": "صباح الخير", "voice": nora["id"], "language": "ar"})
    assert refused.status_code in (400, 422)
    assert "`pocket` does not speak `ar`" in refused.text

    server.stop()
    server.environment["MYNA_ENGINES"] = '["espeak"]'
    server.start()
    gone = speak(nora["id"])
    assert gone.status_code == 503
    assert "was made for the engine `pocket`" in gone.text
    assert ask("GET", f"/myna/v1/voices/{nora['id']}").json()["name"] == "Nora"
    assert ask("DELETE", f"/myna/v1/voices/{nora['id']}").status_code in (200, 204)
    assert speak(nora["id"]).status_code in (400, 404)


def _keys(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "x-api-key": key}

"""A node with Kokoro and Piper on tiny models: voices, blends, streams and vendors' names over HTTP."""

from __future__ import annotations

import io

import httpx
import pytest
import soundfile

from tests.fixtures.checkpoints import tiny_models
from tests.fixtures.server import ServerFactory, ServerProcess

pytest.importorskip("kokoro_onnx")
pytest.importorskip("piper")

TEXT = "The small boat sailed over the wide river."


@pytest.fixture(scope="module")
def node(make_module_server: ServerFactory, tmp_path_factory: pytest.TempPathFactory) -> ServerProcess:
    return make_module_server(
        MYNA_ENGINES='["espeak", "kokoro", "piper"]',
        MYNA_MODELS_DIR=str(tiny_models(tmp_path_factory)),
        MYNA_RATE_LIMITS="off",
    )


@pytest.fixture(scope="module")
def client(node: ServerProcess):
    headers = {"Authorization": f"Bearer {node.new_key(10_000)}"}
    with httpx.Client(base_url=node.url, headers=headers, timeout=60) as client:
        yield client


def speak(client: httpx.Client, voice: str, text: str = TEXT) -> float:
    """Seconds of sound."""
    body = {"model": "tts-1", "voice": voice, "input": text, "response_format": "wav"}
    answer = client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    return len(samples) / rate


@pytest.mark.parametrize(
    "voice",
    [
        "kokoro:af_heart",
        "kokoro:af_heart(2)+am_adam(1)",
        "af_heart+am_adam",
        "af_heart,am_adam",
        "piper:de-de-tiny-low",
    ],
)
def test_a_voice_and_a_blend_speak(client: httpx.Client, voice: str) -> None:
    text = "Das Boot fuhr weit über den Fluss." if voice.startswith("piper") else TEXT
    assert 1.5 < speak(client, voice, text) < 8


def test_a_blend_of_nobody_is_no_voice(client: httpx.Client) -> None:
    body = {"model": "tts-1", "voice": "kokoro:af_heart+af_nobody", "input": TEXT}
    assert client.post("/v1/audio/speech", json=body).status_code in (400, 404)


def test_modelslab_names_are_the_voices_themselves(client: httpx.Client, node: ServerProcess) -> None:
    key = node.new_key(10_000)
    for given in ("af_heart", "af_heart,am_adam"):
        body = {"key": key, "prompt": TEXT, "voice_id": given, "language": "american english"}
        said = client.post("/api/v6/voice/text_to_speech", json=body).json()
        assert said["status"] == "success", said
        assert said["meta"]["voice"] == given


def test_the_stream_of_a_long_text_holds_all_of_it(client: httpx.Client) -> None:
    body = {"model": "tts-1", "voice": "af_heart", "input": " ".join([TEXT] * 8), "response_format": "pcm"}
    with client.stream("POST", "/v1/audio/speech", json=body) as answer:
        assert answer.status_code == 200
        sound = b"".join(answer.iter_raw())
    assert len(sound) / 2 / 24_000 == pytest.approx(8 * speak(client, "af_heart"), rel=0.1)

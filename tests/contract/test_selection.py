"""Who speaks, hears, translates and separates when a request names an engine: that one, or an error that says what to
do. On a node that prefers espeak, has fake engines besides, and was told to use no others.
"""

from __future__ import annotations

import httpx
import pytest

from myna.media.decode import decode
from tests.fixtures.server import ServerFactory, ServerProcess

ENGINES = ("espeak", "fake", "fake-recognition", "fake-translation", "fake-separation")
TEXT = "Hello, how are you?"
SECONDS_OF_FAKE = 0.06 * len(TEXT)


@pytest.fixture(scope="module")
def node(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_ENGINES=",".join(ENGINES), MYNA_RATE_LIMITS="off")


class Client:
    """A key of its own."""

    def __init__(self, node: ServerProcess) -> None:
        self.node = node
        self.key = node.new_key(credits=100)
        self.http = httpx.Client(base_url=node.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)

    def speak(self, model: str, voice: str = "alloy", **fields: object) -> httpx.Response:
        body = {"model": model, "input": TEXT, "voice": voice, "response_format": "wav", **fields}
        return self.http.post("/v1/audio/speech", json=body)

    def order(self, **fields: object) -> httpx.Response:
        return self.http.post("/myna/v1/speech", json={"text": TEXT, **fields})

    def dub(self, **fields: str) -> httpx.Response:
        film = {"file": ("film.mp4", b"looked at last", "video/mp4")}
        return self.http.post("/myna/v1/dubs", files=film, data={"target_languages": "es", **fields})

    @property
    def spent(self) -> int:
        return 100_000 - self.node.balance(self.key)


@pytest.fixture
def client(node: ServerProcess) -> Client:
    return Client(node)


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    found = body.get("error", body)
    assert found["code"] == code
    return str(found.get("message") or found["detail"])


class TestOpenAI:
    @pytest.mark.parametrize("model", ["tts-1", "gpt-4o-mini-tts", "a-model-that-nobody-knows"])
    def test_with_names_of_others_the_preferred_engine_speaks(self, client: Client, model: str) -> None:
        answer = client.speak(model)
        assert (answer.status_code, answer.headers["x-myna-engine"]) == (200, "espeak")

    def test_an_engine_that_is_named_speaks(self, client: Client) -> None:
        answer = client.speak("fake")
        assert (answer.status_code, answer.headers["x-myna-engine"]) == (200, "fake")
        samples, rate = decode(answer.content)
        assert len(samples) / rate == pytest.approx(SECONDS_OF_FAKE, abs=0.3)
        assert client.speak("espeak").headers["x-myna-engine"] == "espeak"
        assert client.speak("tts-1", "fake:en-US.1").headers["x-myna-engine"] == "fake", "here the voice decides"

    def test_vendors_names_are_different_and_steady_voices_of_it(self, client: Client) -> None:
        sounds = {name: client.speak("fake", name).content for name in ("alloy", "onyx", "nova")}
        assert len(set(sounds.values())) == 3
        assert client.speak("fake", "onyx").content == sounds["onyx"]

    @pytest.mark.parametrize("voice", ["espeak:en-us.f3", "en-us.f3"])
    def test_a_voice_of_another_engine_is_refused(self, client: Client, voice: str) -> None:
        answer = client.speak("fake", voice)
        message = refusal(answer, 400, "invalid_value")
        assert answer.json()["error"]["param"] == "voice"
        assert "spoken by `espeak`, not by `fake`" in message
        assert "'tts-1' the voice decides" in message
        assert client.spent == 0

    @pytest.mark.parametrize(
        ("model", "why"),
        [
            ("kokoro", "`MYNA_ENGINES` does not name it"),
            ("remote", "`MYNA_ENGINES` does not name it"),
            ("fake-recognition", "cannot speak; it can hear"),
            ("whisper-tiny", "cannot speak"),
            ("piper-en-us-joe", "myna models pull piper-en-us-joe"),
        ],
    )
    def test_a_model_that_is_not_here_is_no_other_one(self, client: Client, model: str, why: str) -> None:
        message = refusal(client.speak(model), 404, "model_not_found")
        assert why in message
        assert "models of this server: 'tts-1', " in message
        assert message.endswith("'espeak', 'fake'.")
        assert client.spent == 0

    def test_models_that_can_be_named_are_listed(self, client: Client) -> None:
        listed = [model["id"] for model in client.http.get("/v1/models").json()["data"]]
        assert listed[-2:] == ["espeak", "fake"]
        assert all(client.speak(model).status_code == 200 for model in listed)


class TestNative:
    def test_an_engine_that_is_named_speaks(self, client: Client) -> None:
        answer = client.order(voice="fake:en-US.1", engine="fake")
        assert answer.status_code == 202, answer.text

    @pytest.mark.parametrize(
        ("fields", "status", "code", "why"),
        [
            ({"voice": "fake:en-US.1", "engine": "espeak"}, 400, "unsupported", "spoken by `fake`, not by `espeak`"),
            ({"voice": "nobody", "engine": "espeak"}, 404, "voice_not_found", "no voice `nobody` of `espeak`"),
            ({"voice": "af_heart", "engine": "kokoro"}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"voice": "joe", "engine": "piper-en-us-joe"}, 404, "engine_not_found", "myna models pull"),
            ({"voice": "fake:en-US.1", "engine": "nobody"}, 404, "engine_not_found", "`myna engines`"),
            ({"voice": "espeak:en-us.f3", "similarity": 0.5}, 400, "unsupported", "does not honour `similarity`"),
            ({"voice": "espeak:en-us.f3", "dialect": "najdi"}, 400, "unsupported", "does not honour `dialect`"),
            ({"voice": "fake:ar-SA.1", "dialect": "najdi"}, 400, "unsupported", "dialects only `ar-AE`"),
        ],
    )
    def test_what_cannot_be_is_refused_and_not_charged(
        self, client: Client, fields: dict[str, object], status: int, code: str, why: str
    ) -> None:
        assert why in refusal(client.order(**fields), status, code)
        assert client.spent == 0
        assert client.http.get("/myna/v1/jobs").json()["data"] == []


class TestEngines:
    def test_what_may_be_named_is_listed_with_what_it_can(self, client: Client) -> None:
        listed = client.http.get("/myna/v1/engines").json()["data"]
        here = {engine["name"]: engine for engine in listed if engine["available"]}
        assert set(ENGINES) <= set(here)
        assert [name for name, engine in here.items() if engine["kind"] == "speech"] == ["espeak", "fake"]
        assert here["fake"]["dialects"] == ["ar-AE", "ar-EG", "ar-SA"]
        assert (here["fake-separation"]["kind"], here["fake-separation"]["stems"]) == (
            "separation",
            ["sides", "middle"],
        )
        assert all(engine["reason"] for engine in listed if not engine["available"])


class TestDubs:
    @pytest.mark.parametrize(
        ("fields", "status", "code", "why"),
        [
            ({"engine": "kokoro"}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"engine": "fake", "voice": "espeak:fr-fr.f3"}, 400, "unsupported", "spoken by `espeak`, not by `fake`"),
            ({"engine": "fake", "target_languages": "nl"}, 404, "voice_not_found", "`fake` has no voice for `nl`"),
            ({"engine": "espeak", "clone_speakers": "true"}, 400, "unsupported", "cannot clone"),
            ({"recogniser": "whisper"}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"recogniser": "whisper-tiny"}, 404, "engine_not_found", "myna models pull whisper-tiny"),
            ({"recogniser": "fake"}, 404, "engine_not_found", "cannot hear; it can speak"),
            (
                {"recogniser": "fake-recognition", "source_language": "cy"},
                400,
                "unsupported",
                "`fake-recognition` does not understand `cy`",
            ),
            ({"translator": "apertium"}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"translator": "fake"}, 404, "engine_not_found", "cannot translate; it can speak"),
            ({"separator": "demucs"}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"separator": "fake"}, 404, "engine_not_found", "cannot separate; it can speak"),
            ({"recogniser": "whisper", "transcript": "Hello."}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"recogniser": "nobody", "use_subtitles": "true"}, 404, "engine_not_found", "`myna engines`"),
            ({"translator": "apertium", "translations": '{"es": "Hola."}'}, 404, "engine_not_found", "`MYNA_ENGINES`"),
            ({"separator": "demucs", "background": "false"}, 404, "engine_not_found", "`MYNA_ENGINES`"),
        ],
    )
    def test_what_cannot_be_is_refused_before_the_film_is_looked_at(
        self, client: Client, fields: dict[str, str], status: int, code: str, why: str
    ) -> None:
        assert why in refusal(client.dub(**fields), status, code)
        assert client.spent == 0
        assert client.http.get("/myna/v1/dubs").json()["data"] == []

    def test_engines_that_are_here_may_be_named(self, client: Client) -> None:
        named = {name: f"fake-{kind}" for name, kind in (("recogniser", "recognition"), ("translator", "translation"))}
        answer = client.dub(engine="fake", separator="fake-separation", **named)
        assert refusal(answer, 422, "unsupported_media"), "so far, only the film is wrong"

"""A voice that an account has made, through every API: found by whatever names it, and by nobody else."""

from __future__ import annotations

import io
import time
from itertools import product

import httpx
import pytest

from tests.fixtures.recordings import median_pitch
from tests.fixtures.stablecog import BARK, CREATE, OUTPUTS, STRANGER

TEXT = "This is what I sound like when somebody else writes the words."


class Client:
    """A key of its own, and ways to speak. Each returns the answer and, when it is done, the sound."""

    def __init__(self, server) -> None:
        self.server = server
        self.key = server.new_key()
        headers = {"Authorization": f"Bearer {self.key}"}
        self.http = httpx.Client(base_url=server.url, headers=headers, timeout=120)

    def new_voice(self, recording, name):
        file = ("a.wav", io.BytesIO(recording), "audio/wav")
        consent = self.http.post(
            "/v1/audio/voice_consents", files={"name": (None, name), "language": (None, "en"), "recording": file}
        )
        fields = {"name": (None, name), "consent": (None, consent.json()["id"])}
        answer = self.http.post("/v1/audio/voices", files={**fields, "audio_sample": file})
        assert answer.status_code == 200, answer.text
        voice_id = answer.json()["id"]
        return self.http.get(f"/myna/v1/voices/{voice_id}").json()

    def openai(self, voice):
        body = {"model": "tts-1", "input": TEXT, "voice": voice, "response_format": "wav"}
        return self.http.post("/v1/audio/speech", json=body)

    def native(self, voice):
        body = {"text": TEXT, "voice": voice, "format": "wav"}
        return self._when_done(self.http.post("/myna/v1/speech", json=body), "/myna/v1/jobs/{id}", "succeeded")

    def magichour(self, voice):
        body = {"style": {"prompt": TEXT, "voice_name": voice}}
        answer = self.http.post("/v1/ai-voice-generator", json=body)
        return self._when_done(answer, "/v1/audio-projects/{id}", "complete")

    def stablecog(self, voice, **fields):
        body = {"prompt": TEXT, "speaker_id": voice, "denoise_audio": False, "temperature": 0, **fields}
        return self.http.post(CREATE, json=body)

    def _when_done(self, answer, address, status):
        if answer.status_code >= 400:
            return answer
        address = address.format(id=answer.json()["id"])
        deadline = time.monotonic() + 60
        while (found := self.http.get(address)).json()["status"] != status:
            assert time.monotonic() < deadline, found.text
            time.sleep(0.05)
        return found


def sound_of(client, answer) -> bytes:
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("audio/"):
        return answer.content
    body = answer.json()
    return client.http.get((body.get("downloads") or body.get("outputs"))[0]["url"]).content


@pytest.fixture(scope="module")
def owner(server, high_voice):
    client = Client(server)
    client.voice = client.new_voice(high_voice, "My Own Voice")
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def stranger(server):
    client = Client(server)
    yield client
    client.http.close()


@pytest.mark.parametrize("by", ["id", "record_id", "name"])
@pytest.mark.parametrize("api", ["openai", "native", "magichour"])
def test_by_id_record_id_and_name(owner, high_voice, api, by):
    sound = sound_of(owner, getattr(owner, api)(owner.voice[by]))
    assert median_pitch(sound) == pytest.approx(median_pitch(high_voice), rel=0.08)


@pytest.mark.parametrize("write", [str, str.upper, lambda text: text.replace("-", ""), "urn:uuid:{}".format])
def test_stablecog_takes_the_record_id_in_any_form_of_a_uuid(owner, write):
    answer = owner.stablecog(write(owner.voice["record_id"]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["settings"]["speaker_id"] == owner.voice["record_id"]
    assert answer.json()["settings"]["model_id"] == BARK


def test_stablecog_takes_it_with_every_model_that_there_is(owner, high_voice):
    models = [model["id"] for model in owner.http.get("/v1/audio/voiceover/models").json()["models"]]
    for model in models:
        answer = owner.stablecog(owner.voice["record_id"], model_id=model)
        assert median_pitch(sound_of(owner, answer)) == pytest.approx(median_pitch(high_voice), rel=0.08)
    answer = owner.stablecog(owner.voice["record_id"], model_id=STRANGER)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_model_id"})


def test_stablecog_lists_what_it_said_through_any_api(server, high_voice):
    client = Client(server)
    voice = client.new_voice(high_voice, "Listed")
    client.stablecog(voice["record_id"])
    client.magichour(voice["name"])
    speaker = {"id": voice["record_id"], "name": "Listed", "locale": "en"}
    listed = client.http.get(OUTPUTS).json()["outputs"]
    assert [output["voiceover"]["speaker"] for output in listed] == [speaker, speaker]
    client.http.delete(f"/v1/audio/voices/{voice['id']}")
    gone = [output["voiceover"]["speaker"] for output in client.http.get(OUTPUTS).json()["outputs"]]
    assert gone[1] == {"id": voice["record_id"], "name": voice["id"], "locale": ""}
    assert client.stablecog(voice["record_id"]).json() == {"error": "invalid_speaker_id"}


def test_it_costs_what_other_voices_cost(server, high_voice):
    own, stock = Client(server), Client(server)
    voice = own.new_voice(high_voice, "Mine")
    for api, ours, theirs in (
        ("openai", voice["id"], "alloy"),
        ("native", voice["id"], "fake:en-US.1"),
        ("magichour", voice["name"], "Joe Rogan"),
        ("stablecog", voice["record_id"], None),
    ):
        for client, name in ((own, ours), (stock, theirs)):
            answer = getattr(client, api)(name)
            assert answer.status_code == 200, answer.text
        assert server.balance(own.key) == server.balance(stock.key) < 100_000


@pytest.mark.parametrize(
    ("api", "by"),
    [*product(("openai", "native", "magichour"), ("id", "record_id", "name")), ("stablecog", "record_id")],
)
def test_for_others_it_is_as_unknown_as_any_other_name(owner, stranger, api, by):
    wanted = owner.voice[by]
    unknown = STRANGER if by == "record_id" else "voice_none"
    theirs, nobodys = getattr(stranger, api)(wanted), getattr(stranger, api)(unknown)
    assert theirs.status_code == nobodys.status_code
    assert theirs.status_code in (400, 404)
    assert theirs.text.replace(wanted, unknown).replace(_request_id(theirs), _request_id(nobodys)) == nobodys.text
    assert stranger.server.balance(stranger.key) == 100_000


def _request_id(answer) -> str:
    return answer.headers["x-request-id"]

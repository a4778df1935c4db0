"""Nobody learns anything of somebody else's voice: on every route that takes one, its names answer as unknown names do.

Compared are the status, all headers and the body.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.fixtures.server import ServerProcess

UNKNOWN = {
    "id": "voice_000000000000000000000000",
    "record_id": "00000000-0000-4000-8000-000000000000",
    "name": "Nobody's own voice",
    "consent": "cons_000000000000000000000000",
}
NAME = "Somebody's voice"
TEXT = "Good morning, how are you today?"
CHANGING = {"date", "x-request-id"}
"""Headers that no two answers share."""


class Person:
    """A key, and what is asked with it."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.key = server.new_key()
        headers = {"Authorization": f"Bearer {self.key}", "x-api-key": self.key}
        self.http = httpx.Client(base_url=server.url, headers=headers, timeout=60)

    def post(self, path: str, fields: dict[str, str], **files: bytes) -> httpx.Response:
        parts = {name: (f"{name}.wav", data, "audio/wav") for name, data in files.items()}
        return self.http.post(path, data=fields, files=parts)


@dataclass
class Owner(Person):
    """Who has a voice and a consent."""

    server: ServerProcess
    recording: bytes
    names: dict[str, str] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.server)
        consent = self.post("/myna/v1/voice-consents", {"name": "Yes", "language": "en"}, file=self.recording)
        self.names["consent"] = consent.json()["id"]
        preview = self.post("/myna/v1/voices/preview", {"text": TEXT}, file=self.recording).content
        fields = {"name": NAME, "consent": "true"}
        voice = self.post("/myna/v1/voices", fields, file=self.recording, preview=preview).json()
        self.names |= {name: voice[name] for name in ("id", "record_id", "name")}
        self.links = [voice["reference_url"], voice["preview_url"]]


@pytest.fixture(scope="module")
def owner(server: ServerProcess, low_voice: bytes) -> Iterator[Owner]:
    made = Owner(server, low_voice)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def stranger(server: ServerProcess) -> Iterator[Person]:
    made = Person(server)
    yield made
    made.http.close()


Ask = Callable[[Person, str], httpx.Response]


def at(method: str, path: str, body: dict[str, Any] | None = None) -> Ask:
    """A request with the voice in its path, or where its body says `VOICE`."""

    def ask(person: Person, voice: str) -> httpx.Response:
        quoted = json.dumps(voice)[1:-1]
        content = None if body is None else json.dumps(body).replace("VOICE", quoted)
        return person.http.request(method, path.format(voice=voice), content=content)

    return ask


def cloning(path: str, field: str, **fields: str) -> Ask:
    """A form with a recording, and somebody's consent."""

    def ask(person: Person, consent: str) -> httpx.Response:
        return person.post(path, {**fields, "consent_id": consent, "consent": consent}, **{field: b"RIFF"})

    return ask


VOICES: dict[str, Ask] = {
    "native get": at("GET", "/myna/v1/voices/{voice}"),
    "native change": at("PATCH", "/myna/v1/voices/{voice}", {"name": "Mine"}),
    "native delete": at("DELETE", "/myna/v1/voices/{voice}"),
    "native sample": at("GET", "/myna/v1/voices/{voice}/sample"),
    "native export": at("GET", "/myna/v1/voices/{voice}/export"),
    "native speech": at("POST", "/myna/v1/speech", {"text": TEXT, "voice": "VOICE"}),
    "openai speech": at("POST", "/v1/audio/speech", {"model": "tts-1", "input": TEXT, "voice": "VOICE"}),
    "openai by id": at("POST", "/openai/v1/audio/speech", {"model": "m", "input": TEXT, "voice": {"id": "VOICE"}}),
    "openai delete": at("DELETE", "/v1/audio/voices/{voice}"),
    "magichour": at("POST", "/v1/ai-voice-generator", {"style": {"prompt": TEXT, "voice_name": "VOICE"}}),
    "stablecog": at("POST", "/v1/audio/voiceover/create", {"prompt": TEXT, "speaker_id": "VOICE"}),
    "munsit get": at("GET", "/api/v1/voices/{voice}"),
    "munsit change": at("PATCH", "/api/v1/voices/{voice}", {"name": "Mine"}),
    "munsit delete": at("DELETE", "/munsit/api/v1/voices/{voice}"),
    "munsit sample": at("GET", "/api/v1/voices/{voice}/sample"),
    "munsit speech": at(
        "POST",
        "/api/v1/text-to-speech/faseeh-v1-preview",
        {"voice_id": "VOICE", "text": TEXT, "stability": 1, "streaming": False},
    ),
    "munsit timestamps": at(
        "POST",
        "/api/v1/text-to-speech/faseeh-v1-preview/with-timestamps",
        {"voice_id": "VOICE", "text": TEXT, "stability": 1},
    ),
}
CONSENTS: dict[str, Ask] = {
    "native get": at("GET", "/myna/v1/voice-consents/{voice}"),
    "native delete": at("DELETE", "/myna/v1/voice-consents/{voice}"),
    "openai get": at("GET", "/v1/audio/voice_consents/{voice}"),
    "openai rename": at("POST", "/v1/audio/voice_consents/{voice}", {"name": "Mine"}),
    "openai delete": at("DELETE", "/v1/audio/voice_consents/{voice}"),
    "openai page": at("GET", "/v1/audio/voice_consents?after={voice}"),
    "openai clone": cloning("/v1/audio/voices", "audio_sample", name="Mine"),
    "munsit preview": cloning(
        "/api/v1/voices/preview", "file", text=TEXT, similarity="1", model_id="faseeh-v1-preview"
    ),
    "native preview": cloning("/myna/v1/voices/preview", "file", text=TEXT),
}


def shape(answer: httpx.Response, sent: str) -> tuple[int, dict[str, str], str]:
    """All that an answer tells, without what was sent and what no two answers share."""
    headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
    headers["content-length"] = str(int(headers.get("content-length", 0)) - answer.text.count(sent) * len(sent))
    body = answer.text.replace(sent, "…").replace(answer.headers["x-request-id"], "…")
    return answer.status_code, headers, body


@pytest.mark.parametrize("by", ["id", "record_id", "name"])
@pytest.mark.parametrize("route", VOICES)
def test_a_foreign_voice_is_an_unknown_one(owner: Owner, stranger: Person, route: str, by: str) -> None:
    foreign, unknown = (VOICES[route](stranger, names[by]) for names in (owner.names, UNKNOWN))
    assert shape(foreign, owner.names[by]) == shape(unknown, UNKNOWN[by])
    assert foreign.status_code in (400, 404)


@pytest.mark.parametrize("route", CONSENTS)
def test_a_foreign_consent_is_an_unknown_one(owner: Owner, stranger: Person, route: str) -> None:
    foreign, unknown = (CONSENTS[route](stranger, names["consent"]) for names in (owner.names, UNKNOWN))
    assert shape(foreign, owner.names["consent"]) == shape(unknown, UNKNOWN["consent"])
    assert foreign.status_code in (400, 404)


@pytest.mark.parametrize("by", ["id", "record_id", "name"])
@pytest.mark.parametrize("path", ["/api/v1/websocket/text-to-speech", "/munsit/api/v1/text-to-speech"])
def test_nor_can_it_be_told_over_a_socket(owner: Owner, stranger: Person, path: str, by: str) -> None:
    said = []
    for names in (owner.names, UNKNOWN):
        url = stranger.server.url.replace("http", "ws", 1) + path
        with connect(url, additional_headers={"x-api-key": stranger.key}) as socket:
            first = {"type": "initConnection", "voice_id": names[by], "voice_settings": {"stability": 1}}
            socket.send(json.dumps(first))
            said.append(str(socket.recv(timeout=60)).replace(names[by], "…"))
    assert said[0] == said[1]
    assert json.loads(said[0])["type"] == "error"


def test_a_list_and_a_file_tell_nothing(owner: Owner, stranger: Person) -> None:
    for path in ("/myna/v1/voices", "/v1/audio/voices", "/api/v1/voices", "/myna/v1/voice-consents"):
        told = stranger.http.get(path).text
        assert not [name for name in owner.names.values() if name in told], path
    for link in owner.links:
        assert httpx.get(link).status_code == 200
        head, token, name = link.rsplit("/", 2)
        raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        key = raw[22:].decode()
        assert key.startswith("voices/")
        other = base64.urlsafe_b64encode(bytes(raw[:22]) + key.replace(key.split("/")[1], str(uuid.uuid4())).encode())
        answers = [
            httpx.get(f"{head}/{token}/{name}")
            for token in (other.decode().rstrip("="), base64.urlsafe_b64encode(bytes(60)).decode(), "nonsense")
        ]
        assert len({shape(answer, token)[0] for answer in answers}) == 1
        assert {answer.status_code for answer in answers} == {404}


def test_a_stranger_has_changed_nothing(owner: Owner) -> None:
    voice = owner.http.get(f"/myna/v1/voices/{owner.names['id']}").json()
    assert voice["name"] == NAME
    assert owner.http.get(f"/myna/v1/voice-consents/{owner.names['consent']}").json()["name"] == "Yes"

"""OpenAI's custom voices and consents, from outside: every case of the published contract, and whose they are."""

from __future__ import annotations

import io
import uuid

import httpx
import pytest

from tests.contract.test_openai import Client as OpenAIClient
from tests.contract.test_openai import check_error
from tests.fixtures.recordings import median_pitch

CONSENTS, VOICES = "/v1/audio/voice_consents", "/v1/audio/voices"
TYPES = (
    *("audio/mpeg", "audio/wav", "audio/x-wav", "audio/ogg", "audio/aac", "audio/flac", "audio/webm", "audio/mp4"),
    "audio/webm;codecs=opus",
    "AUDIO/WAV",
)
REFUSED = "invalid_request_error"


class Client(OpenAIClient):
    """With consents and voices. What is `...` is not sent."""

    def consent(self, sound=b"x", headers=None, media_type="audio/wav", **fields) -> httpx.Response:
        data = {"name": "Ada agrees", "language": "en-US", **fields}
        return self._send(CONSENTS, data, {"recording": sound}, media_type, headers)

    def voice(self, sound=b"x", headers=None, media_type="audio/wav", **fields) -> httpx.Response:
        data = {"name": "Ada", "consent": "cons_none", **fields}
        return self._send(VOICES, data, {"audio_sample": sound}, media_type, headers)

    def _send(self, path, data, files, media_type, headers) -> httpx.Response:
        parts = {
            name: ("sound.wav", io.BytesIO(sound), media_type) for name, sound in files.items() if sound is not ...
        }
        fields = {name: (None, value) for name, value in data.items() if value is not ...}
        return self.http.post(path, files={**fields, **parts}, headers=headers, timeout=120)


@pytest.fixture
def client(server):
    found = Client(server)
    yield found
    found.http.close()


@pytest.fixture(scope="module")
def owner(server, low_voice):
    """An account with a consent and a voice; others look at them, nobody changes them."""
    found = Client(server)
    found.consent_id = found.consent(low_voice).json()["id"]
    answer = found.voice(low_voice, consent=found.consent_id)
    assert answer.status_code == 200, answer.text
    found.made = answer.json()
    yield found
    found.http.close()


class TestConsents:
    def test_a_consent_is_kept_listed_renamed_and_deleted(self, client, low_voice):
        created = client.consent(low_voice).json()
        assert list(created) == ["object", "id", "name", "language", "created_at"]
        assert created["object"] == "audio.voice_consent"
        assert created["id"].startswith("cons_")
        assert (created["name"], created["language"]) == ("Ada agrees", "en-US")
        assert isinstance(created["created_at"], int)
        address = f"{CONSENTS}/{created['id']}"
        assert client.http.get(address).json() == created
        assert client.http.get(CONSENTS).json() == {
            "object": "list",
            "data": [created],
            "first_id": created["id"],
            "last_id": created["id"],
            "has_more": False,
        }
        renamed = client.http.post(address, json={"name": "Grace agrees"}).json()
        assert renamed == {**created, "name": "Grace agrees"}
        assert client.http.delete(address).json() == {
            "object": "audio.voice_consent",
            "id": created["id"],
            "deleted": True,
        }
        for method in ("GET", "DELETE"):
            check_error(client.http.request(method, address), 404, REFUSED)
        check_error(client.http.post(address, json={"name": "x"}), 404, REFUSED)
        assert client.http.get(CONSENTS).json()["data"] == []

    def test_nothing_of_the_upload_is_kept_but_its_sound(self, client, low_voice):
        sent = low_voice + b"LIST and a secret in the metadata"
        created = client.consent(sent).json()
        account = client.server.account_of(client.key)
        stored = client.server.data_dir / "files" / "consents" / account / f"{created['id']}.flac"
        content = stored.read_bytes()
        assert content.startswith(b"fLaC")
        assert b"secret" not in content
        client.http.delete(f"{CONSENTS}/{created['id']}")
        assert not stored.exists()

    def test_paging_from_the_newest(self, client, low_voice):
        ids = [client.consent(low_voice, name=f"consent {number}").json()["id"] for number in range(3)][::-1]
        first = client.http.get(CONSENTS, params={"limit": 2}).json()
        assert [consent["id"] for consent in first["data"]] == ids[:2]
        assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[0], ids[1], True)
        rest = client.http.get(CONSENTS, params={"limit": 2, "after": first["last_id"]}).json()
        assert [consent["id"] for consent in rest["data"]] == ids[2:]
        assert rest["has_more"] is False
        end = client.http.get(CONSENTS, params={"after": ids[2]}).json()
        assert end == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "99999999999", "", "١"])
    def test_limits_beyond_the_contract(self, client, limit):
        check_error(client.http.get(CONSENTS, params={"limit": limit}), 400, REFUSED, "limit")

    def test_an_unknown_place_to_go_on_after(self, client):
        check_error(client.http.get(CONSENTS, params={"after": "cons_none"}), 400, REFUSED, "after")

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"name": ...}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "two\nlines"}, "name"),
            ({"name": "  "}, "name"),
            ({"language": ...}, "language"),
            ({"language": "English, please"}, "language"),
            ({"language": "en_US"}, "language"),
            ({"sound": ...}, "recording"),
            ({"sound": b""}, "recording"),
            ({"sound": b"this is no sound"}, "recording"),
            ({"media_type": "video/mp4"}, "recording"),
            ({"media_type": "text/plain"}, "recording"),
            ({"media_type": ""}, "recording"),
        ],
    )
    def test_refused(self, client, fields, param):
        check_error(client.consent(**fields), 400, REFUSED, param)

    @pytest.mark.parametrize("media_type", TYPES)
    def test_what_is_claimed_is_checked_first_and_then_the_content(self, client, media_type):
        error = check_error(client.consent(b"no sound", media_type=media_type), 400, REFUSED, "recording")
        assert error["code"] == "unsupported_media"

    def test_silence_is_no_consent(self, client, low_voice):
        silence = low_voice[:44] + bytes(len(low_voice) - 44)
        error = check_error(client.consent(silence), 400, REFUSED, "recording")
        assert error["code"] == "reference_refused"

    @pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 12_000_000])
    def test_ten_mebibytes_and_no_more(self, client, size):
        check_error(client.consent(bytes(size)), 413, REFUSED)

    def test_other_bodies(self, client):
        check_error(client.http.post(CONSENTS, json={"name": "x"}), 400, REFUSED)
        check_error(client.http.post(CONSENTS, content=b""), 400, REFUSED)
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        for body in (b"", b"--x\r\nbroken", b"--x\r\n\r\n\r\n--x--"):
            answer = client.http.post(CONSENTS, content=body, headers=broken)
            check_error(answer, 400, REFUSED, answer.json()["error"]["param"])
        text = {"name": "x", "language": "en", "recording": "not a file"}
        answer = client.http.post(CONSENTS, files={name: (None, value) for name, value in text.items()})
        check_error(answer, 400, REFUSED, "recording")

    @pytest.mark.parametrize(
        ("body", "param"),
        [(b"", None), (b"{", None), (b"{}", "name"), (b'{"name":""}', "name"), (b'{"name":1}', "name")],
    )
    def test_renaming_needs_a_name(self, owner, body, param):
        check_error(owner.http.post(f"{CONSENTS}/{owner.consent_id}", content=body), 400, REFUSED, param)


class TestVoices:
    def test_the_voice_as_it_was_made(self, owner):
        assert list(owner.made) == ["object", "id", "name", "created_at", "type"]
        assert owner.made["object"] == "audio.voice"
        assert owner.made["id"].startswith("voice_")
        assert (owner.made["name"], owner.made["type"]) == ("Ada", "audio_sample")

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_it_speaks_as_a_string_and_as_an_object(self, owner, low_voice, by):
        voice = owner.made[by]
        text = "This is what I sound like when somebody else writes the words."
        sounds = [
            owner.speak(voice=wanted, input=text, response_format="wav").content for wanted in (voice, {"id": voice})
        ]
        assert sounds[0] == sounds[1]
        assert median_pitch(sounds[0]) == pytest.approx(median_pitch(low_voice), rel=0.08)

    def test_it_is_listed(self, owner):
        listed = {voice["id"]: voice for voice in owner.http.get(VOICES).json()["voices"]}
        assert listed[owner.made["id"]]["name"] == "Ada"

    def test_it_costs_nothing_to_make(self, client, low_voice):
        consent = client.consent(low_voice).json()["id"]
        assert client.voice(low_voice, consent=consent).status_code == 200
        assert client.spent == 0

    def test_deleted_twice_and_its_consent_stays(self, client, low_voice):
        consent = client.consent(low_voice).json()["id"]
        voice = client.voice(low_voice, consent=consent, type="audio_sample").json()["id"]
        address = f"{VOICES}/{voice}"
        assert client.http.delete(address).json() == {"object": "audio.voice.deleted", "id": voice, "deleted": True}
        check_error(client.http.delete(address), 404, REFUSED)
        check_error(client.speak(voice={"id": voice}), 400, REFUSED, "voice")
        assert client.http.get(f"{CONSENTS}/{consent}").status_code == 200
        account = client.server.account_of(client.key)
        folder = client.server.data_dir / "files" / "voices" / account
        assert [path for path in folder.rglob("*") if path.is_file()] == []

    def test_stock_voices_cannot_be_deleted(self, client):
        for voice in ("alloy", "fake:en-US.1", "voice_none"):
            check_error(client.http.delete(f"{VOICES}/{voice}"), 404, REFUSED)

    @pytest.mark.parametrize(
        ("fields", "param", "code"),
        [
            ({"name": ...}, "name", "missing_required_parameter"),
            ({"name": "x" * 101}, "name", "string_above_max_length"),
            ({"consent": ...}, "consent", "missing_required_parameter"),
            ({"consent": "cons_none"}, "consent", "consent_not_found"),
            ({"sound": ...}, "audio_sample", "missing_required_parameter"),
            ({"media_type": "application/octet-stream"}, "audio_sample", "invalid_value"),
            ({"type": "prompt", "prompt": "An old captain", "sound": ...}, "type", "invalid_value"),
            ({"type": "other"}, "type", "invalid_value"),
        ],
    )
    def test_refused(self, client, fields, param, code):
        assert check_error(client.voice(**fields), 400, REFUSED, param)["code"] == code

    @pytest.mark.parametrize(
        ("sound", "code"), [(b"this is no sound", "unsupported_media"), (None, "reference_refused")]
    )
    def test_samples_that_no_voice_is_made_from(self, owner, low_voice, sound, code):
        answer = owner.voice(low_voice[:40_000] if sound is None else sound, consent=owner.consent_id)
        error = check_error(answer, 400, REFUSED, "audio_sample")
        assert error["code"] == code
        assert "Send" in error["message"]

    def test_in_json(self, client):
        description = {"type": "prompt", "name": "Captain", "prompt": "An old captain"}
        error = check_error(client.http.post(VOICES, json=description), 400, REFUSED, "type")
        assert "description are not offered" in error["message"]
        for body in (b"{", b"[]", b'{"name":"Ada"}', b"[" * 100_000):
            answer = client.http.post(VOICES, content=body, headers={"Content-Type": "application/json"})
            assert "multipart/form-data" in check_error(answer, 400, REFUSED)["message"]

    def test_as_many_as_allowed(self, small_server, low_voice):
        client = Client(small_server)
        consent = client.consent(low_voice).json()["id"]
        assert client.voice(low_voice, consent=consent).status_code == 200
        answer = client.voice(low_voice, consent=consent)
        assert check_error(answer, 409, REFUSED)["code"] == "too_many_voices"
        assert answer.headers["x-should-retry"] == "false"
        assert check_error(client.consent(low_voice), 409, REFUSED)["code"] == "conflict"


@pytest.fixture(scope="module")
def small_server(make_module_server):
    return make_module_server(MYNA_MAX_VOICES="1", MYNA_CONSENT="recording")


class TestWhoseTheyAre:
    def test_others_cannot_tell_that_they_exist(self, owner, client, low_voice):
        voice, consent = owner.made["id"], owner.consent_id
        for theirs, unknown in (
            (client.http.get(f"{CONSENTS}/{consent}"), client.http.get(f"{CONSENTS}/cons_none")),
            (client.http.delete(f"{CONSENTS}/{consent}"), client.http.delete(f"{CONSENTS}/cons_none")),
            (
                client.http.post(f"{CONSENTS}/{consent}", json={"name": "x"}),
                client.http.post(f"{CONSENTS}/cons_none", json={"name": "x"}),
            ),
            (client.http.delete(f"{VOICES}/{voice}"), client.http.delete(f"{VOICES}/voice_none")),
            (client.voice(low_voice, consent=consent), client.voice(low_voice, consent="cons_none")),
            (client.speak(voice=voice), client.speak(voice="voice_none")),
            (client.speak(voice={"id": "Ada"}), client.speak(voice={"id": "voice_none"})),
            (
                client.http.get(CONSENTS, params={"after": consent}),
                client.http.get(CONSENTS, params={"after": "cons_none"}),
            ),
        ):
            assert theirs.status_code == unknown.status_code >= 400
            named = theirs.text.replace(voice, "voice_none").replace(consent, "cons_none").replace("Ada", "voice_none")
            assert named == unknown.text
        assert client.http.get(CONSENTS).json()["data"] == []
        assert voice not in {found["id"] for found in client.http.get(VOICES).json()["voices"]}
        assert owner.speak(voice=voice).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    @pytest.mark.parametrize("path", [CONSENTS, f"{CONSENTS}/cons_x", VOICES, f"{VOICES}/voice_x"])
    def test_the_key_comes_first(self, server, method, path):
        answer = httpx.request(method, server.url + path, headers={"Authorization": "Bearer wrong"}, content=b"{broken")
        assert answer.status_code in (401, 405)
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


class TestIdempotency:
    def test_one_key_is_one_consent_and_one_voice(self, client, low_voice):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        consents = [client.consent(low_voice, headers=key) for _ in range(2)]
        assert consents[0].json() == consents[1].json()
        consent = consents[0].json()["id"]
        assert len(client.http.get(CONSENTS).json()["data"]) == 1
        voices = [client.voice(low_voice, headers=key, consent=consent) for _ in range(3)]
        assert len({answer.content for answer in voices}) == 1
        assert voices[2].headers["idempotent-replayed"] == "true"
        own = [found for found in client.http.get(VOICES).json()["voices"] if found["id"].startswith("voice_")]
        assert len(own) == 1

    def test_a_refused_request_may_be_corrected(self, client, low_voice):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        assert client.consent(b"no sound", headers=key).status_code == 400
        assert client.consent(low_voice, headers=key).status_code == 200

"""Cloned voices through Myna's own API, from outside: look, listen, keep, use, take elsewhere, delete."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from myna.media.decode import decode
from tests.fixtures.recordings import median_pitch, wav
from tests.fixtures.server import ServerFactory, ServerProcess

TEXT = "Hello, this is a preview."
STOCK = "fake:en-US.1"
UNKNOWN = "voice_000000000000000000000000"
PER_CHARACTER = 0.015
KINDS = ("voices", "consents", "samples", "previews")
"""Folders of the storage."""
ABOUT = {
    "name": "Nora",
    "description": "Calm",
    "gender": "female",
    "age": "middle",
    "languages": "en, ar",
    "dialects": "najdi",
    "avatar_url": "https://example.com/nora.png",
    "stability": "0.25",
}


class Client:
    """An account of a server."""

    def __init__(self, server: ServerProcess, credits: float = 100) -> None:
        self.server = server
        self.key = server.new_key(credits=credits)
        headers = {"Authorization": f"Bearer {self.key}"}
        self.http = httpx.Client(base_url=f"{server.url}/myna/v1", headers=headers, timeout=120)

    def get(self, path: str, **parameters):
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, path: str, file: bytes | None, headers=None, files=None, **fields) -> httpx.Response:
        parts = {} if file is None else {"file": ("recording.wav", file, "audio/wav")}
        return self.http.post(path, data=fields, files={**parts, **(files or {})} or None, headers=headers)

    def keep(self, recording: bytes, headers=None, **fields) -> dict:
        answer = self.send("/voices", recording, headers, **{"name": "Nora", "consent": "true", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def own(self) -> list[dict]:
        return [voice for voice in self.get("/voices")["data"] if voice["kind"] == "cloned"]

    def kept_files(self) -> list[str]:
        """Names of all files in the storage that belong to voices or consents of the account."""
        account = self.server.account_of(self.key)
        folders = [self.server.data_dir / "files" / kind / account for kind in KINDS]
        return sorted(path.name for folder in folders for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def client(server: ServerProcess):
    made = Client(server)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def owner(server: ServerProcess):
    """An account whose recordings were examined before; its voices come and go."""
    made = Client(server, credits=1_000)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def nora(owner: Client, low_voice: bytes) -> dict:
    """A voice that no test changes."""
    return owner.keep(low_voice, **ABOUT)


def check_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    if field:
        assert body["errors"][0]["pointer"] == f"#/{field}"
    return body


def silence(seconds: float) -> bytes:
    import numpy as np

    return wav(np.zeros(round(seconds * 16_000), np.float32), 16_000)


class TestReport:
    def test_what_is_in_a_recording(self, owner, low_voice):
        report = owner.send("/voices/report", low_voice, language="en").json()
        samples, rate = decode(low_voice)
        assert report["duration"] == pytest.approx(len(samples) / rate, abs=0.1)
        assert 5 < report["speech_seconds"] <= report["duration"]
        begin, end = report["suggested_trim"]
        assert 0 <= begin < end <= report["duration"] + 0.1
        assert report["snr_db"] > 20
        assert report["refusals"] == []
        assert not report["second_speaker"]

    def test_a_poor_one_is_described_and_not_refused(self, client):
        report = client.send("/voices/report", silence(8)).json()
        (refusal,) = report["refusals"]
        assert refusal["code"] == "no_speech"
        assert refusal["message"]
        assert refusal["remedy"]

    def test_it_is_free_and_nothing_is_kept(self, client, low_voice):
        assert client.send("/voices/report", low_voice).status_code == 200
        assert client.get("/credits")["balance"] == 100
        assert (client.own(), client.kept_files(), client.get("/jobs")["data"]) == ([], [], [])

    def test_what_is_no_sound(self, client):
        for junk in (b"not a sound", b"<html>", b"#EXTM3U\nhttp://127.0.0.1/a.wav", bytes(2_000)):
            check_problem(client.send("/voices/report", junk), 422, "unsupported_media")
        check_problem(client.send("/voices/report", b""), 400, "invalid_request", "file")
        check_problem(client.send("/voices/report", None, language="en"), 400, "invalid_request", "file")

    def test_too_large(self, client):
        most = client.get("/limits")["max_reference_bytes"]
        answer = client.send("/voices/report", bytes(most + 1))
        assert str(most) in check_problem(answer, 413, "body_too_large")["detail"]


class TestPreview:
    def test_it_is_heard_and_charged_like_speech(self, client, low_voice):
        answer = client.send("/voices/preview", low_voice, text=TEXT)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
        samples, rate = decode(answer.content)
        assert len(samples) > 0.5 * rate
        assert client.get("/credits")["balance"] == pytest.approx(100 - len(TEXT) * PER_CHARACTER)
        assert (client.own(), client.kept_files()) == ([], [])

    def test_it_sounds_like_its_reference(self, owner, low_voice, high_voice):
        low, high = (
            median_pitch(owner.send("/voices/preview", voice, text=TEXT, similarity="1").content)
            for voice in (low_voice, high_voice)
        )
        assert high > 1.3 * low

    @pytest.mark.parametrize(("name", "media_type"), [("mp3", "audio/mpeg"), ("pcm", "audio/pcm")])
    def test_formats(self, owner, low_voice, name, media_type):
        answer = owner.send("/voices/preview", low_voice, text=TEXT, format=name)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert len(answer.content) > 2_000

    def test_speed(self, owner, low_voice):
        slow, fast = (
            len(owner.send("/voices/preview", low_voice, text=TEXT, speed=speed).content) for speed in ("0.5", "2")
        )
        assert slow > 2 * fast

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({}, "text"),
            ({"text": ""}, "text"),
            ({"text": "x" * 1_001}, "text"),
            ({"text": "\u200b"}, "text"),
            ({"text": TEXT, "similarity": "1.01"}, "similarity"),
            ({"text": TEXT, "similarity": "NaN"}, "similarity"),
            ({"text": TEXT, "stability": "-0.1"}, "stability"),
            ({"text": TEXT, "speed": "0"}, "speed"),
            ({"text": TEXT, "speed": "inf"}, "speed"),
            ({"text": TEXT, "format": "ogg"}, "format"),
            ({"text": TEXT, "language": "not a language"}, "language"),
            ({"text": TEXT, "text_language": "xx"}, "language"),
            ({"text": TEXT, "voice": STOCK}, "voice"),
        ],
    )
    def test_refused_and_free_of_charge(self, owner, low_voice, fields, field):
        before = owner.get("/credits")["balance"]
        check = owner.send("/voices/preview", low_voice, **fields)
        assert check.status_code == 400, check.text
        assert check.json()["errors"][0]["pointer"] == f"#/{field}"
        assert owner.get("/credits")["balance"] == before

    def test_an_engine_that_is_not_there(self, owner, low_voice):
        answer = owner.send("/voices/preview", low_voice, text=TEXT, engine="kazoo")
        problem = check_problem(answer, 404, "engine_not_found")
        assert problem["errors"][0]["pointer"] == "#/engine"
        assert "retry-after" not in answer.headers, "it stays away"

    def test_a_refused_recording_comes_with_its_report(self, client):
        answer = client.send("/voices/preview", silence(8), text=TEXT)
        problem = check_problem(answer, 400, "reference_refused")
        assert problem["report"]["refusals"][0]["code"] == "no_speech"
        assert client.get("/credits")["balance"] == 100

    def test_no_credits(self, server, low_voice):
        poor = Client(server, credits=0.01)
        check_problem(poor.send("/voices/preview", low_voice, text=TEXT), 402, "insufficient_credits")


class TestCreate:
    def test_all_that_is_known_of_it(self, owner, nora):
        assert nora["id"].startswith("voice_")
        assert len(nora["id"]) == 30
        assert uuid.UUID(nora["record_id"])
        for field in ("name", "description", "gender", "age", "avatar_url"):
            assert nora[field] == ABOUT[field]
        assert (nora["languages"], nora["dialects"]) == (["en", "ar"], ["najdi"])
        assert (nora["stability"], nora["similarity"]) == (0.25, 1)
        assert (nora["kind"], nora["engine"], nora["quality"], nora["api"]) == ("cloned", "fake", "matched", "native")
        assert nora["report"]["refusals"] == []
        consent = nora["consent"]
        assert (consent["consent_id"], consent["affirmed_by"]) == (None, owner.get("/keys")["data"][0]["id"])
        assert consent["affirmed_at"]
        assert (nora["preview_url"], nora["preview_verified"]) == (None, False)
        samples, rate = decode(httpx.get(nora["reference_url"]).content)
        assert len(samples) > 5 * rate

    def test_it_is_found_by_id_record_id_and_in_the_list(self, owner, nora):
        listed = next(voice for voice in owner.own() if voice["id"] == nora["id"])
        for found in (owner.get(f"/voices/{nora['id']}"), owner.get(f"/voices/{nora['record_id']}"), listed):
            assert without_links(found) == without_links(nora)
        assert nora["id"] in [voice["id"] for voice in owner.get("/voices", language="ar", engine="fake")["data"]]

    def test_stock_voices_are_shown_as_before(self, owner, nora):
        keys = {"id", "name", "engine", "languages", "gender", "description", "kind"}
        assert set(owner.get(f"/voices/{STOCK}")) == keys
        assert set(next(voice for voice in owner.get("/voices")["data"] if voice["kind"] == "stock")) == keys

    @pytest.mark.parametrize("by", ["id", "record_id", "name"])
    def test_it_speaks(self, owner, nora, by):
        job = owner.http.post("/speech", json={"text": TEXT, "voice": nora[by].upper() if by == "name" else nora[by]})
        assert job.status_code == 202, job.text

    def test_it_sounds_like_its_reference_in_a_job(self, owner, nora, low_voice):
        answer = owner.http.post("/speech", json={"text": TEXT, "voice": nora["id"], "format": "wav"})
        job = answer.json()
        while job["status"] not in ("succeeded", "failed"):
            job = owner.get(f"/jobs/{job['id']}")
        assert job["status"] == "succeeded", job
        sound = httpx.get(job["outputs"][0]["url"]).content
        assert median_pitch(sound) == pytest.approx(median_pitch(low_voice), rel=0.1)

    @pytest.mark.parametrize("text", [TEXT, f"{TEXT} And this is its second sentence. {TEXT}"])
    def test_with_its_preview(self, owner, low_voice, text):
        preview = owner.send("/voices/preview", low_voice, text=text, similarity="0.5").content
        made = owner.keep(low_voice, files={"preview": ("preview.wav", preview, "audio/wav")})
        assert made["preview_verified"] is True
        assert made["similarity"] == 0.5, "as it was heard"
        assert decode(httpx.get(made["preview_url"]).content)[0].tolist() == decode(preview)[0].tolist()

    def test_a_preview_of_something_else_is_kept_and_not_believed(self, owner, low_voice, high_voice):
        made = owner.keep(low_voice, files={"preview": ("preview.wav", high_voice, "audio/wav")})
        assert made["preview_verified"] is False
        assert made["preview_url"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": None}, "name"),
            ({"name": " "}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"consent": None}, "consent"),
            ({"consent": "false"}, "consent"),
            ({"consent": "perhaps"}, "consent"),
            ({"gender": "robot"}, "gender"),
            ({"languages": "not a language"}, "languages"),
            ({"dialects": "a b"}, "dialects"),
            ({"avatar_url": "http://example.com/a.png"}, "avatar_url"),
            ({"avatar_url": "javascript:alert(1)"}, "avatar_url"),
            ({"stability": "1.5"}, "stability"),
            ({"similarity": "abc"}, "similarity"),
            ({"description": "x" * 501}, "description"),
            ({"transcript": "x" * 5_001}, "transcript"),
            ({"consent_id": "cons_nothing"}, "consent_id"),
            ({"volume": "11"}, "volume"),
        ],
    )
    def test_refused_and_nothing_is_left(self, owner, nora, low_voice, fields, field):
        voices, files = owner.own(), owner.kept_files()
        sent = {"name": "Nora", "consent": "true", **fields}
        answer = owner.send("/voices", low_voice, **{name: value for name, value in sent.items() if value is not None})
        check_problem(answer, 400, "invalid_request", field)
        assert [voice["id"] for voice in owner.own()] == [voice["id"] for voice in voices]
        assert owner.kept_files() == files

    def test_recordings_that_are_none(self, client):
        for file, status, code in (
            (b"junk", 422, "unsupported_media"),
            (silence(8), 400, "reference_refused"),
            (b"", 400, "invalid_request"),
            (None, 400, "invalid_request"),
        ):
            check_problem(client.send("/voices", file, name="Nora", consent="true"), status, code)
        assert (client.own(), client.kept_files()) == ([], [])

    def test_a_json_body_is_refused_in_words(self, client):
        check_problem(client.http.post("/voices", json={"name": "Nora"}), 400, "invalid_request", "file")

    def test_a_preview_that_is_no_sound(self, owner, low_voice):
        before = owner.kept_files()
        answer = owner.send(
            "/voices", low_voice, name="N", consent="true", files={"preview": ("a.wav", b"junk", "audio/wav")}
        )
        check_problem(answer, 422, "unsupported_media")
        assert owner.kept_files() == before

    def test_one_voice_for_a_repeated_request(self, owner, low_voice):
        before = len(owner.own())
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        first = owner.send("/voices", low_voice, headers, name="Once", consent="true")
        again = owner.send("/voices", low_voice, headers, name="Once", consent="true")
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == f"/myna/v1/voices/{first.json()['id']}"
        assert len(owner.own()) == before + 1
        other = owner.send("/voices", low_voice, headers, name="Twice", consent="true")
        check_problem(other, 422, "idempotency_mismatch")

    def test_one_voice_for_parallel_requests(self, owner, low_voice):
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        before = len(owner.own())

        def ask(_: int) -> httpx.Response:
            return owner.send("/voices", low_voice, headers, name="Parallel", consent="true")

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(ask, range(6)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert len(owner.own()) == before + 1


def without_links(voice: dict) -> dict:
    return {name: value for name, value in voice.items() if not name.endswith(("_url", "expire_at"))}


class TestChange:
    @pytest.fixture
    def voice(self, owner, low_voice):
        return owner.keep(low_voice, **ABOUT)

    def test_some_fields(self, owner, voice):
        change = {"name": "Nadia", "stability": 1, "languages": ["fr"], "description": None}
        answer = owner.http.patch(f"/voices/{voice['id']}", json=change)
        assert answer.status_code == 200, answer.text
        changed = answer.json()
        assert {name: changed[name] for name in change} == change
        assert changed["updated_at"] > voice["updated_at"]
        untouched = ("gender", "age", "dialects", "avatar_url", "similarity", "report", "consent", "reference_hash")
        assert [changed[name] for name in untouched] == [voice[name] for name in untouched]
        assert without_links(owner.get(f"/voices/{voice['id']}")) == without_links(changed)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"name": None},
            {"name": ""},
            {"stability": 2},
            {"stability": "0.5"},
            {"languages": None},
            {"languages": "en"},
            {"avatar_url": "ftp://example.com"},
            {"gender": "robot"},
            {"engine": "fake"},
        ],
    )
    def test_refused(self, owner, nora, body):
        answer = owner.http.patch(f"/voices/{nora['id']}", json=body)
        check_problem(answer, 400, "invalid_request")
        assert without_links(owner.get(f"/voices/{nora['id']}")) == without_links(nora)

    def test_stock_voices_do_not_change(self, owner):
        check_problem(owner.http.patch(f"/voices/{STOCK}", json={"name": "Mine"}), 404, "voice_not_found")
        check_problem(owner.http.delete(f"/voices/{STOCK}"), 404, "voice_not_found")


class TestSampleAndDelete:
    def test_a_sample_is_spoken_once_and_anew_after_a_change(self, owner, low_voice):
        voice = owner.keep(low_voice)
        balance = owner.get("/credits")["balance"]
        first = owner.http.get(f"/voices/{voice['id']}/sample")
        assert (first.status_code, first.headers["content-type"]) == (200, "audio/mpeg")
        assert first.headers["cache-control"] == "private, no-cache"
        assert owner.http.get(f"/voices/{voice['id']}/sample").content == first.content
        owner.http.patch(f"/voices/{voice['id']}", json={"similarity": 0})
        changed = owner.http.get(f"/voices/{voice['id']}/sample")
        assert (changed.status_code, changed.content != first.content) == (200, True)
        assert owner.get("/credits")["balance"] == balance

    def test_deleting_removes_everything_and_says_so(self, client, low_voice):
        once = {"Idempotency-Key": "a preview"}
        preview = client.send("/voices/preview", low_voice, once, text=TEXT).content
        assert client.send("/voices/preview", low_voice, once, text=TEXT).content == preview
        (answer_kept,) = client.kept_files()
        voice = client.keep(low_voice, files={"preview": ("preview.wav", preview, "audio/wav")})
        client.http.get(f"/voices/{voice['id']}/sample")
        made = ["prepared.json", "preview.wav", "reference.flac", "sample.mp3"]
        assert client.kept_files() == sorted([answer_kept, *made])
        answer = client.http.delete(f"/voices/{voice['id']}")
        assert answer.status_code == 200
        assert answer.json() == {
            "id": voice["id"],
            "deleted": True,
            "removed": ["prepared", "preview", "reference", "sample"],
        }
        assert (client.own(), client.kept_files()) == ([], [])
        for url in (voice["reference_url"], voice["preview_url"]):
            assert httpx.get(url).status_code == 404
        for gone in (
            client.http.delete(f"/voices/{voice['id']}"),
            client.http.get(f"/voices/{voice['id']}"),
            client.http.get(f"/voices/{voice['record_id']}"),
            client.http.get(f"/voices/{voice['id']}/sample"),
            client.http.get(f"/voices/{voice['id']}/export"),
            client.http.post("/speech", json={"text": TEXT, "voice": voice["id"]}),
        ):
            check_problem(gone, 404, "voice_not_found")


class TestPortable:
    def test_to_another_account_and_back(self, owner, client, low_voice):
        preview = owner.send("/voices/preview", low_voice, text=TEXT).content
        heard = {"preview": ("preview.wav", preview, "audio/wav")}
        voice = owner.keep(low_voice, **ABOUT, similarity="0.75", language="de", files=heard)
        file = owner.http.get(f"/voices/{voice['id']}/export")
        assert (file.status_code, file.headers["content-type"]) == (200, "application/zip")
        assert file.headers["content-disposition"] == 'attachment; filename="Nora.myna-voice"'
        with zipfile.ZipFile(io.BytesIO(file.content)) as opened:
            assert set(opened.namelist()) == {"manifest.json", "reference.flac", "preview.wav"}
            assert client.key not in opened.read("manifest.json").decode()
        answer = client.send("/voices/import", file.content, consent="true")
        assert answer.status_code == 201, answer.text
        taken = answer.json()
        assert answer.headers["location"] == f"/myna/v1/voices/{taken['id']}"
        assert taken["id"] != voice["id"]
        same = (
            "name",
            "description",
            "gender",
            "age",
            "languages",
            "dialects",
            "avatar_url",
            "stability",
            "similarity",
        )
        assert [taken[name] for name in same] == [voice[name] for name in same]
        assert taken["report"]["language"] == voice["report"]["language"] == "de"
        assert taken["preview_verified"] is False, "it was not made for this account"
        assert taken["consent"]["affirmed_by"] == client.get("/keys")["data"][0]["id"]
        assert client.kept_files() == ["prepared.json", "preview.wav", "reference.flac"]
        spoken = client.http.get(f"/voices/{taken['id']}/sample")
        assert median_pitch(httpx.get(taken["reference_url"]).content) == pytest.approx(
            median_pitch(httpx.get(voice["reference_url"]).content), rel=0.02
        )
        assert spoken.status_code == 200

    def test_under_another_name_and_once(self, owner, nora):
        file = owner.http.get(f"/voices/{nora['id']}/export").content
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        made = [
            owner.send("/voices/import", file, headers, consent="true", name="Nadia").json()["id"] for _ in range(2)
        ]
        assert made[0] == made[1]
        assert owner.get(f"/voices/{made[0]}")["name"] == "Nadia"

    @pytest.mark.parametrize(("fields", "field"), [({}, "consent"), ({"consent": "true", "name": "x" * 101}, "name")])
    def test_the_right_is_asked_for_again(self, owner, nora, fields, field):
        file = owner.http.get(f"/voices/{nora['id']}/export").content
        before = owner.kept_files()
        check_problem(owner.send("/voices/import", file, **fields), 400, "invalid_request", field)
        assert owner.kept_files() == before

    def test_hostile_files(self, client, low_voice):
        manifest = json.dumps({"format": "myna-voice/1", "name": "Nora"}).encode()
        bomb = {"manifest.json": manifest, "reference.flac": bytes(60_000_000)}
        for entries, status, code in (
            ({}, 400, "invalid_request"),
            ({"manifest.json": manifest}, 400, "invalid_request"),
            ({"manifest.json": manifest, "reference.flac": low_voice, "../x": b""}, 400, "invalid_request"),
            ({"manifest.json": manifest, "reference.flac": low_voice, "prepared.json": b"{}"}, 400, "invalid_request"),
            ({"manifest.json": b"{}", "reference.flac": low_voice}, 400, "invalid_request"),
            (bomb, 413, "body_too_large"),
            ({"manifest.json": manifest, "reference.flac": b"#EXTM3U"}, 422, "unsupported_media"),
            ({"manifest.json": manifest, "reference.flac": silence(8)}, 400, "reference_refused"),
            (
                {"manifest.json": manifest, "reference.flac": low_voice, "preview.wav": b"junk"},
                422,
                "unsupported_media",
            ),
        ):
            check_problem(client.send("/voices/import", archive(entries), consent="true"), status, code)
        check_problem(client.send("/voices/import", b"PK", consent="true"), 400, "invalid_request", "file")
        assert (client.own(), client.kept_files()) == ([], [])


def archive(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return file.getvalue()


class TestConsents:
    def test_the_life_of_one(self, client, low_voice):
        answer = client.send("/voice-consents", low_voice, name="Nora agrees", language="en")
        assert answer.status_code == 201, answer.text
        consent = answer.json()
        assert answer.headers["location"] == f"/myna/v1/voice-consents/{consent['id']}"
        assert (consent["name"], consent["language"]) == ("Nora agrees", "en")
        assert client.get(f"/voice-consents/{consent['id']}") == consent
        assert client.get("/voice-consents") == {"data": [consent], "next_cursor": None}
        assert client.kept_files() == [f"{consent['id']}.flac"]
        voice = client.keep(low_voice, consent_id=consent["id"])
        assert voice["consent"]["consent_id"] == consent["id"]
        assert client.http.delete(f"/voice-consents/{consent['id']}").status_code == 204
        check_problem(client.http.get(f"/voice-consents/{consent['id']}"), 404, "not_found")
        check_problem(client.http.delete(f"/voice-consents/{consent['id']}"), 404, "not_found")
        assert client.get("/voice-consents")["data"] == []
        assert f"{consent['id']}.flac" not in client.kept_files()
        assert client.get(f"/voices/{voice['id']}")["consent"]["consent_id"] == consent["id"], "a record of it stays"

    def test_pages_and_repeated_requests(self, client, low_voice):
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        ids = {
            client.send("/voice-consents", low_voice, headers, name="A", language="en").json()["id"] for _ in range(2)
        }
        assert len(ids) == 1
        second = client.send("/voice-consents", low_voice, name="B", language="en").json()["id"]
        page = client.get("/voice-consents", limit=1)
        rest = client.get("/voice-consents", limit=1, cursor=page["next_cursor"])
        assert [item["id"] for item in page["data"] + rest["data"]] == [second, *ids]
        assert rest["next_cursor"] is None

    def test_refused(self, client, low_voice):
        for file, fields, status, code in (
            (low_voice, {"language": "en"}, 400, "invalid_request"),
            (low_voice, {"name": "A"}, 400, "invalid_request"),
            (low_voice, {"name": "A", "language": "not a language"}, 400, "invalid_request"),
            (b"junk", {"name": "A", "language": "en"}, 422, "unsupported_media"),
            (silence(4), {"name": "A", "language": "en"}, 400, "reference_refused"),
        ):
            check_problem(client.send("/voice-consents", file, **fields), status, code)
        assert client.kept_files() == []


class TestIsolation:
    """What belongs to another account is answered like what does not exist."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/voices/{}", None),
            ("PATCH", "/voices/{}", {"name": "Mine"}),
            ("DELETE", "/voices/{}", None),
            ("GET", "/voices/{}/sample", None),
            ("GET", "/voices/{}/export", None),
            ("POST", "/speech", {"text": TEXT, "voice": "{}"}),
        ],
    )
    def test_voices(self, client, nora, method, path, body):
        def ask(voice_id: str) -> tuple[int, dict]:
            sent = body and json.loads(json.dumps(body).replace("{}", voice_id))
            answer = client.http.request(method, path.format(voice_id), json=sent)
            told = answer.json()
            told.pop("request_id")
            told["detail"] = told["detail"].replace(voice_id, "ID")
            return answer.status_code, told

        unknown = ask(UNKNOWN)
        assert unknown[0] == 404
        assert ask(nora["id"]) == ask(nora["record_id"]) == unknown

    def test_names_and_lists(self, client, nora):
        assert client.own() == []
        answer = client.http.post("/speech", json={"text": TEXT, "voice": nora["name"]})
        check_problem(answer, 404, "voice_not_found")

    def test_consents(self, owner, client, low_voice):
        consent = owner.send("/voice-consents", low_voice, name="A", language="en").json()["id"]
        for method in ("GET", "DELETE"):
            told = [client.http.request(method, f"/voice-consents/{id}") for id in (consent, "cons_nothing")]
            foreign, unknown = ({**check_problem(one, 404, "not_found"), "request_id": ""} for one in told)
            assert foreign["detail"].replace(consent, "") == unknown["detail"].replace("cons_nothing", "")
        answer = client.send("/voices", low_voice, name="Mine", consent="true", consent_id=consent)
        check_problem(answer, 400, "invalid_request", "consent_id")
        assert client.get("/voice-consents")["data"] == []
        assert client.kept_files() == []

    def test_the_owner_still_has_it(self, owner, nora):
        assert without_links(owner.get(f"/voices/{nora['id']}")) == without_links(nora)


@pytest.fixture(scope="module")
def strict(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(
        MYNA_RATE_LIMITS="off", MYNA_CONSENT="recording", MYNA_VERIFIED_PREVIEWS="on", MYNA_MAX_VOICES="1"
    )


class TestRules:
    """What an operator may ask for."""

    def test_they_are_published(self, strict):
        limits = httpx.get(f"{strict.url}/myna/v1/limits").json()
        assert (limits["consent"], limits["verified_previews"], limits["max_voices"]) == ("recording", True, 1)
        assert limits["min_reference_seconds"] == 3
        assert limits["max_reference_seconds"] == 120
        assert limits["max_preview_characters"] == 1_000
        assert limits["max_concurrent_clones"] == 2

    def test_and_kept(self, strict, low_voice):
        client = Client(strict)
        check_problem(client.send("/voices/preview", low_voice, text=TEXT), 403, "consent_required")
        consent = client.send("/voice-consents", low_voice, name="A", language="en").json()["id"]
        preview = client.send("/voices/preview", low_voice, text=TEXT, consent_id=consent).content
        heard = {"preview": ("preview.wav", preview, "audio/wav")}
        fields = {"name": "Nora", "consent": "true"}
        check_problem(client.send("/voices", low_voice, files=heard, **fields), 403, "consent_required")
        fields["consent_id"] = consent
        check_problem(client.send("/voices", low_voice, **fields), 400, "invalid_request", "preview")
        made = client.send("/voices", low_voice, files=heard, **fields)
        assert made.status_code == 201, made.text
        assert made.json()["preview_verified"] is True
        check_problem(client.send("/voices", low_voice, files=heard, **fields), 409, "too_many_voices")
        assert len(client.own()) == 1
        client.http.delete(f"/voices/{made.json()['id']}")
        assert client.kept_files() == [f"{consent}.flac"]


def test_no_key_and_nothing_of_an_upload_is_kept(server: ServerProcess, nora: dict, low_voice: bytes) -> None:
    """The recording is decoded and encoded again: none of its bytes lie in the storage."""
    piece = low_voice[4_000:4_400]
    kept = [path for path in Path(server.data_dir / "files" / "voices").rglob("*") if path.is_file()]
    assert kept
    assert not any(piece in path.read_bytes() for path in kept if path.name != "preview.wav")

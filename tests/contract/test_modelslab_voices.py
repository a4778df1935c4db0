"""ModelsLab: the voice of a recording, uploaded voices, lists of voices, files that become links."""

from __future__ import annotations

import base64

import pytest

from myna.voices.slots import slots
from tests.fixtures.files import file_server
from tests.fixtures.modelslab import Client, encoded, refused
from tests.fixtures.recordings import median_pitch

TEXT = "Well, the small boat sailed over the wide river."


@pytest.fixture
def client(espeak_server, http):
    return Client(espeak_server, http)


def sound_of(client, said):
    found = client.finished(said["id"]) if said["status"] == "processing" else said
    assert found["status"] == "success", found
    return client.download(found["output"][0], "audio/wav")


# The voice of a recording


@pytest.mark.parametrize("form", ["data", "flag", "link"])
def test_it_speaks_with_the_voice_of_a_recording(client, low_voice, form):
    given = {
        "data": {"init_audio": encoded(low_voice)},
        "flag": {"init_audio": base64.b64encode(low_voice).decode(), "base64": "yes"},
        "link": {},
    }[form]
    if form == "link":
        given = {"init_audio": client.ok("base64_to_url", init_audio=encoded(low_voice))["output"][0]}
    said = client.ok("text_to_audio", prompt=TEXT, language="english", **given)
    assert median_pitch(sound_of(client, said)) == pytest.approx(median_pitch(low_voice), rel=0.1)


def test_a_recording_at_an_address_is_fetched_by_the_job(client, high_voice):
    with file_server() as files:
        address = files.put("/voice.wav", high_voice)
        said = client.ok("text_to_audio", prompt=TEXT, init_audio=f"{address}?token=1", voice_id="henry")
        assert median_pitch(sound_of(client, said)) == pytest.approx(median_pitch(high_voice), rel=0.1)
        said = client.voice("text_to_audio", prompt=TEXT, init_audio=f"{files.url}/gone.wav")
    refused(said, 400, "Unable to fetch audio from provided URL: The address answered 404")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "init_audio is required"),
        ({"init_audio": "not a url"}, "init_audio must be an http(s) URL"),
        ({"init_audio": "data:audio/wav;base64,%%%"}, "base64"),
        ({"init_audio": "AAAA", "base64": True}, "This file"),
        ({"init_audio": "http://169.254.169.254/latest"}, "public"),
    ],
)
def test_what_is_no_recording_is_refused_and_costs_nothing(client, fields, message):
    refused(client.voice("text_to_audio", prompt=TEXT, **fields), 400, message)
    assert client.balance() == 100_000


def test_a_link_of_this_server_that_no_longer_works_is_an_address_without_a_file(client, low_voice):
    link = client.ok("base64_to_url", init_audio=encoded(low_voice))["output"][0]
    for path in ("text_to_audio", "speech_to_text", "voice_upload"):
        broken = link.replace("/files/", "/files/x")
        said = client.voice(path, prompt=TEXT, name="Anna", language="english", init_audio=broken)
        refused(said, 400, "Unable to fetch audio from provided URL")
    (upload,) = uploads_of(client)
    upload.unlink()
    refused(client.voice("create_dubbing", init_video=link, output_lang="es"), 400, "Unable to fetch video from")
    assert client.balance() == 100_000


def test_a_recording_that_is_too_large_is_refused(make_server, http, low_voice):
    client = Client(make_server(MYNA_MAX_REFERENCE_BYTES="20000", MYNA_MAX_JSON_BYTES="2000"), http)
    refused(client.voice("text_to_audio", prompt=TEXT, init_audio=encoded(b"R" * 30_000)), 413, "")
    refused(client.voice("text_to_audio", prompt=TEXT, init_audio=encoded(b"R" * 21_000)), 413, "larger")


def uploads_of(client):
    folder = client.server.data_dir / "files" / "uploads" / client.server.account_of(client.key)
    return [file for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize("path", ["text_to_audio", "speech_to_text"])
def test_what_is_refused_leaves_nothing_behind(client, espeak_server, http, low_voice, path):
    poor, fields = Client(espeak_server, http, credits=0), {"prompt": TEXT, "init_audio": encoded(low_voice)}
    refused(poor.voice(path, **fields), 402, "Insufficient credits")
    assert not uploads_of(poor)
    client.ok(path, **fields)
    assert len(uploads_of(client)) == 1


def test_an_uploaded_voice_never_takes_the_id_of_a_stock_voice(client, low_voice):
    made = client.ok("voice_upload", name="AF Bella", init_audio=encoded(low_voice), language="english")
    assert made["voice_id"] == "af_bella_2"
    assert client.ok("text_to_audio", prompt=TEXT, voice_id="af_bella")["meta"]["voice"] == "af_bella"
    said = client.ok("text_to_audio", prompt=TEXT, voice_id="af_bella_2")
    assert median_pitch(sound_of(client, said)) == pytest.approx(median_pitch(low_voice), rel=0.1)


def test_a_voice_is_not_found_by_what_is_no_name(client, low_voice):
    client.ok("voice_upload", name="!", init_audio=encoded(low_voice), language="english")
    assert client.ok("text_to_audio", prompt=TEXT, voice_id="voice")["meta"]["voice"] == "voice"
    refused(client.voice("text_to_audio", prompt=TEXT, voice_id="?"), 400, "Voice not found: ?")


def test_a_server_that_wants_consent_says_where_to_go(make_server, http, low_voice):
    client = Client(make_server(MYNA_CONSENT="recording"), http)
    refused(client.voice("text_to_audio", prompt=TEXT, init_audio=encoded(low_voice)), 403, "consent")


# Voices of one's own


def test_an_uploaded_voice_has_an_id_of_its_name_and_speaks(client, low_voice, espeak_server, http):
    made = client.ok(
        "voice_upload", name="Jacob Smith", init_audio=encoded(low_voice), language="english", gender="male"
    )
    assert made == {"status": "success", "message": "voice uploaded successfully", "voice_id": "jacob_smith"}
    again = client.ok("voice_upload", name="jacob smith", init_audio=encoded(low_voice), language="english")
    assert again["voice_id"] == "jacob_smith_2"
    listed = client.ok("voice_list")["voices"]
    assert [(voice["voice_id"], voice["name"], voice["language"]) for voice in listed] == [
        ("jacob_smith", "Jacob Smith", "english"),
        ("jacob_smith_2", "jacob smith 2", "english"),
    ]
    for path in ("text_to_audio", "text_to_speech"):
        said = client.ok(path, prompt=TEXT, voice_id="jacob_smith")
        assert said["meta"]["voice"] == "jacob_smith"
        assert median_pitch(sound_of(client, said)) == pytest.approx(median_pitch(low_voice), rel=0.1)
    stranger = Client(espeak_server, http)
    assert stranger.ok("voice_list", type="manual")["voices"] == []
    refused(stranger.voice("text_to_audio", prompt=TEXT, voice_id="jacob_smith"), 400, "Voice not found: jacob_smith")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": None}, "name is required"),
        ({"init_audio": None}, "init_audio is required"),
        ({"gender": "robot"}, "gender must be male or female"),
        ({"language": "a language of dreams"}, "language must be one of"),
        ({"name": "x" * 101}, "characters"),
        ({"init_audio": encoded(b"RIFF")}, "file"),
        ({"init_audio": "http://127.0.0.1:1/voice.wav"}, "Unable to fetch audio from provided URL"),
    ],
)
def test_an_upload_that_is_not_right_is_refused(client, low_voice, fields, message):
    usual = {"name": "Anna", "init_audio": encoded(low_voice), "language": "english"}
    refused(client.voice("voice_upload", **{**usual, **fields}), 400, message)
    assert client.ok("voice_list")["voices"] == []


def test_a_repeated_upload_is_one_voice(client, low_voice):
    fields = {"name": "Once", "init_audio": encoded(low_voice), "language": "english"}
    first, again = (client.voice("voice_upload", headers={"Idempotency-Key": "up"}, **fields) for _ in range(2))
    assert first.json() == again.json()
    assert len(client.ok("voice_list")["voices"]) == 1


# Lists


def test_the_catalogue_has_the_names_of_nine_languages(client, http):
    voices = client.ok("voice_list", type="trained")["voices"]
    names = [voice["voice_id"] for voice in voices]
    assert names[:54] == [slot.key for slot in slots() if slot.api == "modelslab"]
    assert {"henry", "madison", "tara"} <= set(names)
    assert {voice["language"] for voice in voices} == {
        "american english", "british english", "spanish", "japanese", "mandarin chinese", "french",
        "brazilian portuguese", "hindi", "italian",
    }  # fmt: skip
    assert client.ok("voice_list", type="voice_cover")["voices"] == []
    refused(client.voice("voice_list", type="other"), 400, "type must be one of")
    public = http.get(f"{client.server.url}/api/voice_list", params={"type": "trained"})
    assert public.json()["voices"] == voices
    assert set(voices[0]) == {
        "voice_id", "name", "language", "sound_clip", "gender", "thumbnail", "country", "character",
    }  # fmt: skip
    assert http.get(f"{client.server.url}/api/voice_list?type=manual").json() == {"status": "success", "voices": []}
    assert http.get(f"{client.server.url}/api/voice_list", headers={"key": "wrong"}).status_code == 200


# Files that become links


def test_sound_becomes_a_link_that_needs_no_key(client, low_voice):
    made = client.ok("base64_to_url", init_audio=encoded(low_voice))
    assert list(made) == ["status", "id", "output"]
    assert isinstance(made["id"], int)
    assert made["output"][0].endswith(".wav")
    assert client.download(made["output"][0], "audio/wav") == low_voice


def test_other_files_become_links_too(client):
    picture = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
    made = client.post("v6/base64_to_url", base64_string=base64.b64encode(picture).decode()).json()
    assert made["output"][0].endswith(".png")
    assert client.download(made["output"][0], "image/png") == picture
    refused(client.post("v6/base64_to_url", base64_string=encoded(b"<html><script>")), 400, "must be sound, a picture")
    refused(client.post("v6/base64_to_url", base64_string=encoded(b"\0" * 5_000_001)), 400, "at most 5 MB")
    refused(client.voice("base64_to_url", init_audio=encoded(picture)), 400, "must be sound")
    refused(client.voice("base64_to_url"), 400, "init_audio is required")

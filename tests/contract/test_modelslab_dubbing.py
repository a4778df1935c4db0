"""ModelsLab: a video in, and out in another language; what is told to a webhook."""

from __future__ import annotations

import base64
import json
import math
import time
import uuid

import httpx
import pytest

from myna.dubbing.repository import DubRepository
from myna.http.modelslab.mapping import job_id_of
from tests.fixtures.chat import chat_server
from tests.fixtures.dubs import make_film
from tests.fixtures.files import file_server
from tests.fixtures.modelslab import Client, refused
from tests.fixtures.videos import Film, make_video

FAKES = "fake,fake-recognition,fake-translation"


@pytest.fixture(scope="module")
def dub_server(make_module_server):
    return make_module_server(MYNA_ENGINES=FAKES, MYNA_RATE_LIMITS="off", MYNA_FETCH_ALLOW="127.0.0.0/8")


@pytest.fixture
def client(dub_server, http):
    return Client(dub_server, http)


@pytest.fixture(scope="module")
def film(tmp_path_factory, espeak):
    """Without music: the fake engine hears words wherever there is sound."""
    return make_film(tmp_path_factory.mktemp("quiet") / "film.mp4", espeak, bed=0.0)


@pytest.fixture(scope="module")
def webm(tmp_path_factory, espeak):
    return make_film(tmp_path_factory.mktemp("quiet") / "film.webm", espeak, bed=0.0)


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """Nobody speaks, so it cannot be dubbed."""
    return make_video(tmp_path_factory.mktemp("silent") / "film.mp4", Film(3, [], 22_050, bed=0.0))


@pytest.fixture
def films(film, silent):
    with file_server() as served:
        served.put("/film.mp4", film.read_bytes())
        served.put("/silent.mp4", silent.read_bytes())
        yield served.url


def test_a_dub_is_processing_at_once_and_then_there(client, films, http):
    link = f"{films}/film.mp4?expires=1"
    said = client.ok(
        "create_dubbing",
        init_video=link,
        source_lang="en",
        output_lang="es",
        voice_id="henry",
        speed=1.0,
        file_prefix=10,
        base64=False,
        webhook=None,
        track_id=3,
        num_speakers=2,
    )
    assert list(said) == [
        "status", "tip", "eta", "message", "fetch_result", "id", "output", "future_links", "proxy_links", "meta",
    ]  # fmt: skip
    assert (said["status"], said["output"]) == ("processing", [])
    meta = said["meta"]
    assert list(meta) == [
        "uuid", "video_link", "source_lang", "output_lang", "speed", "file_prefix", "voice", "is_base64", "webhook",
        "track_id", "id",
    ]  # fmt: skip
    assert (meta["speed"], meta["file_prefix"], meta["is_base64"], meta["track_id"]) == ("1", 10, False, 3)
    assert (meta["video_link"], meta["voice"][:2], meta["id"]) == (link, "em", str(said["id"]))
    assert uuid.UUID(meta["uuid"])
    assert said["fetch_result"] == f"{client.server.url}/api/v6/voice/fetch/{said['id']}"
    found = client.finished(said["id"])
    assert found["status"] == "success", found
    assert isinstance(found["generationTime"], float)
    assert found["output"][0].endswith(f"/dubbed_video_{meta['uuid']}_10.mp4")
    assert found["meta"] == meta
    video = client.download(found["output"][0], "video/mp4")
    assert client.download(said["future_links"][0], "video/mp4") == video
    assert b"ftyp" in video[:12]
    assert client.balance() < 100_000


def test_a_film_in_the_request_itself(client, film):
    given = base64.b64encode(film.read_bytes()).decode()
    said = client.post(
        "v7/voice/create-dubbing", init_video=given, base64="true", target_language="fr", file_prefix="../../etc/passwd"
    ).json()
    assert said["meta"]["is_base64"] is True
    assert said["meta"]["file_prefix"] == "../../etc/passwd"
    found = client.finished(said["id"])
    assert found["output"][0].endswith("_etc_passwd.mp4")
    assert client.post(f"v7/voice/fetch/{said['id']}").json()["status"] == "success"


def test_what_will_be_is_there_also_when_the_address_does_not_tell_its_kind(client, webm, http):
    """In the future link it has the container in which it comes."""
    with file_server() as served:
        link = served.put("/watch", webm.read_bytes())
        said = client.ok("create_dubbing", init_video=f"{link}?v=1", output_lang="es", num_speakers="some", seed=0)
        assert http.get(said["future_links"][0]).status_code == 404
        found = client.finished(said["id"])
    assert found["status"] == "success", found
    assert client.download(said["future_links"][0], "video/webm") == client.download(found["output"][0], "video/webm")
    assert found["audio_time"] == pytest.approx(6, abs=0.5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"init_video": None, "output_lang": None}, "init_video is required"),
        ({"init_video": None}, "init_video is required"),
        ({"output_lang": None}, "output_lang is required"),
        ({"output_lang": "tlh"}, "output_lang must be one of: es, fr, hi, it, pt-br, en-us, en-gb, ja, zh"),
        ({"source_lang": "a language of dreams"}, "source_lang must be one of"),
        ({"voice_id": "nobody-at-all"}, "Voice not found"),
        ({"voice_model": "nobody"}, "Model not found: nobody"),
        ({"voice_model": "espeak"}, "`MYNA_ENGINES` does not name it"),
        ({"speed": 3}, "speed must be between"),
        ({"file_prefix": []}, "file_prefix must be"),
        ({"base64": True, "init_video": "QUFBQQ=="}, "file"),
        ({"webhook": "http://10.0.0.1/hook"}, "public"),
    ],
)
def test_a_fault_is_an_error_with_its_field_before_any_charge(client, fields, message):
    usual = {"init_video": "http://127.0.0.1:1/film.mp4", "output_lang": "es"}
    refused(client.voice("create_dubbing", **{**usual, **fields}), 400, message)
    assert client.balance() == 100_000


def test_without_a_translator_it_says_what_to_do(make_server, http):
    client = Client(make_server(MYNA_ENGINES="fake,fake-recognition,apertium"), http)
    answer = client.voice("create_dubbing", init_video="https://example.com/film.mp4", output_lang="ja")
    assert "MYNA_TRANSLATION_URL" in refused(answer, 400, "`ja`")["message"]


def test_a_dub_that_cannot_be_made_is_failed_when_it_is_fetched(client, films):
    said = client.ok("create_dubbing", init_video=f"{films}/silent.mp4", output_lang="es")
    found = client.finished(said["id"])
    assert (found["status"], found["id"], found["output"]) == ("failed", said["id"], [])
    assert "Nobody speaks" in found["message"]
    assert client.balance() == 100_000


def test_a_repeated_order_is_one_dub_and_nobody_else_sees_it(client, dub_server, films, http):
    order = {"init_video": f"{films}/silent.mp4", "output_lang": "es"}
    first, again = (client.voice("create_dubbing", headers={"Idempotency-Key": "one"}, **order) for _ in range(2))
    assert first.json() == again.json()
    headers = {"Authorization": f"Bearer {client.key}"}
    assert len(http.get(f"{dub_server.url}/myna/v1/dubs", headers=headers).json()["data"]) == 1
    stranger = Client(dub_server, http)
    for path in (f"v6/voice/fetch/{first.json()['id']}", f"v7/voice/fetch/{first.json()['id']}"):
        assert stranger.post(path).json()["message"] == "Request not found"


def seed_of(server, number):
    async def look(database):
        async with database.reading() as connection:
            return (await DubRepository(connection).find(job_id_of(number))).request.seed

    return server.query(look)


def test_a_seed_is_kept_and_without_one_each_dub_has_its_own(client, dub_server, films):
    order = {"init_video": f"{films}/silent.mp4", "output_lang": "es"}
    made = [client.ok("create_dubbing", **order, seed=seed)["id"] for seed in ("7", 0, None)]
    seeds = [seed_of(dub_server, number) for number in made]
    assert seeds[0] == 7
    assert 0 not in seeds
    assert len(set(seeds)) == 3


def test_a_film_that_is_not_there_is_refused_at_once(client, films):
    answer = client.voice("create_dubbing", init_video=f"{films}/gone.mp4", output_lang="es")
    refused(answer, 400, "Unable to fetch video from provided URL: The address answered 404")
    assert client.balance() == 100_000


@pytest.fixture
def receiver():
    with chat_server(lambda _: (200, "")) as server:
        yield server


def test_the_webhook_hears_of_the_end_once(client, films, receiver):
    hook = receiver.url
    done = client.ok("create_dubbing", init_video=f"{films}/film.mp4", output_lang="es", webhook=hook, track_id="t-1")
    lost = client.ok("create_dubbing", init_video=f"{films}/silent.mp4", output_lang="es", webhook=hook, track_id=2)
    silent = client.ok("text_to_speech", prompt="Hello.")
    for number in (done["id"], lost["id"]):
        client.finished(number)
    deadline = time.monotonic() + 20
    while len(receiver.requests) < 2:
        assert time.monotonic() < deadline, receiver.requests
        time.sleep(0.05)
    told = {body["id"]: {name: body[name] for name in body if name != "path"} for body in receiver.requests}
    assert len(receiver.requests) == 2
    good, bad = told[done["id"]], told[lost["id"]]
    assert list(good) == ["status", "id", "output", "generationTime", "track_id", "meta"]
    assert (good["status"], good["track_id"], good["meta"]) == ("success", "t-1", done["meta"])
    assert client.download(good["output"][0], "video/mp4")
    assert list(bad) == ["status", "id", "message", "track_id"]
    assert (bad["status"], bad["track_id"]) == ("failed", 2)
    assert silent["id"] not in told
    endpoints = httpx.get(f"{client.server.url}/myna/v1/webhooks", headers={"Authorization": f"Bearer {client.key}"})
    assert hook not in json.dumps(endpoints.json())


# Speech to text


@pytest.mark.parametrize("path", ["v6/voice/speech_to_text", "v6/whisper/transcribe", "v7/voice/speech-to-text"])
def test_a_recording_becomes_a_text_file(client, low_voice, path):
    with file_server() as files:
        said = client.post(path, audio_url=files.put("/voice.wav", low_voice), input_language="en").json()
        if said["status"] == "processing":
            assert said["fetch_result"].endswith(f"/api/v6/whisper/fetch/{said['id']}")
            said = client.finished(said["id"])
    assert said["status"] == "success", said
    assert said["output"][0].endswith(f"/{said['meta']['file_id']}.txt")
    assert said["meta"]["language"].startswith("en")
    text = client.download(said["output"][0], "text/plain").decode()
    assert text.lower().startswith("word")
    assert text.endswith(".\n")
    price = math.ceil(10 * said["meta"]["duration"])
    assert client.balance() == pytest.approx(100_000 - price, abs=1)


def test_words_have_times_when_they_are_wanted(client, low_voice):
    given = {"init_audio": base64.b64encode(low_voice).decode(), "base64": True, "timestamp_level": "word"}
    said = client.ok("speech_to_text", language="english", **given)
    said = client.finished(said["id"]) if said["status"] == "processing" else said
    words = json.loads(client.download(said["output"][0], "text/plain"))
    assert set(words[0]) == {"text", "start", "end"}
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "init_audio is required"),
        ({"init_audio": "http://127.0.0.1:1/a.wav", "timestamp_level": "letter"}, "timestamp_level must be"),
        ({"init_audio": "http://127.0.0.1:1/a.wav", "language": "a language of dreams"}, "language must be"),
    ],
)
def test_what_cannot_be_transcribed_is_refused(client, fields, message):
    refused(client.voice("speech_to_text", **fields), 400, message)


def test_a_recording_that_is_not_there_costs_nothing(client, films):
    answer = client.voice("speech_to_text", init_audio=f"{films}/gone.wav", language="en")
    refused(answer, 400, "Unable to fetch audio from provided URL: The address answered 404")
    assert client.balance() == 100_000

"""The vendor's Python client (`modelslab_py`, as it comes from PyPI) and curl, against nodes with real engines."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import warnings

import httpx
import pytest

from myna.engines.apertium import ApertiumEngine
from tests.e2e.listening import listen
from tests.fixtures.files import file_server
from tests.fixtures.modelslab import encoded
from tests.fixtures.recordings import median_pitch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from modelslab_py.core.apis.audio import Audio
    from modelslab_py.core.client import Client
    from modelslab_py.schemas.audio import (
        SFX,
        LyricsGenerator,
        MusicGenSchema,
        SongGenerator,
        Speech2Text,
        Text2Audio,
        Text2Speech,
        Voice2Voice,
        VoiceCover,
    )

pytestmark = [
    pytest.mark.sdk,
    pytest.mark.filterwarnings("ignore:The `dict` method is deprecated"),
    pytest.mark.filterwarnings("ignore:.*dict.*:DeprecationWarning"),
]

PROMPT = "The birds are singing in the morning sun, and the river runs quietly to the sea."
translates = pytest.mark.skipif(
    ("en", "fr") not in ApertiumEngine.describe().pairs, reason="apertium's pairs are not installed"
)


NOT_OFFERED = {
    "voice2voice": Voice2Voice(init_audio="https://example.org/a.wav", target_audio="https://example.org/b.wav"),
    "voice_cover": VoiceCover(init_audio="https://example.org/a.wav", model_id="x", rate="0.5", seed="1"),
    "music_gen": MusicGenSchema(prompt="A waltz."),
    "lyrics_gen": LyricsGenerator(prompt="Of the sea."),
    "song_generator": SongGenerator(prompt="Of the sea."),
    "sfx_gen": SFX(prompt="A door."),
}


def audio_of(server, pause=0.5, **options):
    """As the vendor's documentation makes it, but for the address."""
    client = Client(api_key=server.new_key(credits=100), fetch_retry=240, fetch_timeout=pause)
    client.base_url = f"{server.url}/api/"
    return Audio(client=client, **options)


@pytest.fixture
def audio(espeak_server):
    return audio_of(espeak_server)


def heard(link):
    answer = httpx.get(link, timeout=60)
    assert "audio" in answer.headers["content-type"]
    return answer.content


def test_text_to_speech(audio):
    said = audio.text_to_speech(Text2Speech(prompt=PROMPT, voice_id="madison", language="american english"))
    assert said["status"] == "success"
    sound = listen(heard(said["output"][0]))
    assert len(PROMPT) / 30 < sound.seconds < len(PROMPT) / 5
    assert sound.voiced > 0.5


def test_text_to_audio_takes_the_voice_of_a_recording(audio, low_voice):
    said = audio.text_to_audio(Text2Audio(prompt=PROMPT, init_audio=encoded(low_voice), language="english"))
    if said["status"] == "processing":
        said = audio.fetch(str(said["id"]))
    assert median_pitch(heard(said["output"][0])) == pytest.approx(median_pitch(low_voice), rel=0.1)


@pytest.fixture
def patient_audio(espeak_server):
    """Asynchronously, the pause between two looks is also the longest wait for an answer."""
    return audio_of(espeak_server, pause=60)


async def test_asynchronously(patient_audio, low_voice):
    voice = {"init_audio": base64.b64encode(low_voice).decode(), "base64": "true", "temp": 1.0, "stream": False}
    async with patient_audio.client:
        order = Text2Speech(prompt="Hola.", language="spanish", speed=1, temp=True, emotion="Neutral", track_id="7")
        said = await patient_audio.async_text_to_speech(order)
        patient_audio.client.fetch_timeout = 0.5  # from here on it is the pause alone
        copied = await patient_audio.async_text_to_audio(Text2Audio(prompt="Hello.", **voice))
        found = await patient_audio.async_fetch(str(said["id"]))
        copy = await patient_audio.async_fetch(str(copied["id"]))
    assert (said["status"], said["meta"]["track_id"], said["meta"]["temp"]) == ("success", "7", "yes")
    assert found["meta"] == said["meta"]
    assert (copy["status"], copy["meta"]["base64"], copy["meta"]["temp"]) == ("success", "yes", "yes")


@pytest.mark.parametrize("name", NOT_OFFERED)
async def test_what_is_not_offered_raises_and_says_so(patient_audio, name):
    with pytest.raises(Exception, match=r"403.*Feature not available: this server does not offer"):
        getattr(patient_audio, name)(NOT_OFFERED[name])
    async with patient_audio.client:
        with pytest.raises(Exception, match=r"403.*Feature not available"):
            await getattr(patient_audio, f"async_{name}")(NOT_OFFERED[name])


def test_the_enterprise_mirror(espeak_server):
    audio = audio_of(espeak_server, enterprise=True)
    said = audio.text_to_speech(Text2Speech(prompt="Hello."))
    assert audio.fetch(str(said["id"]))["output"][0].endswith(said["meta"]["filename"])
    for ask in (audio.system_details, audio.restart, audio.update, audio.clear_cache, audio.clear_queue):
        with pytest.raises(Exception, match=r"403.*Feature not available"):
            ask()


def test_what_has_no_method_in_the_client(audio, low_voice):
    def post(path, **fields):
        return audio.client.post(f"{audio.client.base_url}v6/{path}", data=fields)

    made = post("voice/voice_upload", name="Jacob", init_audio=encoded(low_voice), language="english", gender="male")
    assert made == {"status": "success", "message": "voice uploaded successfully", "voice_id": "jacob"}
    assert [voice["voice_id"] for voice in post("voice/voice_list", type="manual")["voices"]] == ["jacob"]
    assert heard(post("voice/base64_to_url", init_audio=encoded(low_voice))["output"][0]) == low_voice
    assert post("processing/request_count")["processing_count"] == 0


def test_an_unknown_id_ends_as_failed(audio):
    audio.client.fetch_retry = 1
    assert audio.fetch("1")["message"] == "Request not found"


def test_an_error_has_its_words(audio):
    with pytest.raises(Exception, match=r"400.*Voice not found: nobody"):
        audio.text_to_speech(Text2Speech(prompt=PROMPT, voice_id="nobody"))
    audio.client.api_key = "nonsense"
    with pytest.raises(Exception, match=r"401.*Invalid API key"):
        audio.fetch("1")


@pytest.fixture(scope="module")
def dub_server(make_module_server):
    return make_module_server(MYNA_ENGINES="espeak,match", MYNA_RATE_LIMITS="off", MYNA_FETCH_ALLOW="127.0.0.0/8")


@pytest.mark.timeout(300)
def test_speech_to_text(dub_server, low_voice):
    audio = audio_of(dub_server)
    with file_server() as files:
        address = files.put("/voice.wav", low_voice)
        order = Speech2Text(audio_url=address, input_language="en", timestamp_level="sentence", track_id="9")
        said = audio.speech_to_text(order)
        found = audio.fetch(str(said["id"]))
    meta = found["meta"]
    assert (found["status"], meta["timestamp_level"], meta["track_id"]) == ("success", "sentence", "9")
    assert found["audio_time"] == pytest.approx(meta["duration"], abs=0.01)
    first = json.loads(httpx.get(found["output"][0]).text)[0]
    assert "the birds are singing in the morning sun" in first["text"].lower()


@translates
@pytest.mark.timeout(300)
def test_a_dub_through_the_client(dub_server, film):
    audio = audio_of(dub_server)
    with file_server() as files:
        order = {"init_video": files.put("/film.mp4", film.read_bytes()), "source_lang": "en", "output_lang": "es"}
        said = audio.client.post(audio.base_url + "create_dubbing", data=order)
        assert (said["status"], said["output"]) == ("processing", [])
        found = audio.fetch(str(said["id"]))
    assert found["status"] == "success", found
    answer = httpx.get(found["output"][0], timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")


@translates
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_dub_with_curl(dub_server, film):
    key = dub_server.new_key(credits=100)

    def post(path, **fields):
        address = path if path.startswith("http") else f"{dub_server.url}/api/v6/voice/{path}"
        command = ["curl", "-sX", "POST", address, "-H", "Content-Type: application/json", "-d", "@-"]
        return json.loads(subprocess.run(command, input=json.dumps({"key": key, **fields}).encode(),
                                         capture_output=True, check=True, timeout=60).stdout)  # fmt: skip

    with file_server() as files:
        said = post(
            "create_dubbing",
            init_video=files.put("/film.mp4", film.read_bytes()),
            source_lang="en",
            output_lang="fr",
            voice_id="henry",
            speed=1.0,
            file_prefix="french_dub",
            base64=False,
            webhook=None,
            track_id=None,
        )
        deadline = time.monotonic() + 200
        while (found := post(said["fetch_result"]))["status"] == "processing":
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
    assert found["status"] == "success", found
    assert found["output"][0].endswith("_french_dub.mp4")

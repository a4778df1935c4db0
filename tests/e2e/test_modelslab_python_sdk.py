"""The vendor's Python client (`modelslab_py`, as it comes from PyPI) and curl, against nodes with real engines."""

from __future__ import annotations

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
    from modelslab_py.schemas.audio import Text2Audio, Text2Speech

pytestmark = [
    pytest.mark.sdk,
    pytest.mark.filterwarnings("ignore:The `dict` method is deprecated"),
    pytest.mark.filterwarnings("ignore:.*dict.*:DeprecationWarning"),
]

PROMPT = "The birds are singing in the morning sun, and the river runs quietly to the sea."
translates = pytest.mark.skipif(
    ("en", "fr") not in ApertiumEngine.describe().pairs, reason="apertium's pairs are not installed"
)


def audio_of(server, pause=0.5):
    """As the vendor's documentation makes it, but for the address."""
    client = Client(api_key=server.new_key(credits=100), fetch_retry=240, fetch_timeout=pause)
    client.base_url = f"{server.url}/api/"
    return Audio(client=client)


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


async def test_asynchronously(patient_audio):
    async with patient_audio.client:
        order = Text2Speech(prompt="Hola.", language="spanish", track_id="7")
        said = await patient_audio.async_text_to_speech(order)
    assert (said["status"], said["meta"]["track_id"]) == ("success", "7")


def test_an_error_has_its_words(audio):
    with pytest.raises(Exception, match=r"400.*Voice not found: nobody"):
        audio.text_to_speech(Text2Speech(prompt=PROMPT, voice_id="nobody"))


@pytest.fixture(scope="module")
def dub_server(make_module_server):
    return make_module_server(MYNA_ENGINES="espeak,match", MYNA_RATE_LIMITS="off", MYNA_FETCH_ALLOW="127.0.0.0/8")


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

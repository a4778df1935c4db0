"""Munsit's API: keys, errors, models, voices. The numbers are those of the cases in its description, section 12."""

from __future__ import annotations

import re
import uuid
from urllib.parse import urljoin

import httpx
import pytest

from myna.accounts.service import AccountService
from tests.fixtures.munsit import MODEL, STOCK, TEXT, TWELVE, Account, check_error
from tests.fixtures.server import ServerFactory, ServerProcess

UNKNOWN_VOICE = "voice_000000000000000000000000"
OPERATIONS = [
    ("POST", "/voices/preview"),
    ("POST", "/voices/clone"),
    ("GET", "/voices"),
    ("GET", f"/voices/{STOCK}"),
    ("PATCH", f"/voices/{STOCK}"),
    ("DELETE", f"/voices/{STOCK}"),
    ("GET", f"/voices/{STOCK}/sample"),
    ("GET", "/models"),
    ("POST", f"/text-to-speech/{MODEL}"),
    ("POST", f"/text-to-speech/{MODEL}/with-timestamps"),
    ("POST", "/tashkil/diacritize"),
]


@pytest.fixture
def account(server: ServerProcess):
    made = Account(server)
    yield made
    made.http.close()


class TestKeys:
    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_8_without_a_key_or_with_a_bearer_alone(self, account, method, path):
        for headers in ({}, {"Authorization": f"Bearer {account.key}"}, {"x-api-key": "wrong"}, {"x-api-key": ""}):
            answer = httpx.request(method, f"{account.server.url}/api/v1{path}", headers=headers, content=b"{broken")
            check_error(answer, 40101, "Invalid or missing API key")

    def test_two_keys_that_disagree(self, account):
        other = Account(account.server)
        disagreeing = {"Authorization": f"Bearer {other.key}"}
        check_error(account.http.get("/voices", headers=disagreeing), 40101)
        agreeing = {"Authorization": f"Bearer {account.key}"}
        assert account.http.get("/voices", headers=agreeing).status_code == 200

    @pytest.mark.parametrize("name", ["x-api-key", "xi-api-key"])
    def test_a_second_key_that_disagrees(self, account, name):
        other = Account(account.server)
        url = f"{account.server.url}/api/v1/voices"
        for first, second in ((account.key, other.key), (other.key, account.key)):
            check_error(httpx.get(url, headers=[("x-api-key", first), (name, second)]), 40101)
        same = [("x-api-key", account.key), (name, account.key)]
        assert httpx.get(url, headers=same).status_code == 200

    def test_a_key_in_the_query_is_none_on_rest(self, account):
        answer = httpx.get(f"{account.server.url}/api/v1/voices", params={"x-api-key": account.key})
        check_error(answer, 40101)

    def test_a_blocked_account(self, account):
        account_id = account.server.account_of(account.key)
        account.server.query(lambda database: AccountService(database, b"").set_banned(account_id, True))
        check_error(account.speak(), 40301)

    def test_more_requests_than_allowed(self, make_server: ServerFactory):
        account = Account(make_server(MYNA_REQUESTS_PER_MINUTE="3"))
        answers = [account.http.get("/models") for _ in range(4)]
        check_error(answers[-1], 42901)
        assert int(answers[-1].headers["retry-after"]) >= 1


class TestPaths:
    def test_under_the_prefix_too(self, server, account):
        prefixed = Account(server, prefix="/munsit")
        assert [voice["voice_id"] for voice in prefixed.voices()] == [voice["voice_id"] for voice in account.voices()]
        assert prefixed.speak().status_code == 200

    @pytest.mark.parametrize(
        "path", ["/v1/voices", "/v1/text-to-speech/x", "/api/v1/nothing", "/api/v2/voices", "/", ""]
    )
    def test_unknown_ones(self, account, path):
        check_error(account.http.get(f"{account.server.url}/munsit{path}"), 40401)

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/voices/a/b/c",
            "/api/v1/models/x",
            "/api/v1/tashkil",
            "/api/v1/websocket",
            "/api/v1/audio/transcribe",
            "/api/v1/audio/diarization/transcribe",
            "/api/v1/diarization/x/sentiment-analysis",
            "/api/v1/minutes-of-meeting/transcribe",
            "/api/v1/listen",
        ],
    )
    def test_unknown_ones_at_the_root(self, account, path):
        check_error(account.http.get(account.server.url + path), 40401)

    def test_what_is_not_ours_at_the_root_is_left_to_others(self, account):
        theirs = {"/api/v1/enterprise/voice/fetch": 405}  # ModelsLab's, for POST alone
        for path in ("/v1/voices", "/api/v1/enterprise/voice/fetch", "/api/v1/voicesx", "/api/v6/voice"):
            answer = httpx.get(account.server.url + path)
            assert answer.status_code == theirs.get(path, 404)
            assert "errorCode" not in answer.text

    @pytest.mark.parametrize("path", ["/v1/voices", "/v1/text-to-speech/x", "/api/v1/nothing"])
    def test_who_sends_our_key_is_answered_in_our_words(self, account, path):
        """Such as clients that leave out `/api`."""
        check_error(account.http.get(account.server.url + path), 40401)
        assert account.http.get(f"{account.server.url}/healthz").status_code == 200

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/voices", "GET"),
            (f"/voices/{STOCK}", "DELETE, GET, PATCH"),
            (f"/text-to-speech/{MODEL}", "POST"),
        ],
    )
    def test_other_methods(self, account, path, allowed):
        for method in ("PUT", "OPTIONS", "TRACE"):
            answer = account.http.request(method, path)
            check_error(answer, 40501)
            assert answer.headers["allow"] == allowed
        assert account.http.head(f"/text-to-speech/{MODEL}").status_code == 405

    def test_a_body_that_is_too_large(self, account):
        check_error(account.speak(text="x" * 1_100_000), 41301)


class TestModels:
    def test_the_list(self, account):
        models = account.http.get("/models").json()
        assert [model["model_id"] for model in models] == ["faseeh-v1-preview", "faseeh-mini-v1-preview", "fake"]
        for model in models:
            assert set(model) == {"id", "model_id", "model_name", "cost", "description"}
            assert str(uuid.UUID(model["id"])) == model["id"]
            assert model["cost"] == 0.0001
        assert account.http.get("/models").json() == models

    def test_every_model_speaks(self, account):
        for model in account.http.get("/models").json():
            assert account.speak(model=model["model_id"]).status_code == 200

    def test_on_a_free_server(self, make_server: ServerFactory):
        free = Account(make_server(MYNA_PRICES="off"), credits=0)
        assert {model["cost"] for model in free.http.get("/models").json()} == {0}
        assert free.speak().status_code == 200


class TestVoices:
    def test_the_list_is_a_bare_array_with_all_keys(self, account):
        voices = account.voices()
        assert isinstance(voices, list)
        for voice in voices:
            assert set(voice) == TWELVE
            assert isinstance(voice["languages"], list)
            assert isinstance(voice["dialect"], list)
            assert voice["type"] == "neural"
        assert account.voices() == voices

    def test_the_vendors_own_ids_come_first_and_speak_arabic(self, account):
        named = [voice for voice in account.voices() if re.match(r"ar-\w+-(fe)?male-\d$", voice["voice_id"])]
        assert len(named) == 10
        assert named == account.voices()[:10]
        for voice in named:
            assert voice["languages"][0].startswith("ar")
            assert voice["gender"] == voice["voice_id"].split("-")[2]
        assert {voice["name"] for voice in named} >= {"Fahad", "Maha", "Reem", "Lama", "Hamad"}

    def test_every_voice_of_the_list_speaks_and_is_heard(self, account):
        for voice in account.voices()[::4]:
            assert account.speak(voice["voice_id"]).status_code == 200
            sample = account.http.get(voice["sample_url"])
            assert (sample.status_code, sample.headers["content-type"]) == (200, "audio/mpeg")
            one = account.http.get(f"/voices/{voice['voice_id']}").json()
            assert one == voice

    def test_other_voices_of_the_server_speak_too(self, account):
        assert account.speak("fake:en-US.7").status_code == 200
        assert account.http.get("/voices/fake:en-US.7").json()["voice_id"] == "fake:en-US.7"

    def test_in_pages(self, account):
        whole, pages = account.voices(), []
        answer = account.http.get("/voices", params={"limit": 5})
        while True:
            assert isinstance(answer.json(), list)
            pages.append(answer.json())
            if "next" not in answer.links:
                break
            answer = account.http.get(urljoin(str(answer.request.url), answer.links["next"]["url"]))
        assert {len(page) for page in pages[:-1]} == {5}
        assert [voice for page in pages for voice in page] == whole

    def test_a_link_under_the_prefix_leads_back_under_it(self, server):
        prefixed = Account(server, prefix="/munsit")
        answer = prefixed.http.get("/voices", params={"limit": 1})
        following = prefixed.http.get(urljoin(str(answer.request.url), answer.links["next"]["url"]))
        assert following.json()[0] == prefixed.voices()[1]
        assert following.request.url.path.startswith("/munsit/")

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=x", "limit=1.5", "limit=1001", "limit=", "limit=NaN", "cursor=x"]
    )
    def test_wrong_pages(self, account, query):
        check_error(account.http.get(f"/voices?{query}"), 40001)

    @pytest.mark.parametrize("cursor", ["", "W10", "WzAsMSwyXQ", "WyJhIiwiYiIsImMiXQ", "bnVsbA", "%00", "é"])
    def test_wrong_cursors(self, account, cursor):
        check_error(account.http.get("/voices", params={"cursor": cursor}), 40001)

    def test_an_unknown_voice(self, account):
        for voice_id in (UNKNOWN_VOICE, "nobody", "fake:en-US.99999", "x" * 2_000, str(uuid.uuid4())):
            for method in ("GET", "PATCH", "DELETE"):
                body = b'{"name":"Other"}' if method == "PATCH" else b""
                check_error(account.http.request(method, f"/voices/{voice_id}", content=body), 40401, "Voice not found")
            check_error(account.http.get(f"/voices/{voice_id}/sample"), 40401, "Voice not found")
            check_error(account.speak(voice_id), 40401, "Voice not found")

    @pytest.mark.parametrize("voice_id", [STOCK, "fake:en-US.1"])
    def test_a_voice_of_the_server_cannot_be_changed(self, account, voice_id):
        check_error(account.http.patch(f"/voices/{voice_id}", json={"name": "Mine"}), 40301)
        check_error(account.http.delete(f"/voices/{voice_id}"), 40301)
        assert account.speak(voice_id).status_code == 200


class TestDiacritics:
    def test_marks_are_added_free_of_charge(self, account):
        answer = account.http.post("/tashkil/diacritize", json={"text": "ذهب الولد إلى المدرسة"})
        assert answer.status_code == 200
        assert set(answer.json()) == {"data"}
        assert set(answer.json()["data"]) == {"diacritized_text"}
        marked = answer.json()["data"]["diacritized_text"]
        assert re.sub("[\u064b-\u0652\u0670]", "", marked) == "ذهب الولد إلى المدرسة"
        assert len(marked) > 30
        assert account.spent == 0

    @pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "  "}, {"text": None}])
    def test_a_text_is_needed(self, account, body):
        check_error(account.http.post("/tashkil/diacritize", json=body), 40001, "text is required")

    @pytest.mark.parametrize("text", [3, "ا" * 5_001, "a\0b"])
    def test_wrong_texts(self, account, text):
        check_error(account.http.post("/tashkil/diacritize", json={"text": text}), 40001)


class TestIdempotency:
    def test_the_same_speech_is_spoken_and_charged_once(self, account):
        headers = {"Idempotency-Key": '"one speech"'}
        first = account.speak(stability=0.1, headers=headers)
        again = account.speak(stability=0.1, headers=headers)
        assert again.content == first.content
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["idempotent-replayed"] == "true"
        assert account.spent == len(TEXT) * 100

    def test_another_body(self, account):
        headers = {"Idempotency-Key": "another body"}
        account.speak(headers=headers)
        check_error(account.speak(text="Something else.", headers=headers), 42201)

    def test_a_key_that_is_none(self, account):
        check_error(account.speak(headers={"Idempotency-Key": "x" * 256}), 40001)

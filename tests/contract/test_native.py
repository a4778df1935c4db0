"""Myna's own API, from outside."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from myna.kit.pagination import Cursor
from myna.media.decode import decode
from tests.fixtures.server import ServerProcess

TEXT = "Hello, how are you today?"
VOICE = "fake:en-US.1"
HOOK = "https://hooks.example.com/myna"


class Client:
    def __init__(self, server: ServerProcess, credits: float = 100) -> None:
        self.server = server
        self.key = server.new_key(credits=credits)
        headers = {"Authorization": f"Bearer {self.key}"}
        self.http = httpx.Client(base_url=f"{server.url}/myna/v1", headers=headers, timeout=60)

    def get(self, path, **parameters):
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def speak(self, text=TEXT, headers=None, **fields):
        return self.http.post("/speech", json={"text": text, "voice": VOICE, **fields}, headers=headers)

    def finished(self, job_id, seconds=60):
        deadline = time.monotonic() + seconds
        while (job := self.get(f"/jobs/{job_id}"))["status"] not in ("succeeded", "failed", "canceled"):
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        return job

    def made(self, text=TEXT, **fields):
        answer = self.speak(text, **fields)
        assert answer.status_code == 202, answer.text
        job = self.finished(answer.json()["id"])
        assert job["status"] == "succeeded", job
        return job


@pytest.fixture
def client(server):
    found = Client(server)
    yield found
    found.http.close()


def check_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


class TestSpeech:
    def test_a_job_that_becomes_a_file(self, client):
        answer = client.speak(name="greeting", format="wav")
        assert answer.status_code == 202
        accepted = answer.json()
        assert answer.headers["location"] == f"/myna/v1/jobs/{accepted['id']}"
        assert (accepted["status"], accepted["name"], accepted["api"]) == ("queued", "greeting", "native")
        job = client.finished(accepted["id"])
        (output,) = job["outputs"]
        assert job["charged"] == job["price"] == len(TEXT) * 0.015
        assert (output["text"], len(output["waveform"]), output["media_type"]) == (TEXT, 50, "audio/wav")
        file = httpx.get(output["url"])
        samples, rate = decode(file.content)
        assert len(samples) / rate == pytest.approx(output["duration"], abs=0.01)
        assert len(file.content) == output["size"]

    @pytest.mark.parametrize(
        "fields",
        [
            {"speed": 2, "temperature": 0.5, "seed": 7, "denoise": True, "remove_silence": True},
            {"loudness": None, "sample_rate": 8000, "normalise": False, "language": "en-GB"},
            {"loudness": -23, "format": "flac"},
        ],
    )
    def test_options(self, client, fields):
        job = client.made(**fields)
        expected = fields.get("sample_rate") or 24_000
        assert job["outputs"][0]["sample_rate"] == expected

    @pytest.mark.parametrize(
        "fields",
        [
            {"text": ""},
            {"text": 3},
            {"text": "\u200b"},
            {"speed": 0},
            {"speed": 5},
            {"speed": "fast"},
            {"temperature": 1.1},
            {"seed": -1},
            {"seed": 1.5},
            {"format": "ogg"},
            {"sample_rate": 1},
            {"loudness": 3},
            {"language": "xx"},
            {"volume": 1},
            {"voice": None},
            {"text": "x" * 50_001},
            {"text": "a\0b"},
            {"name": "a\0b"},
        ],
    )
    def test_refused_and_free_of_charge(self, client, fields):
        answer = client.http.post("/speech", json={"text": TEXT, "voice": VOICE, **fields})
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] in ("invalid_request", "text_too_long", "unsupported")
        assert client.get("/jobs")["data"] == []
        assert client.get("/credits")["balance"] == 100

    def test_an_unknown_voice(self, client):
        check_problem(client.speak(voice="nobody"), 404, "voice_not_found")

    def test_a_broken_body(self, client):
        check_problem(client.http.post("/speech", content=b"{"), 400, "invalid_request")
        for kind, content in (("application/x-www-form-urlencoded", b'{"text":"Hi"}'), ("application/json", b"[]")):
            answer = client.http.post("/speech", content=content, headers={"Content-Type": kind})
            check_problem(answer, 400, "invalid_request")
            assert "sent with `Content-Type: application/json`" in answer.json()["detail"]
        check_problem(client.http.post("/speech", content=b"x" * 1_000_001), 413, "body_too_large")

    def test_no_credits(self, server):
        check_problem(Client(server, credits=0.01).speak(), 402, "insufficient_credits")

    def test_a_failure_costs_nothing(self, client):
        job = client.finished(client.speak("fake:fail=out_of_voice").json()["id"])
        assert (job["status"], job["charged"]) == ("failed", 0)
        assert job["error"] == {"code": "engine_failed", "message": "out of voice"}
        assert job["outputs"] == []
        assert client.get("/credits")["balance"] == 100

    def test_done_once_for_one_key(self, client):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        first, again = client.speak(headers=key), client.speak(headers=key)
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert len(client.get("/jobs")["data"]) == 1
        check_problem(client.speak("Something else", headers=key), 422, "idempotency_mismatch")


class TestJobs:
    def test_listed_by_cursor(self, client):
        made = [client.speak(name=str(number)).json()["id"] for number in range(5)]
        seen, cursor = [], None
        while True:
            page = client.get("/jobs", limit=2, **({"cursor": cursor} if cursor else {}))
            seen += [job["id"] for job in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made[::-1]

    def test_filters(self, client):
        job = client.made()
        assert [found["id"] for found in client.get("/jobs", status="succeeded")["data"]] == [job["id"]]
        assert client.get("/jobs", status="failed")["data"] == []
        assert client.get("/jobs", api="openai")["data"] == []
        assert client.get("/jobs", kind="dub")["data"] == []

    @pytest.mark.parametrize(
        "parameters", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"status": "x"}, {"cursor": "nonsense"}]
    )
    def test_bad_parameters(self, client, parameters):
        check_problem(client.http.get("/jobs", params=parameters), 400, "invalid_request")

    def test_cancel(self, client):
        job_id = client.speak("fake:slow=20 This takes long.").json()["id"]
        answer = client.http.post(f"/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["status"], answer.json()["charged"]) == (200, "canceled", 0)
        assert client.get("/credits")["balance"] == 100
        finished = client.made()
        check_problem(client.http.post(f"/jobs/{finished['id']}/cancel"), 409, "conflict")

    def test_delete(self, client):
        job = client.made()
        link = job["outputs"][0]["url"]
        assert httpx.get(link).status_code == 200
        assert client.http.delete(f"/jobs/{job['id']}").status_code == 204
        check_problem(client.http.get(f"/jobs/{job['id']}"), 404, "not_found")
        check_problem(client.http.delete(f"/jobs/{job['id']}"), 404, "not_found")
        assert client.get("/jobs")["data"] == client.get("/outputs")["data"] == []
        assert httpx.get(link).status_code == 404

    def test_delete_while_it_runs(self, client):
        job_id = client.speak("fake:slow=20 This takes long.").json()["id"]
        assert client.http.delete(f"/jobs/{job_id}").status_code == 204
        assert client.get("/credits")["balance"] == 100


class TestOutputs:
    def test_listed_searched_and_marked(self, client):
        first, second = client.made("The red fox."), client.made("The blue whale.")
        ids = [output["id"] for output in client.get("/outputs")["data"]]
        assert ids == [second["outputs"][0]["id"], first["outputs"][0]["id"]]
        assert [found["id"] for found in client.get("/outputs", order="asc")["data"]] == ids[::-1]
        assert [found["id"] for found in client.get("/outputs", search="RED")["data"]] == [ids[1]]
        changed = client.http.patch(f"/outputs/{ids[0]}", json={"favorite": True})
        assert (changed.status_code, changed.json()["favorite"]) == (200, True)
        assert [found["id"] for found in client.get("/outputs", favorite="true")["data"]] == [ids[0]]
        page = client.get("/outputs", limit=1)
        assert client.get("/outputs", limit=1, cursor=page["next_cursor"])["data"][0]["id"] == ids[1]
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        assert client.get("/outputs", created_from=tomorrow)["data"] == []
        assert len(client.get("/outputs", created_to=tomorrow)["data"]) == 2

    @pytest.mark.parametrize(
        "parameters",
        [
            {"created_from": "9999-12-31T23:59:59-23:00"},
            {"created_to": "0001-01-01T00:00:00+23:00"},
            {"cursor": Cursor(datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))), "x").encode()},
        ],
    )
    def test_moments_beyond_the_calendar(self, client, parameters):
        check_problem(client.http.get("/outputs", params=parameters), 400, "invalid_request")

    def test_a_fresh_link(self, client):
        output = client.made()["outputs"][0]
        link = client.get(f"/outputs/{output['id']}/link")
        assert httpx.get(link["url"]).content == httpx.get(output["url"]).content
        assert link["url"].endswith(f"/{output['file_name']}")

    def test_delete(self, client):
        output = client.made()["outputs"][0]
        assert client.http.delete(f"/outputs/{output['id']}").status_code == 204
        assert httpx.get(output["url"]).status_code == 404
        check_problem(client.http.get(f"/outputs/{output['id']}"), 404, "not_found")
        check_problem(client.http.delete(f"/outputs/{output['id']}"), 404, "not_found")

    def test_bad_changes(self, client):
        output = client.made()["outputs"][0]
        for body in ({}, {"favorite": "yes"}, {"favorite": True, "text": "x"}):
            check_problem(client.http.patch(f"/outputs/{output['id']}", json=body), 400, "invalid_request")


class TestCatalogue:
    def test_voices(self, client):
        voices = client.get("/voices")["data"]
        assert len(voices) > 100
        women = client.get("/voices", gender="female", language="en", engine="fake")["data"]
        assert women
        assert {voice["gender"] for voice in women} == {"female"}
        assert client.get("/voices", engine="nothing")["data"] == []
        assert client.get(f"/voices/{VOICE}")["id"] == VOICE
        check_problem(client.http.get("/voices/nobody"), 404, "voice_not_found")
        check_problem(client.http.get("/voices", params={"gender": "x"}), 400, "invalid_request")

    def test_a_sample(self, client):
        first = client.http.get(f"/voices/{VOICE}/sample")
        assert (first.status_code, first.headers["content-type"]) == (200, "audio/mpeg")
        samples, rate = decode(first.content)
        assert len(samples) > rate
        assert client.http.get(f"/voices/{VOICE}/sample").content == first.content
        assert client.get("/credits")["balance"] == 100
        check_problem(client.http.get("/voices/nobody/sample"), 404, "voice_not_found")

    def test_engines(self, client):
        (engine,) = [engine for engine in client.get("/engines")["data"] if engine["name"] == "fake"]
        assert engine["available"]
        assert "en-US" in engine["languages"]
        assert engine["kind"] == "speech"

    def test_engines_of_all_kinds(self, client):
        engines = client.get("/engines")["data"]
        kinds = {engine["kind"] for engine in engines}
        assert kinds == {"speech", "recognition", "translation", "separation", "denoising"}
        (sphinx,) = [engine for engine in engines if engine["name"] == "sphinx"]
        assert (sphinx["kind"], sphinx["available"], "alignment" in sphinx["options"]) == ("recognition", True, True)

    def test_limits_need_no_key(self, server):
        limits = httpx.get(f"{server.url}/myna/v1/limits").json()
        assert limits["max_text_characters"] == server.settings.max_text_characters
        assert limits["rate_limits"] == []


class TestAccount:
    def test_who_am_i(self, client):
        account = client.get("/account")
        assert account["id"] == client.server.account_of(client.key)
        assert account["role"] == "user"

    def test_keys(self, client):
        made = client.http.post("/keys", json={"name": "laptop"}, headers={"Idempotency-Key": "k"})
        token = made.json()["token"]
        assert made.status_code == 201
        again = client.http.post("/keys", json={"name": "laptop"}, headers={"Idempotency-Key": "k"}).json()
        assert again == {**made.json(), "token": None}
        second = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{client.server.url}/myna/v1/account", headers=second).json() == client.get("/account")
        assert [key["name"] for key in client.get("/keys")["data"]] == ["test", "laptop"]
        assert token not in client.http.get("/keys").text
        assert client.http.delete(f"/keys/{made.json()['id']}").status_code == 204
        check_problem(httpx.get(f"{client.server.url}/myna/v1/account", headers=second), 401, "unauthorized")
        assert client.get("/keys")["data"][1]["revoked_at"]
        check_problem(client.http.delete("/keys/nothing"), 404, "not_found")

    def test_credits_and_usage(self, client):
        client.made()
        price = len(TEXT) * 0.015
        credits = client.get("/credits")
        assert credits["balance"] == pytest.approx(100 - price)
        assert credits["credits"][0]["amount"] == 100
        entries = client.get("/credits/entries")["data"]
        assert sum(entry["amount"] for entry in entries) == pytest.approx(credits["balance"])
        usage = client.get("/usage")
        assert usage["spent"] == pytest.approx(price)
        (day,) = usage["days"]
        assert (day["api"], day["jobs"], day["spent"]) == ("native", 1, pytest.approx(price))
        assert client.get("/usage", until="2026-01-01T00:00:00Z")["days"] == []

    @pytest.mark.parametrize(
        "parameters",
        [
            {"since": "yesterday"},
            {"since": "2026-02-01", "until": "2026-01-01"},
            {"since": "2024-01-01", "until": "2026-01-01"},
        ],
    )
    def test_bad_periods(self, client, parameters):
        check_problem(client.http.get("/usage", params=parameters), 400, "invalid_request")


class TestWebhooks:
    def test_the_life_of_one(self, client):
        made = client.http.post("/webhooks", json={"url": HOOK, "events": ["job.succeeded"]})
        assert made.status_code == 201
        webhook = made.json()
        assert webhook.pop("secret").startswith("whsec_")
        assert client.get(f"/webhooks/{webhook['id']}") == webhook
        assert client.get("/webhooks")["data"] == [webhook]
        off = client.http.patch(f"/webhooks/{webhook['id']}", json={"enabled": False})
        assert off.json()["enabled"] is False
        rotated = client.http.post(f"/webhooks/{webhook['id']}/rotate").json()["secret"]
        assert rotated != made.json()["secret"]
        assert client.http.delete(f"/webhooks/{webhook['id']}").status_code == 204
        check_problem(client.http.get(f"/webhooks/{webhook['id']}"), 404, "not_found")

    def test_deliveries_and_replay(self, client):
        webhook = client.http.post("/webhooks", json={"url": HOOK}).json()["id"]
        client.made()
        deliveries = client.get(f"/webhooks/{webhook}/deliveries")["data"]
        assert len(deliveries) == 2
        answer = client.http.post(f"/deliveries/{deliveries[0]['id']}/replay")
        assert (answer.status_code, answer.json()["event_id"]) == (202, deliveries[0]["event_id"])
        check_problem(client.http.post("/deliveries/nothing/replay"), 404, "not_found")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"url": "nonsense"},
            {"url": "ftp://example.com"},
            {"url": "http://127.0.0.1/hook"},
            {"url": HOOK, "style": "x"},
            {"url": HOOK, "events": ["job.exploded"]},
            {"url": HOOK, "events": "all"},
        ],
    )
    def test_refused(self, client, body):
        answer = client.http.post("/webhooks", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


class TestHealth:
    def test_alive_and_ready(self, server):
        assert httpx.get(f"{server.url}/healthz").json()["status"] == "ok"
        ready = httpx.get(f"{server.url}/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)

    def test_metrics(self, client):
        client.made()
        text = httpx.get(f"{client.server.url}/metrics").text
        for name in (
            "myna_http_requests_total",
            "myna_jobs",
            "myna_engine_running",
            "myna_http_request_seconds_bucket",
        ):
            assert name in text
        assert 'route="/myna/v1/jobs/{job_id}"' in text
        assert client.key not in text

    def test_documentation(self, server):
        page = httpx.get(f"{server.url}/myna/v1/docs")
        assert page.headers["content-type"].startswith("text/html")
        document = httpx.get(f"{server.url}/myna/v1/openapi.json").json()
        for path in document["paths"]:
            assert f"<code>{path}</code>" in page.text

    @pytest.mark.parametrize("path", ["/nothing", "/myna", "/myna/v2/jobs", "/v1/nothing", "/files", "/files/x"])
    def test_unknown_paths(self, server, path):
        check_problem(httpx.get(server.url + path), 404, "not_found")

    def test_wrong_methods(self, server):
        answer = httpx.delete(f"{server.url}/myna/v1/limits")
        check_problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET"

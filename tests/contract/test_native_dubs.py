"""Dubs through Myna's own API, from outside: send, follow, look at lines, change one, dub anew, download, delete."""

from __future__ import annotations

import base64
import json
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from myna.dubbing.subtitles import parse
from tests.fixtures.dubs import FILM_LINES, FILM_SECONDS, SCRIPT
from tests.fixtures.files import file_server
from tests.fixtures.server import ServerFactory, ServerProcess

FAKES = '["fake", "fake-recognition", "fake-translation"]'
DONE_SECONDS = 100
OPTIONS = {"target_languages": "es", "source_language": "en", "transcript": SCRIPT}
FILES = {"result", "dialogue", "bed", "source_srt", "source_vtt", "target_srt", "target_vtt"}
WAYS_IN = (
    ("GET", "", None),
    ("GET", "/lines?language=es", None),
    ("GET", "/quote", None),
    ("PATCH", "/lines/1", {"language": "es", "text": "Hola."}),
    ("PATCH", "/speakers/speaker-1", {"name": "Ada"}),
    ("PUT", "/translations/es", {"text": "Hola.\nOtra."}),
    ("POST", "/redub", None),
    ("POST", "/cancel", None),
    ("DELETE", "", None),
)


@pytest.fixture(scope="module")
def dub_server(make_module_server: ServerFactory) -> ServerProcess:
    return make_module_server(MYNA_ENGINES=FAKES, MYNA_RATE_LIMITS="off", MYNA_FETCH_ALLOW="127.0.0.0/8")


class Client:
    """An account of a server."""

    def __init__(self, server: ServerProcess, credits: float = 100) -> None:
        self.server = server
        self.key = server.new_key(credits=credits)
        headers = {"Authorization": f"Bearer {self.key}"}
        self.http = httpx.Client(base_url=f"{server.url}/myna/v1", headers=headers, timeout=60)

    def send(self, film: Path | bytes, headers=None, **fields) -> httpx.Response:
        data = film if isinstance(film, bytes) else film.read_bytes()
        files = {"file": ("holiday.mp4", data, "video/mp4")}
        return self.http.post("/dubs", data={**OPTIONS, **fields}, files=files, headers=headers)

    def dub(self, film: Path, **fields) -> dict:
        answer = self.send(film, **fields)
        assert answer.status_code == 202, answer.text
        return self.finished(answer.json()["id"])

    def finished(self, dub_id: str, status: str = "succeeded") -> dict:
        deadline = time.monotonic() + DONE_SECONDS
        while time.monotonic() < deadline:
            dub = self.http.get(f"/dubs/{dub_id}").json()
            if dub["status"] not in ("queued", "running"):
                assert dub["status"] == status, dub["error"]
                return dub
            time.sleep(0.1)
        raise AssertionError(f"not finished: {dub}")

    def lines(self, dub_id: str, language: str = "es") -> list[dict]:
        answer = self.http.get(f"/dubs/{dub_id}/lines", params={"language": language})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def kept(self) -> list[str]:
        """What lies in storage for its dubs."""
        folder = self.server.data_dir / "files" / "dubs" / self.server.account_of(self.key)
        return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def client(dub_server: ServerProcess) -> Client:
    return Client(dub_server)


@pytest.fixture(scope="module")
def made(dub_server: ServerProcess, film: Path) -> tuple[Client, dict]:
    """A finished dub into two languages; tests that change it dub one of their own."""
    client = Client(dub_server)
    return client, client.dub(film, target_languages="es,fr", keep_original="true", name="Our holiday")


def check_problem(answer: httpx.Response, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["status"]) == (code, status)
    return body


def test_a_film_comes_back_in_two_languages(made: tuple[Client, dict]) -> None:
    client, dub = made
    assert (dub["name"], dub["source_language"], dub["progress"]) == ("Our holiday", "en", 1.0)
    assert dub["duration"] == pytest.approx(FILM_SECONDS, abs=0.05)
    assert dub["charged"] == pytest.approx(2 * 0.25 * FILM_SECONDS, abs=0.05)
    assert [target["language"] for target in dub["targets"]] == ["es", "fr"]
    for target in dub["targets"]:
        assert set(target["files"]) == FILES
        assert target["changed_lines"] == target["marked_lines"] == []
    assert all(stage["starts"] == 1 for stage in dub["stages"].values())
    assert {name: stage["engines"] for name, stage in dub["stages"].items() if stage["engines"]} == {
        "translate": ["fake-translation"],
        "speak": ["fake"],
    }
    for language in ("es", "fr"):
        lines = client.lines(dub["id"], language)
        assert [line["source_text"] for line in lines] == [text for _, _, text in FILM_LINES]
        for line, (start, _, _) in zip(lines, FILM_LINES, strict=True):
            assert line["source_start"] == pytest.approx(start, abs=0.3)
            assert line["start"] == pytest.approx(line["source_start"], abs=0.1)
            assert line["text"].startswith(language)
            assert line["changed"] is False


def test_its_files_are_downloaded_without_a_key(made: tuple[Client, dict]) -> None:
    _, dub = made
    files = dub["targets"][0]["files"]
    for name, (kind, begin) in {
        "result": ("video/mp4", b""),
        "dialogue": ("audio/flac", b"fLaC"),
        "target_srt": ("application/x-subrip", b"1\n"),
        "source_vtt": ("text/vtt", b"WEBVTT"),
    }.items():
        answer = httpx.get(files[name]["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.content.startswith(begin)
        assert len(answer.content) == files[name]["size"]
    assert files["result"]["file_name"].endswith(".mp4")
    assert "Our holiday" in files["result"]["file_name"]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_its_subtitles_are_shown_when_lines_are_said(made: tuple[Client, dict], kind: str) -> None:
    client, dub = made
    files, lines = dub["targets"][0]["files"], client.lines(dub["id"])
    source = parse(httpx.get(files[f"source_{kind}"]["url"]).text)
    target = parse(httpx.get(files[f"target_{kind}"]["url"]).text)
    for cues, prefix in ((source, "source_"), (target, "")):
        assert [cue.text for cue in cues] == [line[f"{prefix}text"] for line in lines]
        assert [cue.start for cue in cues] == pytest.approx([line[f"{prefix}start"] for line in lines], abs=0.0015)
        assert [cue.end for cue in cues] == pytest.approx([line[f"{prefix}end"] for line in lines], abs=0.0015)
    assert [cue.start for cue in source] == pytest.approx([start for start, _, _ in FILM_LINES], abs=0.1)
    names = {speaker["id"]: speaker["name"] for speaker in dub["speakers"]}
    spoken_by = [names[line["speaker"]] for line in lines] if kind == "vtt" else [None, None]
    assert [cue.speaker for cue in target] == spoken_by


def test_it_is_among_the_outputs_and_jobs(made: tuple[Client, dict]) -> None:
    client, dub = made
    job = client.http.get(f"/jobs/{dub['job_id']}").json()
    assert (job["kind"], job["status"]) == ("dub", "succeeded")
    assert {output["id"] for output in job["outputs"]} == {target["output_id"] for target in dub["targets"]}
    listed = client.http.get("/dubs", params={"limit": 1}).json()
    assert [item["id"] for item in listed["data"]] == [dub["id"]]
    assert listed["next_cursor"] is None


def test_pages_of_dubs(client: Client, film: Path) -> None:
    ids = [client.send(film).json()["id"] for _ in range(3)]
    first = client.http.get("/dubs", params={"limit": 2}).json()
    second = client.http.get("/dubs", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [dub["id"] for dub in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None
    for dub_id in ids:
        client.finished(dub_id)


def test_one_line_is_changed_and_dubbed_anew(client: Client, film: Path) -> None:
    dub = client.dub(film)
    path = f"/dubs/{dub['id']}"
    check_problem(client.http.post(f"{path}/redub"), 409, "conflict")
    assert client.http.get(f"{path}/quote").json()["price"] == 0
    before = client.lines(dub["id"])

    changed = client.http.patch(f"{path}/lines/1", json={"language": "es", "text": "es Un buen día."})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["text"], changed.json()["changed"]) == ("es Un buen día.", True)
    quote = client.http.get(f"{path}/quote").json()
    assert quote["lines"] == {"es": [1]}
    assert 0 < quote["price"] < dub["charged"]

    answer = client.http.post(f"{path}/redub")
    assert answer.status_code == 202, answer.text
    again = client.finished(dub["id"])
    assert again["job_id"] != dub["id"]
    assert again["charged"] == quote["price"]
    after = client.lines(dub["id"])
    assert (after[0]["text"], after[0]["changed"]) == ("es Un buen día.", False)
    assert after[1] == before[1]


def test_a_speaker_gets_a_name_and_another_voice(client: Client, film: Path) -> None:
    dub = client.dub(film)
    path = f"/dubs/{dub['id']}/speakers/speaker-1"
    changed = client.http.patch(path, json={"name": "Ada", "voice": "fake:es-MX.2"})
    assert changed.status_code == 200, changed.text
    speaker = changed.json()["speakers"][0]
    assert (speaker["name"], speaker["voice"]) == ("Ada", "fake:es-MX.2")
    theirs = [line for line in client.lines(dub["id"]) if line["speaker"] == "speaker-1"]
    assert theirs
    assert all(line["voice"] == "fake:es-MX.2" and line["changed"] for line in theirs)
    check_problem(client.http.patch(path, json={"voice": "nobody"}), 404, "voice_not_found")
    foreign = check_problem(client.http.patch(path, json={"voice": "fake:en-US.2"}), 400, "unsupported")
    assert "`fake:en-US.2` speaks `en-US`, not `es`" in foreign["detail"]
    assert "language=es" in foreign["detail"]
    assert client.lines(dub["id"])[0]["voice"] == "fake:es-MX.2"


def test_a_film_at_an_address_or_inside_of_json(client: Client, film: Path) -> None:
    with file_server() as files:
        fetched = client.http.post("/dubs", json=_json(files.put("/film.mp4", film.read_bytes())))
        assert fetched.status_code == 202, fetched.text
        assert fetched.json()["duration"] is None
        assert fetched.json()["name"] == "film.mp4"
        assert client.finished(fetched.json()["id"])["duration"] == pytest.approx(FILM_SECONDS, abs=0.05)
    inside = "data:video/mp4;base64," + base64.b64encode(film.read_bytes()).decode()
    document = json.dumps(_json(inside, name="inside")).replace("/", "\\/")
    sent = client.http.post("/dubs", content=document, headers={"Content-Type": "application/json"})
    assert sent.status_code == 202, sent.text
    assert sent.json()["duration"] == pytest.approx(FILM_SECONDS, abs=0.05)
    assert sent.json()["name"] == "inside"
    client.finished(sent.json()["id"])


def test_how_large_a_film_inside_of_json_may_be_is_published(client: Client) -> None:
    most = client.http.get("/limits").json()["max_inline_film_bytes"]
    for key, status in ((client.key, 413), ("wrong", 401)):
        connection = HTTPConnection(client.http.base_url.host, client.http.base_url.port, timeout=30)
        headers = {"Content-Type": "application/json", "Content-Length": str(2 * most), "Expect": "100-continue"}
        connection.request("POST", "/myna/v1/dubs", headers={**headers, "Authorization": f"Bearer {key}"})
        assert connection.getresponse().status == status
        connection.close()


def _json(url: str, **values) -> dict:
    return {**OPTIONS, "target_languages": ["es"], "url": url, **values}


def test_what_is_wrong_is_said_at_once_and_charged_nothing(client: Client, film: Path) -> None:
    before = client.server.balance(client.key)
    wrong = {
        "target_languages": ("", "klingon", "es,es-" + "x" * 40),
        "speed": ("0", "fast"),
        "speakers": ("0", "many"),
        "voices": (
            *("[", '{"speaker-1": "nobody"}', '{"speaker-1": "fake:en-US.2"}', '{"es/speaker-1": "fake:fr-FR.1"}'),
            *('{"speaker1": "fake:es-MX.2"}', '{"fr/speaker-1": "fake:fr-FR.1"}', '{"fr": "fake:fr-FR.1"}'),
        ),
        "translations": ('{"es": 1}', '{"de": "Guten Tag."}'),
        "on_failed_line": ("ignore",),
        "voice": ("nobody", "fake:en-US.2"),
        "unheard_of": ("1",),
        "use_subtitles": ("true",),
    }
    for field, values in wrong.items():
        for value in values:
            answer = client.send(film, **{field: value})
            assert answer.status_code in (400, 404, 422), f"{field}={value}: {answer.status_code} {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
    for film_bytes in (b"", b"no film", film.read_bytes()[:2_000], b"#EXTM3U\nhttp://127.0.0.1/x.ts\n"):
        answer = client.send(film_bytes)
        assert 400 <= answer.status_code < 500, answer.text
    for body in ({}, {"url": "ftp://example.org/x"}, _json("file:///etc/passwd"), _json("data:video/mp4;base64,!!")):
        answer = client.http.post("/dubs", json=body)
        assert 400 <= answer.status_code < 500, answer.text
    assert client.http.post("/dubs", content=b"{").status_code == 400
    assert client.server.balance(client.key) == before
    assert client.http.get("/dubs").json()["data"] == []
    assert client.kept() == []


def test_an_account_without_credits(dub_server: ServerProcess, film: Path) -> None:
    poor = Client(dub_server, credits=1)
    check_problem(poor.send(film), 402, "insufficient_credits")
    assert poor.kept() == []


def test_a_line_that_cannot_be_spoken(client: Client, film: Path) -> None:
    translations = {"es": "es Fine.\nfake:fail=no_luck es Other."}
    sent = client.send(film, translations=json.dumps(translations))
    failed = client.finished(sent.json()["id"], "failed")
    assert "line 2" in failed["error"]["message"].lower()
    assert failed["charged"] == 0
    marked = client.dub(film, translations=json.dumps(translations), on_failed_line="mark")
    lines = client.lines(marked["id"])
    assert [line["fit"] == "failed" for line in lines] == [False, True]
    assert lines[1]["error"]
    assert marked["targets"][0]["changed_lines"] == marked["targets"][0]["marked_lines"] == [2]


def test_a_whole_script_is_sent_again(client: Client, film: Path) -> None:
    """Spoken are the lines that differ. A script with too many lines is refused at once."""
    dub = client.dub(film)
    path, kept = f"/dubs/{dub['id']}", client.lines(dub["id"])
    wrong = client.http.put(f"{path}/translations/es", json={"text": "one\ntwo\nthree"})
    assert "The source has 2 lines" in check_problem(wrong, 400, "invalid_request")["detail"]
    sent = client.http.put(f"{path}/translations/es", json={"text": f"{kept[0]['text']}\nOtro día."})
    assert [line["changed"] for line in sent.json()["data"]] == [False, True]
    assert client.http.get(f"{path}/quote").json()["lines"] == {"es": [2]}
    assert client.http.post(f"{path}/redub").status_code == 202
    client.finished(dub["id"])
    assert [line["text"] for line in client.lines(dub["id"])] == [kept[0]["text"], "Otro día."]
    check_problem(client.http.put(f"{path}/translations/fr", json={"text": "x"}), 404, "not_found")


def test_a_repeated_request_makes_one_dub(client: Client, film: Path) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = client.send(film, headers), client.send(film, headers)
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json()["id"] == second.json()["id"]
    client.finished(first.json()["id"])
    assert len(client.http.get("/dubs").json()["data"]) == 1


def test_canceled_and_deleted_dubs_leave_nothing(client: Client, film: Path) -> None:
    before = client.server.balance(client.key)
    dub_id = client.send(film).json()["id"]
    canceled = client.http.post(f"/dubs/{dub_id}/cancel")
    assert canceled.json()["status"] == "canceled"
    check_problem(client.http.get(f"/dubs/{dub_id}/lines", params={"language": "de"}), 404, "not_found")
    made = client.dub(film)
    url = made["targets"][0]["files"]["result"]["url"]
    assert client.http.delete(f"/dubs/{made['id']}").status_code == 204
    assert client.http.delete(f"/dubs/{dub_id}").status_code == 204
    check_problem(client.http.get(f"/dubs/{made['id']}"), 404, "not_found")
    _wait_until(lambda: client.kept() == [])
    assert httpx.get(url).status_code == 404
    assert client.http.get("/dubs").json()["data"] == []
    assert client.http.get("/outputs").json()["data"] == []
    assert before - client.server.balance(client.key) == round(made["charged"] * 1_000)


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(("method", "path", "body"), WAYS_IN)
def test_a_foreign_dub_is_answered_as_one_that_is_not_there(
    made: tuple[Client, dict], client: Client, method: str, path: str, body: dict | None
) -> None:
    _, dub = made
    answers = []
    for dub_id in (dub["id"], str(uuid.uuid4())):
        answer = client.http.request(method, f"/dubs/{dub_id}{path}", json=body)
        assert answer.status_code == 404
        names = {name for name in answer.headers if name not in ("date", "x-request-id")}
        answers.append(({**answer.json(), "request_id": None}, names))
    assert answers[0] == answers[1]


def test_without_a_key_nothing_is_read(dub_server: ServerProcess) -> None:
    answer = httpx.post(f"{dub_server.url}/myna/v1/dubs", files={"file": ("a.mp4", bytes(3_000_000))}, timeout=30)
    check_problem(answer, 401, "unauthorized")


def test_its_parts_are_described(dub_server: ServerProcess) -> None:
    described = httpx.get(f"{dub_server.url}/myna/v1/openapi.json").json()["paths"]["/myna/v1/dubs"]["post"]
    assert set(described["requestBody"]["content"]) == {"multipart/form-data", "application/json"}

"""ModelsLab's words into ours and back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import InvalidRequest
from myna.http.errors import retry_headers
from myna.http.modelslab import mapping
from myna.http.modelslab.errors import JobFailed, status_of
from myna.http.modelslab.fields import Fields
from myna.jobs.schemas import Job
from tests.fixtures.webhooks import MOMENT, make_job


def a_job(**values: Any) -> Job:
    details = {"number": 7, "meta": {"a": 1}, "output": {"id": "o", "file_name": "o.wav"}}
    return make_job(**{"api": "modelslab", "details": details, "request": {"text": "x" * 900}, **values})


@given(st.text())
def test_a_number_is_what_javascript_holds_and_always_the_same(seed: str) -> None:
    number = mapping.number_of(seed)
    assert 0 < number < 2**53
    assert number == mapping.number_of(seed)
    assert uuid.UUID(mapping.job_id_of(number))
    assert mapping.read_number(str(number)) == number


@pytest.mark.parametrize("text", ["", "-1", "1.0", "abc", "1" * 17, "٣", "1 "])
def test_what_was_never_a_number(text: str) -> None:
    assert mapping.read_number(text) is None


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("spanish_dub", "spanish_dub"),
        (10, "10"),
        ("../../etc/passwd", "etc_passwd"),
        ("a b/c\\d:e", "a_b_c_d_e"),
        ("", "spanish_dub"),
        ("...", "spanish_dub"),
        ("x" * 500, "x" * 64),
        ("été", "été"),
    ],
)
def test_a_prefix_can_stand_in_a_name(given: Any, safe: str) -> None:
    assert mapping.safe_prefix(given) == safe
    assert "/" not in mapping.safe_prefix(given)
    assert not mapping.safe_prefix(given).startswith(".")


def test_sounds_of_emotion_are_not_read_out() -> None:
    assert mapping.prompt_of(Fields({"prompt": "Well <laugh> yes <SIGH>"}), 100) == "Well yes"
    with pytest.raises(InvalidRequest, match="prompt is required"):
        mapping.prompt_of(Fields({"prompt": "<laugh>"}), 100)
    assert mapping.prompt_of(Fields({"text": "a <b> c"}), 100) == "a <b> c"


def test_speech_is_steady_and_wav() -> None:
    request = mapping.speech_request("Hi", "voice", "es", Fields({"speed": "2", "seed": -5}))
    assert (request.speed, request.seed, request.format, request.temperature, request.language) == (
        2,
        5,
        "wav",
        0,
        "es",
    )


def test_the_details_of_a_dub_have_the_vendors_types() -> None:
    fields = Fields({"speed": 1.2, "output_lang": "es", "base64": "no", "track_id": 3, "webhook": "https://x"})
    details = mapping.numbered(mapping.dub_details(fields, "https://v/f.mp4", "ef_dora"), 12)
    meta = details["meta"]
    assert (meta["speed"], meta["id"], meta["file_prefix"], meta["is_base64"]) == ("1.2", "12", "spanish_dub", False)
    assert details["output"]["file_name"] == f"dubbed_video_{meta['uuid']}_spanish_dub.mp4"
    assert (details["webhook"], details["track_id"]) == ({"url": "https://x", "style": "modelslab"}, 3)


def test_processing_never_has_output() -> None:
    for answer in (
        mapping.processing(a_job(status="queued"), ["u"], "f", 3),
        mapping.still_processing(a_job(status="running", progress=0.5), "f", 3),
    ):
        assert (answer["status"], answer["output"], answer["id"], answer["eta"]) == ("processing", [], 7, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"status": "failed", "error_message": "No."}, "No."),
        ({"status": "failed"}, "Failed, Try Again"),
        ({"status": "canceled"}, "The request was canceled"),
    ],
)
def test_a_failed_job_says_why(values: dict[str, Any], message: str) -> None:
    assert mapping.failed(a_job(**values)) == {"status": "failed", "id": 7, "message": message, "output": []}


def test_a_failure_is_the_clients_or_the_servers() -> None:
    by_client = mapping.failure(a_job(status="failed", error_code="reference_refused", error_message="Too short."))
    assert isinstance(by_client, InvalidRequest)
    for_the_moment = mapping.failure(a_job(status="failed", error_code="unavailable", error_message="All are busy."))
    assert (status_of(for_the_moment), retry_headers(for_the_moment)) == (503, {"Retry-After": "1"})
    by_server = mapping.failure(a_job(status="failed", error_code="engine_crashed", error_message="Boom."))
    assert isinstance(by_server, JobFailed)
    assert by_server.message == "Failed, Try Again: Boom."


def test_an_unknown_id_is_echoed_when_it_is_a_number() -> None:
    assert mapping.not_found(5)["id"] == 5
    assert "id" not in mapping.not_found(None)


def test_estimates_are_whole_seconds() -> None:
    assert mapping.eta(a_job()) == 3
    assert mapping.eta(a_job(kind="transcription")) == 5
    assert mapping.eta(a_job(kind="dub", progress=0.0)) == 100
    assert mapping.dub_eta(a_job(kind="dub", progress=0.5), 60.0) == 20
    assert mapping.dub_eta(a_job(kind="dub", progress=1.0), 60.0) == 1


def test_the_time_of_generation() -> None:
    begun = a_job(started_at=MOMENT, finished_at=MOMENT + timedelta(seconds=1.904))
    assert mapping.generation_time(begun) == 1.9
    assert mapping.generation_time(a_job()) == 0.0


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.org/a/film%20one.mp4?t=1", "film one.mp4"),
        ("https://x.org/", ""),
        (None, ""),
        ("https://x.org/a/../b", "b"),
        ("https://x.org", ""),
        ("https://x.org?film.mp4", ""),
        ("https://x.org/film.mp4#t=1/2", "film.mp4"),
        ("http://[", ""),
    ],
)
def test_the_name_of_a_source(url: str | None, name: str) -> None:
    assert mapping.source_name(url) == name

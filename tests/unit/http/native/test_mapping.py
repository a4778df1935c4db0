from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from myna.engines.base import Capabilities
from myna.http.native import mapping, schemas
from myna.http.native.parameters import position
from myna.jobs.schemas import Job
from myna.kit.pagination import Cursor, Page
from myna.outputs.schemas import Output
from myna.settings import Settings
from myna.voices.schemas import Voice

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = Job(
    id="job",
    account_id="account",
    key_id="key",
    kind="speech",
    api="native",
    status="succeeded",
    stage="",
    progress=1.0,
    request={"text": "private"},
    details={"internal": True},
    price=1_250,
    charged=1_250,
    hold_id="hold",
    name="name",
    base_url="http://myna.test",
    error_code=None,
    error_message=None,
    created_at=MOMENT,
    updated_at=MOMENT,
    started_at=MOMENT,
    finished_at=MOMENT,
    deleted_at=None,
)
OUTPUT = Output(
    id="output",
    job=JOB,
    account_id="account",
    object_key="outputs/account/output.mp3",
    file_name="output.mp3",
    media_type="audio/mpeg",
    size=10,
    duration=1.5,
    sample_rate=24_000,
    waveform=(0.0, 1.0),
    text="Hello",
    prompt_id="prompt",
    settings={"speed": 1},
    is_favorited=True,
    was_auto_submitted=False,
    created_at=MOMENT,
    updated_at=MOMENT,
)
VOICE = Voice(id="fake:en-US.1", name="One", engine="fake", languages=("en-US", "en"), gender="female")


def test_amounts_are_credits():
    assert [mapping.credits_of(milli) for milli in (0, 1, 1_250, -15)] == [0, 0.001, 1.25, -0.015]


def test_a_job_shows_nothing_internal():
    shown = mapping.job(JOB).model_dump()
    assert (shown["price"], shown["charged"], shown["error"]) == (1.25, 1.25, None)
    assert not {"request", "details", "hold_id", "key_id", "account_id", "base_url"} & set(shown)


def test_a_failed_job_says_why():
    failed = mapping.job(replace(JOB, status="failed", error_code="engine_failed", error_message="no"))
    assert failed.error == schemas.JobError(code="engine_failed", message="no")


def test_an_output_shows_its_link_and_not_its_key():
    shown = mapping.output(OUTPUT, "http://myna.test/files/t/output.mp3", MOMENT).model_dump()
    assert (shown["job_id"], shown["favorite"], shown["waveform"]) == ("job", True, [0.0, 1.0])
    assert "object_key" not in shown


def test_pages_end():
    more = mapping.job_page(Page([JOB], has_more=True))
    assert more.next_cursor is not None
    assert position(more.next_cursor) == Cursor(MOMENT, "job")
    assert mapping.job_page(Page([JOB], has_more=False)).next_cursor is None
    assert mapping.output_cursor(Page([], has_more=False)) is None
    assert position(None) is position("") is None


def test_a_request():
    body = schemas.SpeechBody(text="Hi", voice="One", speed=2, seed=7, loudness=None, format="wav", sample_rate=8000)
    request = mapping.speech_request(body, VOICE)
    assert (request.voice_id, request.speed, request.seed) == ("fake:en-US.1", 2, 7)
    assert (request.loudness, request.format, request.sample_rate) == (None, "wav", 8000)


def test_the_price_is_by_character():
    assert mapping.price("Hello", Settings(openai_millicredits_per_character=15)) == 75


def test_filters():
    query = schemas.OutputQuery(search="", favorite=True, created_from="2026-03-01")
    where = mapping.output_filter(query)
    assert (where.search, where.is_favorited, where.created_from) == (None, True, datetime(2026, 3, 1, tzinfo=UTC))


def test_an_engine():
    able = Capabilities("fake", "Tones", "1", "MIT", ("en",), 24_000, options=frozenset({"speed", "seed"}))
    assert mapping.engine(able).options == ["seed", "speed"]
    assert mapping.voice(VOICE).languages == ["en-US", "en"]


@pytest.mark.parametrize("body", [{"favorite": 1}, {"favorite": True, "more": 1}, {}])
def test_bodies_are_strict(body):
    with pytest.raises(ValueError, match=r"favorite|more"):
        schemas.OutputChange(**body)

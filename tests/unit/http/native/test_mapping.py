from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi import UploadFile

from myna.engines.base import Capabilities
from myna.errors import InvalidRequest
from myna.http.native import forms, mapping, schemas
from myna.http.native.parameters import position
from myna.jobs.schemas import Job
from myna.kit.pagination import Cursor, Page
from myna.outputs.schemas import Output
from myna.settings import Settings
from myna.voices.portable import PortableVoice
from myna.voices.schemas import NewVoice, Removed, Voice

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
    shown = mapping.engine(able, {"tones": "fake", "small": "kokoro"})
    assert shown.options == ["seed", "speed"]
    assert shown.models == ["tones"]
    assert mapping.voice(VOICE).languages == ["en-US", "en"]


def test_a_change_empties_what_is_null_and_leaves_out_what_is_not_there():
    change = mapping.voice_change(schemas.VoiceChange(name="Nora", description=None, languages=["en", "ar"]))
    assert (change.name, change.languages, change.cleared) == ("Nora", ("en", "ar"), {"description"})
    assert (change.age, change.dialects, change.stability) == (None, None, None)
    with pytest.raises(InvalidRequest, match="Nothing is to be changed"):
        mapping.voice_change(schemas.VoiceChange())


def test_lists_in_forms_are_separated_or_repeated():
    file = UploadFile(io.BytesIO(b""))
    for languages in ("ar, en", ["ar", "en"], "ar,,en , ar", ["ar,en", " "]):
        form = forms.NewVoiceForm(file=file, name="Nora", languages=languages)
        assert mapping.new_voice(form).languages == ("ar", "en")
    with pytest.raises(ValueError, match="valid string"):
        forms.NewVoiceForm(file=file, name="Nora", languages=[file])


def test_an_imported_voice_needs_its_own_consent():
    kept = NewVoice(name="Nora", stability=0.25, consent_id="cons_of_another_server")
    file = PortableVoice(new=kept, transcript=None, language=None, reference=b"", preview=None)
    form = forms.ImportForm(file=UploadFile(io.BytesIO(b"")), name="Nadia")
    assert mapping.imported_voice(form, file) == NewVoice(name="Nadia", stability=0.25, consent_id=None)


def test_a_deletion_says_what_was_removed():
    told = mapping.deleted_voice(Removed("voice_1", ("prepared.json", "reference.flac")))
    assert told.model_dump() == {"id": "voice_1", "deleted": True, "removed": ["prepared", "reference"]}


@pytest.mark.parametrize("body", [{"favorite": 1}, {"favorite": True, "more": 1}, {}])
def test_bodies_are_strict(body):
    with pytest.raises(ValueError, match=r"favorite|more"):
        schemas.OutputChange(**body)

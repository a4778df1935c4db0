"""A job and its output, to vary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from myna.jobs.schemas import Job
from myna.outputs.schemas import Output

CREATED_AT = datetime(2026, 11, 20, 23, 57, 11, 27_999, tzinfo=UTC)
EXPIRES_AT = CREATED_AT + timedelta(days=1)
JOB_ID = "clx7uu86w0a5qp55yxz315r6r"

_JOB = Job(
    id=JOB_ID,
    account_id="account",
    key_id="key",
    kind="speech",
    api="magichour",
    status="queued",
    stage="",
    progress=0.0,
    request={},
    details={},
    price=2_000,
    charged=2_000,
    hold_id="hold",
    name="Größe 😀",
    base_url="https://voice.example.org",
    error_code=None,
    error_message=None,
    created_at=CREATED_AT,
    updated_at=CREATED_AT,
    started_at=None,
    finished_at=None,
    deleted_at=None,
)


def job(**changes: Any) -> Job:
    return replace(_JOB, **changes)


def output(**changes: Any) -> Output:
    made = Output(
        id="5f0c3cb5-9f0c-4cf2-b7b5-3f6d8f0a7f11",
        job=_JOB,
        account_id="account",
        object_key="outputs/account/5f0c3cb5-9f0c-4cf2-b7b5-3f6d8f0a7f11.wav",
        file_name=f"{JOB_ID}.wav",
        media_type="audio/wav",
        size=1_000,
        duration=1.0,
        sample_rate=24_000,
        waveform=(0.5,) * 50,
        text="Hello",
        prompt_id="prompt",
        settings={},
        is_favorited=False,
        was_auto_submitted=False,
        created_at=CREATED_AT,
        updated_at=CREATED_AT,
    )
    return replace(made, **changes)

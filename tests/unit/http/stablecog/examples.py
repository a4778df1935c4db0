"""Things that several tests of this folder look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from myna.credits.schemas import Credit
from myna.http.stablecog.speakers import BARK_ID, OWN_MODEL_ID, Model, Models, Speaker, own_speaker
from myna.jobs.schemas import Job
from myna.kit import clock, ids
from myna.outputs.schemas import Output

BRYAN = Speaker("0140c5dc-af12-4643-bfec-650d3cd03c56", "v2/en_speaker_0", "en", "fake:en-US.1")
FRITZ = Speaker("31d7c264-b674-422b-9b8f-13195c3289b6", "v2/de_speaker_0", "de", "fake:de-DE.1")
OWN = own_speaker("fake:en-GB.2", "en-GB")
MODELS = Models([Model(BARK_ID, "bark", (BRYAN, FRITZ)), Model(OWN_MODEL_ID, "myna", (OWN,))], BRYAN.id)

MOMENT = datetime(2023, 6, 21, 18, 9, 50, 99350, UTC)
SETTINGS: dict[str, Any] = {
    "model_id": BARK_ID,
    "speaker_id": BRYAN.id,
    "temperature": 0.7,
    "seed": 12447287,
    "denoise_audio": True,
    "remove_silence": False,
}
REQUEST: dict[str, Any] = {
    "text": "Hi",
    "voice_id": "fake:en-GB.2",
    "language": None,
    "temperature": 0.25,
    "seed": 3,
    "denoise": False,
    "remove_silence": True,
}


def a_job(**changes: Any) -> Job:
    job = Job(
        id="5c1ad4a4-2a4f-4a24-8b9c-111111111111",
        account_id="account",
        key_id="key",
        kind="speech",
        api="stablecog",
        status="succeeded",
        stage="",
        progress=1.0,
        request=REQUEST,
        details={},
        price=1_000,
        charged=1_000,
        hold_id="hold",
        name="",
        base_url="",
        error_code=None,
        error_message=None,
        created_at=MOMENT,
        updated_at=MOMENT,
        started_at=MOMENT.replace(microsecond=200000),
        finished_at=MOMENT.replace(second=52, microsecond=0),
        deleted_at=None,
    )
    return replace(job, **changes)


def an_output(**changes: Any) -> Output:
    output = Output(
        id="7d7a5f0e-0000-4000-8000-222222222222",
        job=a_job(),
        account_id="account",
        object_key="outputs/account/x.mp3",
        file_name="x.mp3",
        media_type="audio/mpeg",
        size=1000,
        duration=5.397687435,
        sample_rate=24_000,
        waveform=(0.0, 0.5, 1.0),
        text=" Hi\n",
        prompt_id=ids.prompt_id(" Hi\n"),
        settings=SETTINGS,
        is_favorited=False,
        was_auto_submitted=True,
        created_at=MOMENT,
        updated_at=MOMENT,
    )
    return replace(output, **changes)


def a_credit(remaining: int, type: str = "Granted", id: str = "row", expires_at: datetime = clock.FOREVER) -> Credit:
    return Credit(id, "account", type, remaining, remaining, expires_at, MOMENT)

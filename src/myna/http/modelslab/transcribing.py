"""Speech to text: a recording in, a text file out. https://docs.modelslab.com/voice-cloning/speech-to-text"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request

from myna.errors import InvalidRequest
from myna.http.idempotency import job_uuid
from myna.http.modelslab import mapping
from myna.http.modelslab.access import ordering
from myna.http.modelslab.answers import answer_soon
from myna.http.modelslab.fields import Fields
from myna.http.modelslab.languages import named_language
from myna.http.modelslab.media import announce, as_reference, read_sent
from myna.transcription.schemas import TranscriptionRequest

if TYPE_CHECKING:
    from myna.http.services import Services


class Transcribing:
    """Takes orders for transcripts, at both of the addresses that clients know."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def speech_to_text(self, request: Request) -> dict[str, Any]:
        services = self._services
        caller, fields = await ordering(request, services)
        sent = await read_sent(services, fields, services.base_url(request), "init_audio", "audio_url")
        spoken = fields.text("language", "input_language")
        language = named_language(spoken, "language") if spoken and spoken.lower() != "auto" else None
        wanted = TranscriptionRequest(language, _timestamps(fields))
        services.transcription.check(language)
        if url := mapping.callback(fields).url:
            services.webhooks.check_url(url, "webhook")
        await announce(services, sent, "init_audio", services.settings.max_dub_bytes)
        number = mapping.number_of(job_uuid(request))
        async with as_reference(services, caller, sent) as recording:
            job = await services.transcriptions.create(
                caller,
                wanted,
                recording,
                api=mapping.API,
                base_url=services.base_url(request),
                job_id=mapping.job_id_of(number),
                details=mapping.transcript_details(number, fields, sent.shown, wanted),
            )
        ended = services.transcriptions.wait(job.id, services.settings.modelslab_wait_seconds)
        return await answer_soon(request, services, job, ended, extension="txt", family="whisper")


def _timestamps(fields: Fields) -> Literal["word", "sentence"] | None:
    wanted = (fields.text("timestamp_level") or "null").strip().lower()
    if wanted == "word":
        return "word"
    if wanted == "sentence":
        return "sentence"
    if wanted in ("null", "none"):
        return None
    raise InvalidRequest("timestamp_level must be null, word or sentence", field="timestamp_level")

"""Speech: text to speech, and speech with the voice of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from myna.accounts.schemas import Caller
from myna.errors import ConsentRequired
from myna.http.idempotency import job_uuid
from myna.http.modelslab import mapping
from myna.http.modelslab.access import ordering
from myna.http.modelslab.answers import answer_soon
from myna.http.modelslab.fields import Fields
from myna.http.modelslab.languages import spoken_language
from myna.http.modelslab.media import announce, as_reference, read_sent
from myna.http.modelslab.voices import Chosen, find_voice
from myna.jobs.schemas import Job
from myna.speech.schemas import SpeechRequest
from myna.voices.own import spoken_languages
from myna.voices.schemas import REFERENCE_VOICE, Voice

if TYPE_CHECKING:
    from myna.http.services import Services


class Speaking:
    """Takes orders for speech."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def text_to_speech(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/voice-cloning/text-to-speech"""
        caller, fields = await ordering(request, self._services)
        text = mapping.prompt_of(fields, mapping.LONGEST_PROMPT)
        return await self._speak(request, caller, fields, text)

    async def text_to_audio(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/voice-cloning/text-to-audio : `init_audio` wins over `voice_id`."""
        caller, fields = await ordering(request, self._services)
        text = mapping.prompt_of(fields, self._services.settings.max_text_characters)
        if fields.text("init_audio") is None and fields.text("voice_id") is not None:
            return await self._speak(request, caller, fields, text)
        return await self._clone(request, caller, fields, text)

    async def _speak(self, request: Request, caller: Caller, fields: Fields, text: str) -> dict[str, Any]:
        language = spoken_language(fields.text("language"))
        chosen = await find_voice(self._services, caller, fields.text("voice_id"), language)
        wanted = mapping.speech_request(text, chosen.voice.id, language, fields)
        await self._check(caller, wanted, fields)
        return await self._answer(request, await self._accept(request, caller, fields, wanted, chosen))

    async def _clone(self, request: Request, caller: Caller, fields: Fields, text: str) -> dict[str, Any]:
        services, base_url = self._services, self._services.base_url(request)
        if services.settings.consent == "recording":
            raise ConsentRequired(
                "This server asks for a consent recording of the speaker, and this API has no field for one. Make the "
                "voice with `myna clone`, POST /myna/v1/voices or POST /v1/audio/voices, then speak with it by its id."
            )
        sent = await read_sent(services, fields, base_url, "init_audio")
        wanted = mapping.speech_request(text, REFERENCE_VOICE, spoken_language(fields.text("language")), fields)
        await self._check(caller, wanted, fields, _voice_to_come(services))
        await announce(services, sent, "init_audio", services.settings.max_reference_bytes)
        async with as_reference(services, caller, sent) as where:
            job = await self._accept(request, caller, fields, wanted, None, {"reference": where})
        return await self._answer(request, job)

    async def _check(self, caller: Caller, wanted: SpeechRequest, fields: Fields, voice: Voice | None = None) -> None:
        """All that can be known before there is a job."""
        if url := mapping.callback(fields).url:
            self._services.webhooks.check_url(url, "webhook")
        await self._services.speech.check(caller, wanted, voice)

    async def _accept(
        self,
        request: Request,
        caller: Caller,
        fields: Fields,
        wanted: SpeechRequest,
        chosen: Chosen | None,
        more: dict[str, Any] | None = None,
    ) -> Job:
        services = self._services
        number = mapping.number_of(job_uuid(request))
        return await services.speech.accept(
            caller,
            wanted,
            api=mapping.API,
            price=len(wanted.text) * services.settings.modelslab_millicredits_per_character,
            base_url=services.base_url(request),
            job_id=mapping.job_id_of(number),
            details={**mapping.speech_details(number, wanted, chosen, fields), **(more or {})},
            checked=True,
        )

    async def _answer(self, request: Request, job: Job) -> dict[str, Any]:
        """Begin with it, and wait a little."""
        services, extension = self._services, str(job.request["format"])
        await services.speech.start(job, interactive=True)
        ended = services.speech.wait(job.id, services.settings.modelslab_wait_seconds)
        return await answer_soon(request, services, job, ended, extension=extension)


def _voice_to_come(services: Services) -> Voice:
    """As much of the voice as is known before there is one. Raises `Unsupported` when no engine here clones."""
    able = services.cloning.engine()
    languages = spoken_languages((), None, able)
    return Voice(id=REFERENCE_VOICE, name="", engine=able.name, languages=languages, gender="neutral", kind="cloned")

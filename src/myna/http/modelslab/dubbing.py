"""Dubbing: a video in, and out in another language. https://docs.modelslab.com/voice-cloning/create-dubbing"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from myna.accounts.schemas import Caller
from myna.dubbing.schemas import DubRequest
from myna.errors import AddressRefused, InvalidRequest
from myna.http.idempotency import job_uuid
from myna.http.modelslab import mapping
from myna.http.modelslab.access import ordering
from myna.http.modelslab.fields import Fields
from myna.http.modelslab.languages import named_language, output_language
from myna.http.modelslab.media import Sent, read_sent
from myna.http.modelslab.speech import addresses
from myna.http.modelslab.voices import find_voice

if TYPE_CHECKING:
    from myna.http.services import Services

_SLOWEST, _FASTEST = 0.5, 2.0
_MOST_SPEAKERS = 20


@contextmanager
def unreachable_source() -> Iterator[None]:
    """What is wrong with an address, in the vendor's words."""
    try:
        yield
    except AddressRefused:
        raise
    except InvalidRequest as error:
        if error.field in ("source", "source_url") and type(error) is InvalidRequest:
            message = f"Unable to fetch video from provided URL: {error.message}"
            raise InvalidRequest(message, field="init_video") from None
        raise


class Dubbing:
    """Takes orders for dubs. They are answered at once, and polled."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, request: Request) -> dict[str, Any]:
        services = self._services
        caller, fields = await ordering(request, services)
        target = output_language(fields.required("output_lang", "target_language", "target_lang"))
        sent = await read_sent(services, fields, services.base_url(request), "init_video", "init_audio")
        wanted, voice = await self._wanted(caller, fields, sent, target)
        details = mapping.dub_details(fields, sent.shown, voice)
        if url := mapping.callback(fields).url:
            services.webhooks.check_url(url, "webhook")
        wanted = await services.dubbing.check(caller, wanted)
        number = mapping.number_of(job_uuid(request))
        with unreachable_source():
            dub = await services.dubbing.create(
                caller,
                wanted,
                api=mapping.API,
                base_url=services.base_url(request),
                source=self._source(sent),
                job_id=mapping.job_id_of(number),
                details=mapping.numbered(details, number),
            )
        where = addresses(request, services)
        future = where.file(*mapping.future_dub(dub))
        return mapping.processing(dub.job, [future], where.fetch(number), mapping.dub_eta(dub.job, dub.duration))

    async def _wanted(self, caller: Caller, fields: Fields, sent: Sent, target: str) -> tuple[DubRequest, str | None]:
        """The dub, and what the vendor would call its voice. Without a `voice_id` each speaker gets a fitting one."""
        spoken = fields.text("source_lang", "source_language")
        speakers = int(fields.number("num_speakers", 0, least=0, most=_MOST_SPEAKERS))
        chosen = None
        if word := fields.text("voice_id"):
            chosen = await find_voice(self._services, caller, word, target)
        wanted = DubRequest(
            target_languages=(target,),
            source_language=named_language(spoken, "source_lang") if spoken and spoken.lower() != "auto" else None,
            source_url=sent.url,
            file_name=mapping.source_name(sent.url),
            voice_id=chosen.voice.id if chosen else None,
            speakers=speakers or None,
            speed=fields.number("speed", 1.0, least=_SLOWEST, most=_FASTEST),
            seed=abs(fields.whole("seed")) % 2**31,
        )
        return wanted, chosen.name if chosen else None

    def _source(self, sent: Sent) -> bytes | AsyncIterator[bytes] | None:
        if sent.object_key:
            return self._services.storage.stream(sent.object_key)
        return sent.data

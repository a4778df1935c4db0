"""Dubbing: a video in, and out in another language. https://docs.modelslab.com/voice-cloning/create-dubbing"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from myna.accounts.schemas import Caller
from myna.dubbing.schemas import Dub, DubRequest
from myna.errors import MynaError
from myna.http.idempotency import job_uuid
from myna.http.modelslab import mapping
from myna.http.modelslab.access import ordering
from myna.http.modelslab.answers import addresses
from myna.http.modelslab.fields import Fields
from myna.http.modelslab.languages import named_language, output_language
from myna.http.modelslab.media import Sent, read_sent, unreachable
from myna.http.modelslab.voices import engine_of, find_voice, of_engine

if TYPE_CHECKING:
    from myna.http.services import Services

_SLOWEST, _FASTEST = 0.5, 2.0
_MOST_SPEAKERS = 20
_LOOK_SECONDS = 3.0


class Dubbing:
    """Takes orders for dubs. They are answered at once, and polled."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, request: Request) -> dict[str, Any]:
        services = self._services
        caller, fields = await ordering(request, services)
        sent = await read_sent(services, fields, services.base_url(request), "init_video", "init_audio")
        target = output_language(fields.required("output_lang", "target_language", "target_lang"))
        wanted, voice = await self._wanted(caller, fields, sent, target)
        details = mapping.dub_details(fields, sent.shown, voice)
        if url := mapping.callback(fields).url:
            services.webhooks.check_url(url, "webhook")
        wanted = await services.dubbing.check(caller, wanted)
        number = mapping.number_of(job_uuid(request))
        wanted = replace(wanted, seed=wanted.seed or number % 2**31)  # 0 is by chance, and for one job always the same
        with unreachable("video", "init_video", known_as="source_url"):
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
        future = where.file(*mapping.future_dub(dub, await self._begin_of(dub)))
        return mapping.processing(dub.job, [future], where.fetch(number), mapping.dub_eta(dub.job, dub.duration))

    async def _wanted(self, caller: Caller, fields: Fields, sent: Sent, target: str) -> tuple[DubRequest, str | None]:
        """The dub, and what the vendor would call its voice. Without a `voice_id` each speaker gets a fitting one."""
        spoken = fields.text("source_lang", "source_language")
        word, chosen = fields.text("voice_id"), None
        choice = engine_of(self._services, fields.text("voice_model"), word)
        if word:
            chosen = await find_voice(self._services, caller, word, target)
            chosen = await of_engine(self._services, caller, chosen, choice) if choice else chosen
        wanted = DubRequest(
            target_languages=(target,),
            source_language=named_language(spoken, "source_lang") if spoken and spoken.lower() != "auto" else None,
            source_url=None if sent.object_key else sent.url,
            file_name=mapping.source_name(sent.url) if sent.object_key else "",  # an address says it itself
            voice_id=chosen.voice.id if chosen else None,
            engine=choice.name if choice else "",
            speakers=fields.hint("num_speakers", _MOST_SPEAKERS),
            speed=fields.number("speed", 1.0, least=_SLOWEST, most=_FASTEST),
            seed=abs(fields.whole("seed")) % 2**31,
        )
        return wanted, chosen.name if chosen else None

    def _source(self, sent: Sent) -> bytes | AsyncIterator[bytes] | None:
        if sent.object_key:
            return self._services.storage.stream(sent.object_key)
        return sent.data

    async def _begin_of(self, dub: Dub) -> bytes:
        """The first bytes of a source that is still to be fetched and whose name says nothing; else none."""
        url, settings = dub.request.source_url, self._services.settings
        if url is None or mapping.says_its_kind(dub.name):
            return b""
        try:
            return await self._services.fetcher.look(url, max_bytes=settings.max_dub_bytes, seconds=_LOOK_SECONDS)
        except MynaError:
            return b""

"""Voices of an account, the list of voices, and files that become links."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from myna.accounts.schemas import Caller
from myna.errors import BodyTooLarge, InvalidRequest
from myna.http.idempotency import request_seed, work_begins
from myna.http.modelslab import mapping
from myna.http.modelslab.access import anybody, asking, ordering
from myna.http.modelslab.answers import addresses
from myna.http.modelslab.languages import language_name, named_language
from myna.http.modelslab.media import extension_of, keep, load, read_sent
from myna.http.modelslab.voices import FRIENDLY, free_name, slug
from myna.kit import ids
from myna.media.inline import decode_base64
from myna.voices.cloning import new_voice_id
from myna.voices.schemas import ClonedVoice, NewVoice

if TYPE_CHECKING:
    from myna.http.services import Services

LARGEST_GENERAL_FILE = 5_000_000
_KINDS = ("manual", "trained", "voice_cover")
_SOUNDS = frozenset({"wav", "mp3", "flac", "ogg", "webm", "m4a", "mp4"})


class Uploads:
    """What clients send to have it kept."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def voice_upload(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/voice-cloning/voice-upload"""
        services = self._services
        caller, fields = await ordering(request, services)
        name = fields.required("name")
        gender = fields.text("gender")
        if gender and gender.strip().lower() not in ("male", "female"):
            raise InvalidRequest("gender must be male or female", field="gender")
        language = named_language(fields.text("language") or "english", "language")
        sent = await read_sent(services, fields, services.base_url(request), "init_audio")
        recording = await load(services, sent, "init_audio")
        work_begins(request)
        prepared = await services.cloning.prepare(caller, recording, language=language)
        new = NewVoice(
            name=free_name(name, await self._taken(caller, request_seed(request))),
            gender=gender.strip().lower() if gender else None,
            avatar_url=fields.text("thumbnail"),
        )
        voice = await services.cloning.create(
            caller,
            prepared,
            new,
            api=mapping.API,
            voice_id=new_voice_id(request_seed(request)),
            language=language,
        )
        return {"status": "success", "message": "voice uploaded successfully", "voice_id": slug(voice.name)}

    async def voice_list(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/voice-cloning/voice-list"""
        caller, fields = await asking(request, self._services)
        return await self._list((fields.text("type") or "manual").strip().lower(), caller)

    async def public_voice_list(self, request: Request) -> dict[str, Any]:
        """`GET /api/voice_list?type=…` needs no key; with one it knows the account's own voices too."""
        kind = request.query_params.get("type", "trained").strip().lower()
        return await self._list(kind, await anybody(request, self._services))

    async def sound_to_url(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/voice-cloning/base64-to-url"""
        caller, fields = await ordering(request, self._services)
        given, limit = fields.required("init_audio"), self._services.settings.max_reference_bytes
        data = await asyncio.to_thread(decode_base64, given, limit, field="init_audio")
        if extension_of(data) not in _SOUNDS:
            raise InvalidRequest("init_audio must be sound: WAV, MP3, FLAC, Ogg, M4A or WebM", field="init_audio")
        return await self._kept(request, caller, data)

    async def file_to_url(self, request: Request) -> dict[str, Any]:
        """https://docs.modelslab.com/image-editing/base64-to-url : sound, pictures, videos and 3D models."""
        caller, fields = await ordering(request, self._services)
        given = fields.required("base64_string", "init_audio", "init_image")
        try:
            data = await asyncio.to_thread(decode_base64, given, LARGEST_GENERAL_FILE, field="base64_string")
        except BodyTooLarge:
            limit = LARGEST_GENERAL_FILE // 1_000_000
            raise InvalidRequest(f"base64_string may have at most {limit} MB", field="base64_string") from None
        if extension_of(data) is None:
            message = "base64_string must be sound, a picture, a video or a 3D model of a usual kind"
            raise InvalidRequest(message, field="base64_string")
        return await self._kept(request, caller, data)

    async def _kept(self, request: Request, caller: Caller, data: bytes) -> dict[str, Any]:
        extension = extension_of(data) or "bin"
        work_begins(request)
        key = await keep(self._services, caller, data, extension)
        name = f"{ids.derived_uuid('modelslab-file', key)}.{extension}"
        link = addresses(request, self._services).file(key, name)
        return {"status": "success", "id": mapping.number_of(key), "output": [link]}

    async def _taken(self, caller: Caller, seed: str | None) -> list[str]:
        """Names of stock voices, and of the account's, but for that which this same request made before."""
        this = new_voice_id(seed) if seed else None
        own = await self._services.cloning.list(caller.account.id)
        stock = [alias.key for alias in self._services.voices.aliases(mapping.API)]
        return stock + [voice.name for voice in own if voice.id != this]

    async def _list(self, kind: str, caller: Caller | None) -> dict[str, Any]:
        if kind not in _KINDS:
            raise InvalidRequest(f"type must be one of: {', '.join(_KINDS)}", field="type")
        if kind == "voice_cover":  # models that sing; there are none here
            return {"status": "success", "voices": []}
        voices = self._trained() if kind == "trained" else await self._uploaded(caller)
        return {"status": "success", "voices": voices}

    async def _uploaded(self, caller: Caller | None) -> list[dict[str, Any]]:
        own = await self._services.cloning.list(caller.account.id) if caller else []
        return [
            _listed(slug(voice.name), voice.name, _base_language(voice), voice.gender) | {"thumbnail": voice.avatar_url}
            for voice in own
        ]

    def _trained(self) -> list[dict[str, Any]]:
        kokoro = [
            _listed(
                alias.key,
                alias.key.partition("_")[2].capitalize(),
                alias.locale,
                "female" if alias.key[1] == "f" else "male",
            )
            for alias in self._services.voices.aliases(mapping.API)
            if "_" in alias.key
        ]
        return kokoro + [_listed(word, word.capitalize(), "en-US", gender) for word, gender in FRIENDLY.items()]


def _base_language(voice: ClonedVoice) -> str:
    """Of its recording, without the region: the vendor has none there."""
    return str(voice.report.get("language") or "en").partition("-")[0]


def _listed(voice_id: str, name: str, language: str, gender: str | None) -> dict[str, Any]:
    return {
        "voice_id": voice_id,
        "name": name,
        "language": language_name(language),
        "sound_clip": None,
        "gender": gender,
        "thumbnail": None,
        "country": None,
        "character": None,
    }

"""Cloned voices as their owner sees them, with links to their files."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from fastapi import Request

from myna.errors import NotFound
from myna.http.native import mapping, schemas
from myna.kit import clock
from myna.voices.files import PREVIEW, REFERENCE
from myna.voices.schemas import ClonedVoice

if TYPE_CHECKING:
    from myna.http.services import Services


async def as_own(clone: ClonedVoice, request: Request, services: Services) -> schemas.OwnVoice:
    """One voice, with links to those of its files that are there."""
    present = {key for name in (REFERENCE, PREVIEW) if await _exists(key := f"{clone.folder}/{name}", services)}
    return mapping.own_voice(clone, _links(clone, present, request, services))


async def own_by_id(account_id: str, request: Request, services: Services) -> dict[str, schemas.OwnVoice]:
    """All of an account. Looks into the storage once for all of them."""
    present = {stored.key async for stored in services.storage.list(f"voices/{account_id}")}
    clones = await services.cloning.list(account_id)
    return {clone.id: mapping.own_voice(clone, _links(clone, present, request, services)) for clone in clones}


async def _exists(key: str, services: Services) -> bool:
    try:
        await services.storage.head(key)
    except NotFound:
        return False
    return True


def _links(clone: ClonedVoice, present: Set[str], request: Request, services: Services) -> mapping.VoiceLinks:
    expire_at = clock.now() + clock.seconds(services.settings.link_seconds)
    base_url = services.base_url(request)

    def link(name: str) -> str | None:
        key = f"{clone.folder}/{name}"
        return services.links.download(base_url, key, f"{clone.id}-{name}", expire_at) if key in present else None

    return mapping.VoiceLinks(link(REFERENCE), link(PREVIEW), expire_at)

"""What voices sound like: spoken once, then kept in the storage."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from myna.errors import NotFound
from myna.voices.files import SAMPLE
from myna.voices.schemas import Voice

if TYPE_CHECKING:
    from myna.http.services import Services


async def voice_sample(voice: Voice, services: Services) -> bytes:
    """An mp3. Raises what speaking may raise."""
    if voice.account_id is not None:
        return await _own_sample(voice, voice.account_id, services)
    key = _stock_key(voice, services.registry.describe(voice.engine).version)
    try:
        return await services.storage.get(key)
    except NotFound:
        sample = await services.speech.sample(voice)
        await services.storage.put(key, sample)
        return sample


def _stock_key(voice: Voice, engine_version: str) -> str:
    """Another version of an engine may sound different."""
    digest = hashlib.sha256(f"{voice.id}\0{engine_version}".encode()).hexdigest()
    return f"samples/stock/{digest[:32]}.mp3"


async def _own_sample(voice: Voice, account_id: str, services: Services) -> bytes:
    """Kept with the voice, so that it goes with it. A voice that was changed is spoken anew."""
    clone = await services.cloning.get(account_id, voice.id)
    key = f"{clone.folder}/{SAMPLE}"
    if kept := await _kept_since(clone.updated_at, key, services):
        return kept
    sample = await services.speech.sample(voice)
    await services.storage.put(key, sample)
    try:
        await services.cloning.get(account_id, voice.id)
    except NotFound:
        await services.storage.delete(key)  # it was deleted while it spoke
        raise
    return sample


async def _kept_since(moment: datetime, key: str, services: Services) -> bytes | None:
    try:
        stored = await services.storage.head(key)
        return await services.storage.get(key) if stored.modified_at >= moment else None
    except NotFound:
        return None

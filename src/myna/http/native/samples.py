"""What voices sound like: spoken once, then kept in the storage."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from myna.errors import NotFound
from myna.voices.schemas import Voice

if TYPE_CHECKING:
    from myna.http.services import Services


async def voice_sample(voice: Voice, services: Services) -> bytes:
    """An mp3. Raises what speaking may raise."""
    key = _sample_key(voice, services.registry.describe(voice.engine).version)
    try:
        return await services.storage.get(key)
    except NotFound:
        sample = await services.speech.sample(voice)
        await services.storage.put(key, sample)
        return sample


def _sample_key(voice: Voice, engine_version: str) -> str:
    """Another version of an engine may sound different."""
    owner = voice.account_id or "stock"
    digest = hashlib.sha256(f"{voice.id}\0{engine_version}".encode()).hexdigest()
    return f"samples/{owner}/{digest[:32]}.mp3"

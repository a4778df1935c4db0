"""Speakers whom nobody may clone: the operator's list."""

from __future__ import annotations

import numpy as np
import pytest

from myna.errors import InvalidRequest, NotFound, ReferenceRefused, UnsupportedMedia, VoiceBlocked
from myna.voices.blocked import BlockedVoices
from tests.fixtures.cloning import Studio
from tests.fixtures.recordings import wav


async def test_the_speaker_is_refused_and_others_are_not(studio: Studio, low_voice: bytes, brief: bytes) -> None:
    blocked = await studio.cloning.block(brief, " Somebody ", " asked for it ")
    assert (blocked.name, blocked.reason, len(blocked.embedding)) == ("Somebody", "asked for it", 256)
    assert await studio.cloning.list_blocked() == [blocked]
    rules = BlockedVoices(studio.settings, studio.database)
    with pytest.raises(VoiceBlocked):
        await rules.check(blocked.embedding)
    other = await studio.cloning.block(low_voice, "Other", "")
    await studio.cloning.unblock(blocked.id)
    assert await studio.cloning.list_blocked() == [other]
    await BlockedVoices(studio.settings, studio.database).check(blocked.embedding)
    await rules.check((0.0,) * 256)


async def test_other_nodes_see_it_soon(studio: Studio, brief: bytes) -> None:
    time = [100.0]
    other_node = BlockedVoices(studio.settings, studio.database, now=lambda: time[0])
    await other_node.check((1.0,) * 256)
    blocked = await studio.cloning.block(brief, "Somebody", "")
    await other_node.check(blocked.embedding)
    time[0] += 5
    with pytest.raises(VoiceBlocked):
        await other_node.check(blocked.embedding)


async def test_what_is_refused(studio: Studio, brief: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        await studio.cloning.block(b"nothing", "Somebody", "")
    with pytest.raises(ReferenceRefused):
        await studio.cloning.block(wav(np.zeros(22_050, np.float32)), "Somebody", "")
    with pytest.raises(InvalidRequest):
        await studio.cloning.block(brief, "", "")
    with pytest.raises(InvalidRequest):
        await studio.cloning.block(brief, "Somebody", "x" * 1_001)
    with pytest.raises(NotFound):
        await studio.cloning.unblock("block_nothing")
    assert await studio.cloning.list_blocked() == []

"""Voices of the speakers of a source, made for one dub and kept with it alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from myna.accounts.service import AccountService
from myna.audio.turns import Turn
from myna.dubbing.casting import CLONE, wanted_voice
from myna.dubbing.files import DubFiles
from myna.dubbing.schemas import Speaker
from myna.dubbing.store import Work
from myna.engines.base import Samples
from myna.errors import NotFound, ReferenceRefused
from myna.kit.threads import run_in_thread
from myna.media.encode import encode
from myna.media.soundfiles import SoundReader
from myna.settings import Settings
from myna.voices.cloning import CloningService
from myna.voices.schemas import Voice

_MOST_SECONDS = 60.0
"""Of a speaker, the longest turns first; more makes no better voice."""


class SpeakerClones:
    """Makes and remembers the clones of a dub."""

    def __init__(self, settings: Settings, files: DubFiles, accounts: AccountService, cloning: CloningService) -> None:
        self._longest = min(_MOST_SECONDS, settings.max_reference_seconds)
        self._files = files
        self._accounts = accounts
        self._cloning = cloning

    async def make(self, work: Work, original: Path, turns: Sequence[Turn]) -> None:
        """A voice for each speaker who needs one and has none yet.

        Raises `ReferenceRefused`, naming the speaker, when too little is heard of them, and `VoiceBlocked`.
        """
        for speaker in work.dub.speakers:
            if not _needs_clone(work, speaker) or await self._files.has(*work.place, _name(speaker.id)):
                continue
            sound, rate = await run_in_thread(_sound_of, original, speaker.id, turns, self._longest)
            account = await self._accounts.get_account(work.dub.account_id)
            recording = await run_in_thread(encode, sound, rate, "flac")
            try:
                prepared = await self._cloning.prepare(
                    account, recording, engine=work.dub.request.engine or None, language=work.dub.source_language
                )
            except ReferenceRefused as error:
                raise ReferenceRefused(
                    f"No voice can be made of {speaker.name} ({speaker.id}): {error.message} Name a voice for this "
                    "speaker: `voices`.",
                    field="clone_speakers",
                ) from error
            voice = replace(prepared.voice, id=f"{CLONE}{speaker.id}", name=speaker.name)
            await self._files.put(*work.place, _name(speaker.id), json.dumps(asdict(voice)).encode())

    async def voice(self, work: Work, voice_id: str) -> Voice:
        """A clone by its id. Raises `NotFound`."""
        try:
            document = json.loads(await self._files.get(*work.place, _name(voice_id.removeprefix(CLONE))))
        except NotFound:
            raise NotFound(f"This dub has no voice `{voice_id}`.") from None
        return _read(document)


def _needs_clone(work: Work, speaker: Speaker) -> bool:
    request = work.dub.request
    wanted = {wanted_voice(speaker, language, request) for language in request.target_languages}
    return f"{CLONE}{speaker.id}" in wanted


def _name(speaker_id: str) -> str:
    return f"voices/{speaker_id}.json"


def _sound_of(original: Path, speaker_id: str, turns: Sequence[Turn], longest: float) -> tuple[Samples, int]:
    """The longest turns of a speaker, in order of time, as mono sound."""
    own = [turn for turn in turns if f"speaker-{turn.speaker}" == speaker_id]
    chosen, seconds = [], 0.0
    for turn in sorted(own, key=lambda turn: turn.start - turn.end):
        if seconds >= longest:
            break
        end = min(turn.end, turn.start + longest - seconds)
        chosen.append((turn.start, end))
        seconds += end - turn.start
    with SoundReader(original) as sound:
        rate = sound.sample_rate
        blocks = [sound.read(round(start * rate), round((end - start) * rate)) for start, end in sorted(chosen)]
    parts = [block.mean(axis=1) for block in blocks]
    return np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float32), rate


def _read(document: dict[str, Any]) -> Voice:
    tuples = {name: tuple(document[name]) for name in ("languages", "dialects")}
    return Voice(**{**document, **tuples})

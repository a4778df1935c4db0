"""Takes: single lines, spoken once and kept under a name that says all that they were made from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.stretch import trimmed
from myna.dubbing.casting import CLONE
from myna.dubbing.cloning import SpeakerClones
from myna.dubbing.files import TAKES, DubFiles
from myna.dubbing.schemas import DubbedLine
from myna.dubbing.store import Work
from myna.engines.registry import EngineRegistry
from myna.errors import BadAudio, EngineFailed, MynaError
from myna.kit.threads import run_in_thread
from myna.media.encode import encode
from myna.media.soundfiles import read_sound
from myna.speech.rendering import Renderer
from myna.speech.schemas import Recording, SpeechRequest
from myna.voices.schemas import Voice
from myna.voices.service import VoiceService

ATTEMPTS = 3
"""How often a line is tried when its engine crashed, hung or gave unusable sound."""
_NAME_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Take:
    """One line as it was spoken, without silence around it."""

    name: str
    seconds: float


class Takes:
    """Speaks lines, unless they were spoken before in the same words, voice, language and rate."""

    def __init__(
        self,
        *,
        files: DubFiles,
        renderer: Renderer,
        registry: EngineRegistry,
        voices: VoiceService,
        clones: SpeakerClones,
    ) -> None:
        self._files = files
        self._renderer = renderer
        self._registry = registry
        self._voices = voices
        self._clones = clones

    async def speak(self, work: Work, language: str, line: DubbedLine, rate: float) -> Take:
        """The line at this rate. Raises `EngineFailed` after some attempts, and what is wrong with text or voice."""
        voice = await self.voice(work, line.voice_id)
        request = SpeechRequest(
            text=line.text,
            voice_id=voice.id,
            language=language,
            speed=rate,
            seed=work.dub.request.seed,
            loudness=None,
        )
        name = self._name(request, voice)
        if not await self._files.has(*work.place, _file(name)):
            await self._record(work, name, await self._rendered(request, voice))
        samples, sample_rate = await run_in_thread(read_sound, await self.path(work, name))
        return Take(name, len(samples) / sample_rate)

    async def path(self, work: Work, name: str) -> Path:
        """Where a take lies on this node. Raises `NotFound`."""
        return await self._files.local(*work.place, _file(name))

    async def can_speed(self, work: Work, voice_id: str) -> bool:
        """Whether a voice can speak at other rates than its own."""
        return "speed" in self._registry.describe((await self.voice(work, voice_id)).engine).options

    async def voice(self, work: Work, voice_id: str) -> Voice:
        """Raises `NotFound`, `VoiceNotFound`, `EngineUnavailable`."""
        if voice_id.startswith(CLONE):
            return await self._clones.voice(work, voice_id)
        return await self._voices.get(voice_id, work.dub.account_id)

    async def _rendered(self, request: SpeechRequest, voice: Voice) -> Recording:
        script = await run_in_thread(self._renderer.prepare, request, voice)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                recording = await self._renderer.render(request, script)
                spoken = await run_in_thread(trimmed, recording.samples, recording.sample_rate)
                if not len(spoken) or not np.abs(spoken).max() > 0:
                    raise BadAudio("Nothing is heard when this line is spoken.")
                return Recording(spoken, recording.sample_rate)
            except EngineFailed as error:
                if not error.retryable or attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def _record(self, work: Work, name: str, spoken: Recording) -> None:
        data = await run_in_thread(encode, spoken.samples, spoken.sample_rate, "flac")
        await self._files.put(*work.place, _file(name), data)

    def _name(self, request: SpeechRequest, voice: Voice) -> str:
        able = self._registry.describe(voice.engine)
        made_from = (request.as_json(), dict(voice.settings), able.name, able.version)
        text = json.dumps(made_from, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:_NAME_CHARACTERS]


def named(line: DubbedLine, error: MynaError, what: str) -> EngineFailed:
    """The error of a line, with the line's name."""
    text = line.text or line.source_text
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return EngineFailed(f"Line {line.number} (“{shown}”) could not be {what}: {error.message}", line=line.number)


def _file(name: str) -> str:
    return f"{TAKES}/{name}.flac"

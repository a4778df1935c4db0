"""Speech: a text, a voice, and how it should sound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from myna.engines.base import Samples
from myna.media.formats import AudioFormat
from myna.speech.verification import Verification


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What to say, and how."""

    text: str
    voice_id: str
    language: str | None = None
    """BCP 47 tag of the text; the voice's own when None."""
    speed: float = 1.0
    temperature: float = 0.0
    """0 is steady; 1 varies pitch, range and pace the most."""
    seed: int = 0
    """The same seed gives the same prosody."""
    stability: float | None = None
    """0 is lively and different each time, 1 is steady. None: as the voice was kept, or `temperature` alone."""
    similarity: float | None = None
    """Of a cloned voice: how near to its reference, 0 to 1. None: as the voice was kept."""
    dialect: str | None = None
    """Honoured by engines that know it."""
    breaks: bool = False
    """`<break time="500ms"/>` in the text is a pause, not words."""
    normalise: bool = True
    """Numbers, currency and dates in words."""
    denoise: bool = False
    remove_silence: bool = False
    loudness: float | None = -16.0
    """LUFS, or None to leave the level alone. A stream cannot be measured ahead and gets a fixed gain."""
    format: AudioFormat = "mp3"
    sample_rate: int | None = None
    """Hz; the engine's own when None."""
    verify: bool | None = None
    """Have it heard by a recogniser, and spoken again where words are missing. None: as `MYNA_VERIFY_SPEECH` says."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech that was made and is not yet encoded."""

    samples: Samples
    sample_rate: int
    verification: Verification | None = None
    """What a recogniser made of it, when that was wanted."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

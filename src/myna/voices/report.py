"""What is said about a recording before a voice is made from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from myna.errors import ReferenceRefused


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a recording that stands in the way of a good voice."""

    code: str
    """Stable, such as `too_short`; docs/cloning.md lists all of them."""
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What was measured, and what that means."""

    duration: float
    """Seconds of the whole recording."""
    speech_seconds: float
    """Seconds in which somebody speaks, of the whole recording."""
    suggested_trim: tuple[float, float]
    """The stretch to use, in seconds from the start of the recording; all that follows is measured in it."""
    snr_db: float
    """Speech over noise in dB, before denoising; at most 60."""
    clipping: float
    """The share of samples in flat runs at the highest level, 0 to 1."""
    loudness_lufs: float
    bandwidth_hz: float
    """The highest frequency that sounds."""
    second_speaker: bool
    speaker_consistency: float | None
    """How alike the two parts are into which the speech falls most clearly, 1 is the same voice. None: too short."""
    transcript_match: float | None
    """The share of the text's words that are heard, 0 to 1. None: no text, or not English."""
    denoised: bool
    warnings: tuple[Finding, ...] = ()
    """What makes the voice poorer than it could be."""
    refusals: tuple[Finding, ...] = ()
    """Why no voice can be made; empty when one can."""

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, rounded to what can be told."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def refuse(self) -> None:
        """Raises `ReferenceRefused`, with what is wrong and what to do, when no voice can be made."""
        if self.refusals:
            message = " ".join(f"{finding.message} {finding.remedy}" for finding in self.refusals)
            raise ReferenceRefused(message, report=self.as_json())


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value

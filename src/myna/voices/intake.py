"""Look at a recording before a voice is made from it: what is in it, which part of it to use, what is wrong with it.

Everything here works on samples alone; what the measures mean is in `findings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from myna.audio.activity import Segment, speech_segments
from myna.audio.denoise import denoise
from myna.audio.loudness import SILENT, integrated_loudness
from myna.audio.quality import bandwidth, clipped, signal_to_noise
from myna.audio.speaker import Embedding, mean_embedding, window_embeddings
from myna.audio.speakers import likeness_of_parts
from myna.engines.base import Samples
from myna.voices import findings
from myna.voices.report import Finding as Finding
from myna.voices.report import IntakeReport as IntakeReport

LONGEST_REFERENCE = 30.0
"""Seconds: more speech makes no better voice."""
SECOND_SPEAKER = 0.75
"""Parts of a recording that are less alike are taken for two speakers."""

_MARGIN = 0.15
"""Seconds of what is around the speech that stay."""
_STEP_SECONDS = 0.8
"""From one look at the voice to the next."""
_WORTH_DENOISING = 30.0
"""dB: above it, noise is not heard."""
_LEAST_GAIN = 3.0
"""dB by which denoising must help; less is not worth what it does to the voice."""
_MOST_LOSS = 2.0
"""LU that the speech may lose by it."""


@dataclass(frozen=True, slots=True)
class Intake:
    """A recording that was looked at."""

    report: IntakeReport
    reference: Samples
    """The best stretch, denoised when that helps; empty when nobody speaks."""
    sample_rate: int
    embedding: Embedding
    """The voice: 256 numbers; all zero when nobody speaks."""
    transcript: str | None
    """What is said in the reference, when it is known and not at odds with what is heard."""


def examine(
    samples: Samples,
    rate: int,
    *,
    transcript: str | None = None,
    language: str | None = None,
    minimum_seconds: float = 3.0,
    maximum_seconds: float = 120.0,
) -> Intake:
    """Measure a recording, choose the best stretch of at most 30 s, and say what is wrong with it.

    `samples` is mono; anything beyond `maximum_seconds` is not looked at. `transcript` is what is said in the whole
    recording, `language` its BCP 47 tag. Never raises for what is in the recording: `Intake.report.refuse()` does.
    Safe in threads; about 1 s for a recording of 30 s.
    """
    heard = _levelled(samples[: round(maximum_seconds * rate)])
    segments = speech_segments(heard, rate)
    stretch = _best_stretch(heard, rate, segments)
    original = _part(heard, rate, stretch)
    inside = _within(segments, stretch)
    voices = window_embeddings(_spoken(original, rate, inside), rate, _STEP_SECONDS)
    likeness = likeness_of_parts(voices)
    ratio = signal_to_noise(original, rate, inside)
    reference = _denoised_when_it_helps(original, rate, inside, ratio)
    report = IntakeReport(
        duration=len(samples) / rate,
        speech_seconds=sum((segment.duration for segment in segments), 0.0),
        suggested_trim=(stretch.start, stretch.end),
        snr_db=ratio,
        clipping=float(clipped(original).mean()) if len(original) else 0.0,
        loudness_lufs=max(SILENT, integrated_loudness(original, rate)),
        bandwidth_hz=bandwidth(original, rate) if len(original) else 0.0,
        second_speaker=likeness is not None and likeness < SECOND_SPEAKER,
        speaker_consistency=likeness,
        transcript_match=None,
        denoised=reference is not original,
    )
    report = replace(
        report,
        warnings=findings.warnings(report),
        refusals=findings.refusals(report, minimum_seconds, maximum_seconds),
    )
    whole = stretch.duration >= sum(segment.duration for segment in segments)
    return Intake(report, reference, rate, mean_embedding(voices), transcript if whole else None)


def _levelled(samples: Samples) -> Samples:
    """Numbers only, without a constant part, within full scale."""
    finite = np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
    if not len(finite):
        return finite.astype(np.float32)
    centred = finite - finite.mean()
    return (centred / max(1.0, float(np.abs(centred).max()))).astype(np.float32)


def _best_stretch(samples: Samples, rate: int, segments: list[Segment]) -> Segment:
    """From the beginning of a segment to the end of one, at most 30 s, with the most speech that is not clipped."""
    if not segments:
        return Segment(0.0, 0.0)
    duration = len(samples) / rate
    flaws = np.concatenate([[0], np.cumsum(clipped(samples))])
    best, most = segments[0], -1.0
    for first in segments:
        stretch = Segment(first.start, min(_last_end(segments, first), first.start + LONGEST_REFERENCE - 2 * _MARGIN))
        speech = sum(segment.duration for segment in _within(segments, stretch))
        flawed = flaws[round(stretch.end * rate)] - flaws[round(stretch.start * rate)]
        worth = speech * (1 - min(1.0, 20 * flawed / max(1.0, stretch.duration * rate)))
        if worth > most:
            best, most = stretch, worth
    return Segment(max(0.0, best.start - _MARGIN), min(duration, best.end + _MARGIN))


def _last_end(segments: list[Segment], first: Segment) -> float:
    """The last end of a segment that still fits, or of the first when it alone is too long."""
    limit = first.start + LONGEST_REFERENCE - 2 * _MARGIN
    return max((segment.end for segment in segments if first.start < segment.end <= limit), default=first.end)


def _within(segments: list[Segment], stretch: Segment) -> list[Segment]:
    """The segments inside the stretch, in seconds from its start."""
    return [
        Segment(max(segment.start, stretch.start) - stretch.start, min(segment.end, stretch.end) - stretch.start)
        for segment in segments
        if segment.end > stretch.start and segment.start < stretch.end
    ]


def _part(samples: Samples, rate: int, segment: Segment) -> Samples:
    return samples[round(segment.start * rate) : round(segment.end * rate)]


def _spoken(samples: Samples, rate: int, segments: list[Segment]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *(_part(samples, rate, segment) for segment in segments)])


def _denoised_when_it_helps(samples: Samples, rate: int, segments: list[Segment], ratio: float) -> Samples:
    if not segments or ratio >= _WORTH_DENOISING:
        return samples
    clean = denoise(samples, rate)
    gain = signal_to_noise(clean, rate, segments) - ratio
    loss = integrated_loudness(samples, rate) - integrated_loudness(clean, rate)
    return clean if gain >= _LEAST_GAIN and loss <= _MOST_LOSS else samples

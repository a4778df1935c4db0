"""Look at a recording before a voice is made from it: what is in it, which part of it to use, what is wrong with it.

Everything here works on samples alone; what the measures mean is in `findings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from myna.audio.activity import Segment, speech_segments
from myna.audio.cleaning import Clean
from myna.audio.denoise import denoise
from myna.audio.loudness import SILENT, integrated_loudness
from myna.audio.quality import bandwidth, clipped, clipping, signal_to_noise
from myna.audio.speaker import Embedding, mean_embedding, window_embeddings
from myna.audio.speakers import likeness_of_parts, seems_two_speakers
from myna.audio.transcript import HeardText, hear
from myna.engines.base import Samples
from myna.voices import findings
from myna.voices.report import Finding as Finding
from myna.voices.report import IntakeReport as IntakeReport

LONGEST_REFERENCE = 30.0
"""Seconds: more speech makes no better voice."""

_MARGIN = 0.15
"""Seconds of what is around the speech that stay."""
_STEP_SECONDS = 0.8
"""From one look at the voice to the next."""
_FLAWED = 20
"""A second that is clipped costs as much as this many seconds of speech are worth."""
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
    clean: Clean = denoise,
) -> Intake:
    """Measure a recording, choose the best stretch of at most 30 s, and say what is wrong with it.

    `samples` is mono; anything beyond `maximum_seconds` is not looked at. `transcript` is what is said in the whole
    recording, `language` its BCP 47 tag; `clean` takes noise away. Never raises for what is in the recording:
    `Intake.report.refuse()` does. Safe in threads; about 0.7 s of one core for a recording of 30 s, and 1.3 s more with
    a text.
    """
    sound = np.nan_to_num(samples[: round(maximum_seconds * rate)], nan=0.0, posinf=0.0, neginf=0.0)
    report, reference, embedding, text = _measured(sound, rate, transcript, language, clean)
    report = replace(report, duration=len(samples) / rate)
    report = replace(
        report,
        warnings=findings.warnings(report),
        refusals=findings.refusals(report, minimum_seconds, maximum_seconds),
    )
    return Intake(report, reference, rate, embedding, text if findings.fits(report) else None)


def _measured(
    recorded: Samples, rate: int, transcript: str | None, language: str | None, clean: Clean
) -> tuple[IntakeReport, Samples, Embedding, str | None]:
    """The report without findings, the reference, its voice, and its text."""
    sound = _levelled(recorded)
    segments = speech_segments(sound, rate)
    flaws = clipped(recorded)
    stretch = _best_stretch(segments, flaws, rate, len(sound) / rate)
    original, spoken = _part(sound, rate, stretch), _within(segments, stretch)
    ratio = signal_to_noise(original, rate, spoken)
    reference = _denoised_when_it_helps(original, rate, spoken, ratio, clean)
    voices = window_embeddings(_joined(reference, rate, spoken), rate, _STEP_SECONDS)
    heard = hear(sound, rate, transcript, language) if transcript and segments else None
    report = IntakeReport(
        duration=len(recorded) / rate,
        speech_seconds=sum((segment.duration for segment in segments), 0.0),
        suggested_trim=(stretch.start, stretch.end),
        snr_db=ratio,
        clipping=clipping(_part(recorded, rate, stretch)),
        loudness_lufs=max(SILENT, integrated_loudness(original, rate)),
        bandwidth_hz=bandwidth(original, rate),
        second_speaker=seems_two_speakers(voices),
        speaker_consistency=likeness_of_parts(voices),
        transcript_match=heard.share if heard else None,
        denoised=reference is not original,
    )
    return report, reference, mean_embedding(voices), _text_of(stretch, segments, transcript, heard)


def _levelled(samples: Samples) -> Samples:
    """Without a constant part, and within full scale."""
    if not len(samples):
        return samples
    centred = samples - float(np.median(samples))  # the mean of a voice is not its middle: its pulses point one way
    return np.asarray(centred / max(1.0, float(np.abs(centred).max())), np.float32)


def _text_of(stretch: Segment, segments: list[Segment], transcript: str | None, heard: HeardText | None) -> str | None:
    """What is said in the stretch: all of the text, or, where some was cut off, the words that are heard in it."""
    if stretch.start <= segments[0].start and stretch.end >= segments[-1].end if segments else True:
        return transcript
    return heard.between(stretch.start, stretch.end) if heard else None


def _best_stretch(segments: list[Segment], flaws: NDArray[np.bool_], rate: int, duration: float) -> Segment:
    """From the beginning of a segment to the end of one, at most 30 s, with the most speech and the least clipping."""
    if not segments:
        return Segment(0.0, 0.0)

    def worth(stretch: Segment) -> float:
        flawed = float(flaws[round(stretch.start * rate) : round(stretch.end * rate)].sum()) / rate
        return sum(segment.duration for segment in _within(segments, stretch)) - _FLAWED * flawed

    best = max((Segment(first.start, _last_end(segments, first)) for first in segments), key=worth)
    return Segment(max(0.0, best.start - _MARGIN), min(duration, best.end + _MARGIN))


def _last_end(segments: list[Segment], first: Segment) -> float:
    """The last end of a segment that still fits; where the first alone is too long, it is cut."""
    limit = first.start + LONGEST_REFERENCE - 2 * _MARGIN
    return max((segment.end for segment in segments if first.start < segment.end <= limit), default=limit)


def _within(segments: list[Segment], stretch: Segment) -> list[Segment]:
    """The segments inside the stretch, in seconds from its start."""
    return [
        Segment(max(segment.start, stretch.start) - stretch.start, min(segment.end, stretch.end) - stretch.start)
        for segment in segments
        if segment.end > stretch.start and segment.start < stretch.end
    ]


def _part(samples: Samples, rate: int, segment: Segment) -> Samples:
    return samples[round(segment.start * rate) : round(segment.end * rate)]


def _joined(samples: Samples, rate: int, segments: list[Segment]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *(_part(samples, rate, segment) for segment in segments)])


def _denoised_when_it_helps(
    samples: Samples, rate: int, segments: list[Segment], ratio: float, clean: Clean
) -> Samples:
    if not segments or ratio >= _WORTH_DENOISING:
        return samples
    cleaned = clean(samples, rate)
    gain = signal_to_noise(cleaned, rate, segments) - ratio
    loss = integrated_loudness(samples, rate) - integrated_loudness(cleaned, rate)
    return cleaned if gain >= _LEAST_GAIN and loss <= _MOST_LOSS else samples

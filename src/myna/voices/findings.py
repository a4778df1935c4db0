"""What measures of a recording mean: why it is refused, and what makes it poor."""

from __future__ import annotations

from collections.abc import Iterator

from myna.voices.report import Finding, IntakeReport

GOOD_SECONDS = 10.0
"""Seconds of speech from which a voice is well known."""
LEAST_SPEECH = 0.6
"""Of the shortest recording: this much of it must be speech."""
NOISY, TOO_NOISY = 20.0, 5.0
"""dB of speech over noise."""
CLIPPED, TOO_CLIPPED = 0.002, 0.08
"""Shares of clipped samples."""
QUIET, TOO_QUIET = -38.0, -60.0
"""LUFS."""
NARROW = 4_500.0
"""Hz: a telephone carries no more than 3.4 or 4 kHz."""
UNLIKE_TEXT = 0.6
"""A text of whose words fewer are heard is another text."""


def refusals(report: IntakeReport, minimum_seconds: float, maximum_seconds: float) -> tuple[Finding, ...]:
    """Why no voice can be made from the recording."""
    return tuple(_refusals(report, minimum_seconds, maximum_seconds))


def warnings(report: IntakeReport) -> tuple[Finding, ...]:
    """What makes the voice poorer than it could be."""
    return tuple(_warnings(report))


def fits(report: IntakeReport) -> bool:
    """Whether the text may be used, as far as can be told."""
    return report.transcript_match is None or report.transcript_match >= UNLIKE_TEXT


def _refusals(report: IntakeReport, minimum_seconds: float, maximum_seconds: float) -> Iterator[Finding]:
    if report.duration > maximum_seconds:
        yield Finding(
            "too_long",
            f"The recording is {report.duration:.0f} s long; the most is {maximum_seconds:.0f} s.",
            "Cut it to the best 10 to 30 s.",
        )
        return
    if report.duration < minimum_seconds:
        yield Finding(
            "too_short",
            f"The recording is {report.duration:.1f} s long; the least is {minimum_seconds:g} s.",
            "Send 10 to 30 s of speech.",
        )
        return
    if not report.speech_seconds:
        yield Finding("no_speech", "Nobody speaks in this recording.", "Send 10 to 30 s of one person speaking.")
        return
    yield from _unusable(report, minimum_seconds)


def _unusable(report: IntakeReport, minimum_seconds: float) -> Iterator[Finding]:
    if report.speech_seconds < LEAST_SPEECH * minimum_seconds:
        yield Finding(
            "too_little_speech",
            f"Only {report.speech_seconds:.1f} s of this recording are speech.",
            "Send 10 to 30 s of one person speaking.",
        )
    if report.loudness_lufs < TOO_QUIET:
        yield Finding("too_quiet", "The speech is hardly louder than silence.", "Record it again, nearer.")
    if report.snr_db < TOO_NOISY:
        yield Finding(
            "too_noisy",
            f"The speech is only {report.snr_db:.0f} dB louder than the noise.",
            "Record it in a quiet room, near the microphone, without music.",
        )
    if report.clipping > TOO_CLIPPED:
        yield Finding(
            "too_clipped",
            f"{report.clipping:.0%} of the sound is cut off at its highest level.",
            "Record it again with less gain.",
        )


def _warnings(report: IntakeReport) -> Iterator[Finding]:
    if not report.speech_seconds:
        return
    if report.speech_seconds < GOOD_SECONDS:
        yield Finding(
            "short",
            f"There are only {report.speech_seconds:.0f} s of speech.",
            "10 to 30 s make a better voice.",
        )
    if TOO_NOISY <= report.snr_db < NOISY:
        yield Finding(
            "noisy",
            f"The speech is only {report.snr_db:.0f} dB louder than the noise.",
            "A quiet room and a near microphone make a better voice.",
        )
    if CLIPPED <= report.clipping <= TOO_CLIPPED:
        yield Finding("clipped", "The sound is cut off at its highest level in places.", "Record with less gain.")
    if TOO_QUIET <= report.loudness_lufs < QUIET:
        yield Finding(
            "quiet", f"The speech is quiet: {report.loudness_lufs:.0f} LUFS.", "Record nearer, or with more gain."
        )
    yield from _doubts(report)


def _doubts(report: IntakeReport) -> Iterator[Finding]:
    if report.bandwidth_hz < NARROW:
        yield Finding(
            "narrow_band",
            f"Nothing sounds above {report.bandwidth_hz:.0f} Hz, as over a telephone.",
            "A recording of at least 16 kHz makes a clearer voice.",
        )
    if report.second_speaker:
        yield Finding(
            "second_speaker",
            "There seems to be more than one speaker.",
            "Send a recording in which only one person speaks.",
        )
    if report.transcript_match is not None and not fits(report):
        yield Finding(
            "transcript_differs",
            f"Only {report.transcript_match:.0%} of the words of the text are heard; the text is not used.",
            "Send the words that are spoken, or no text.",
        )

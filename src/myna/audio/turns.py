"""Who speaks when: windows of speech, each with a voice and a pitch, fall into groups, and groups into turns.

The voice is Resemblyzer's (`speaker.py`), the pitch comes from autocorrelation. Windows are joined by average linkage;
then a path through all windows is found in which changing the speaker costs something (A. Viterbi, 1967), less where
somebody paused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myna.audio.activity import Segment
from myna.audio.speaker import WINDOW_SECONDS, window_embeddings
from myna.engines.base import Samples

_STEP_SECONDS = 0.4
"""From one window to the next."""
_SHORTEST = 0.25
"""Seconds of speech below which nobody can be told from anybody."""
_QUIET, _QUIET_FRAME = 0.003, 0.01
"""Of the power of loud frames, and seconds."""
_SHORTEST_QUIET, _SHORTEST_PART = 10, 0.6
"""Frames of quiet at which speech is cut, and seconds of what is left on both sides."""
_OCTAVE = 0.45
"""How much an octave between two pitches counts, where 1 is a voice as unlike as can be."""
_LARGEST_PITCH_PART = 0.3
_ALIKE = 0.33
"""Windows further apart than this, on average, are of different speakers, when their number is not known."""
_MOST_WINDOWS = 1_500
"""That are compared with each other; of more, as many are chosen evenly, and the rest goes with the nearest group."""
_FULL, _LEAST_FULL = 1.2, 5
"""Seconds of a window that says enough about a voice to make up a group, and how many of them there must be."""
_LEAST_SECONDS, _LEAST_SHARE = 2.0, 0.02
"""A group with less speech is no speaker, when their number is not known."""
_CHANGE, _CHANGE_IN_PAUSE = 0.35, 0.05
"""What it costs to change the speaker within speech and after a pause."""
_PITCHES = (60.0, 450.0)
_PITCH_FRAME, _PITCH_HOP = 0.04, 0.02
_VOICED = 0.5
"""How much of a frame must repeat itself for it to have a pitch."""


@dataclass(frozen=True, slots=True)
class VoiceWindow:
    """A piece of speech, seldom longer than 1.6 s."""

    start: float
    """Seconds from the start of the source."""
    end: float
    voice: NDArray[np.float32]
    """Shape `[256]`, length 1."""
    pitch: float
    """Hz, the median; 0 where nothing is voiced."""
    segment: float
    """When the stretch of speech begins to which it belongs."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says before another one does. Seconds from the start of the source."""

    start: float
    end: float
    speaker: int
    """From 1, in the order in which they are first heard."""


@dataclass(frozen=True, slots=True)
class Turns:
    """All turns in order of time; for each speaker the median pitch in Hz (0: unknown) and the seconds of speech."""

    turns: tuple[Turn, ...]
    pitches: tuple[float, ...]
    seconds: tuple[float, ...]


def speaker_turns(samples: Samples, rate: int, segments: Sequence[Segment], count: int | None = None) -> Turns:
    """Who speaks in a short recording. For a long one use `windows_of` piece by piece, and `turns_of` once."""
    return turns_of(windows_of(samples, rate, segments), count)


def windows_of(samples: Samples, rate: int, segments: Sequence[Segment], offset: float = 0.0) -> list[VoiceWindow]:
    """The windows of the stretches of speech in a piece of the source that begins at second `offset`.

    `segments` count from the start of the piece. Takes about 4 % of the time of the speech.
    """
    parts = (part for segment in segments for part in _parts(samples, rate, segment))
    return [window for part in parts for window in _windows_of_one(samples, rate, part, offset)]


def turns_of(windows: Sequence[VoiceWindow], count: int | None = None) -> Turns:
    """Who speaks when, in a source of which all windows are given in order; `count` is how many speak, if known."""
    if not windows:
        return Turns((), (), ())
    groups = _grouped(windows, count)
    path = _smoothed(windows, groups) if len(groups) > 1 else np.zeros(len(windows), np.int64)
    _, first, numbers = np.unique(path, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    speakers = order[numbers] + 1
    return Turns(tuple(_joined(windows, speakers)), *_described(windows, speakers))


def turns_known_in_part(windows: Sequence[VoiceWindow], known: Sequence[Turn]) -> Turns:
    """Who speaks when, where for some of the time it is known, such as from subtitles with names.

    Speech outside of it goes with the known voice that it is like, else it is one more speaker's. The known speakers
    keep their numbers, also one who is not heard.
    """
    count = max(turn.speaker for turn in known)
    speakers = _speakers_in(windows, known)
    heard = [[window for window, mine in zip(windows, speakers, strict=True) if mine == n] for n in range(1, count + 1)]
    strangers = [window for window, mine in zip(windows, speakers, strict=True) if not mine]
    assigned = np.array([_like(window, heard) for window in strangers], np.int64)
    speakers[speakers == 0] = assigned
    turns = sorted([*known, *_joined(strangers, assigned)], key=lambda turn: (turn.start, turn.end))
    return Turns(tuple(turns), *_described(windows, speakers, count))


def _speakers_in(windows: Sequence[VoiceWindow], known: Sequence[Turn]) -> NDArray[np.int64]:
    """Whose turn most of each window is in; 0 when it is nobody's."""
    starts, ends = np.array([turn.start for turn in known]), np.array([turn.end for turn in known])
    found = np.zeros(len(windows), np.int64)
    for index, window in enumerate(windows):
        shared = np.minimum(ends, window.end) - np.maximum(starts, window.start)
        best = int(np.argmax(shared))
        if 2 * shared[best] > window.end - window.start:
            found[index] = known[best].speaker
    return found


def _like(window: VoiceWindow, heard: Sequence[Sequence[VoiceWindow]]) -> int:
    """The number of the speaker with the nearest voice, or of one more when none is near."""
    apart = [_apart_from(window, own) if own else np.inf for own in heard]
    nearest = int(np.argmin(apart))
    return nearest + 1 if apart[nearest] <= _ALIKE else len(heard) + 1


def _apart_from(window: VoiceWindow, own: Sequence[VoiceWindow]) -> float:
    pitch = float(_pitch_apart([window.pitch], [_median_pitch(own)])[0, 0])
    return float(1 - window.voice @ _centre(own)) + pitch


def _parts(samples: Samples, rate: int, segment: Segment) -> Iterator[Segment]:
    """A stretch of speech, cut where it is quiet for a moment: there another one may begin to speak."""
    step = round(_QUIET_FRAME * rate)
    sound = samples[max(0, round(segment.start * rate)) : round(segment.end * rate)]
    frames = sound[: len(sound) // step * step].reshape(-1, step)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    quiet = power < _QUIET * (np.percentile(power, 90) if len(power) else 0.0)
    start = 0
    for first, last in _runs(quiet):
        middle = (first + last) // 2
        if (
            last - first >= _SHORTEST_QUIET
            and min(middle - start, len(power) - middle) * _QUIET_FRAME >= _SHORTEST_PART
        ):
            yield Segment(segment.start + start * _QUIET_FRAME, segment.start + middle * _QUIET_FRAME)
            start = middle
    yield Segment(segment.start + start * _QUIET_FRAME, segment.end)


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First index and the one after the last of each run of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    yield from ((int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True))


def _windows_of_one(samples: Samples, rate: int, segment: Segment, offset: float) -> Iterator[VoiceWindow]:
    sound = samples[max(0, round(segment.start * rate)) : round(segment.end * rate)]
    seconds = len(sound) / rate
    if seconds < _SHORTEST:
        return
    voices = window_embeddings(sound, rate, _STEP_SECONDS)
    pitches = _pitches(sound, rate)
    begins = offset + segment.start
    for index, voice in enumerate(voices):
        start = index * _STEP_SECONDS
        end = min(seconds, start + WINDOW_SECONDS)
        heard = pitches[round(start / _PITCH_HOP) : max(1, round(end / _PITCH_HOP))]
        voiced = heard[heard > 0]
        pitch = float(np.median(voiced)) if len(voiced) else 0.0
        yield VoiceWindow(begins + start, begins + end, voice, pitch, begins)


def _pitches(sound: Samples, rate: int) -> NDArray[np.float64]:
    """Hz for each 20 ms, 0 where nothing repeats: the first high peak of the normalised autocorrelation."""
    size, hop = round(_PITCH_FRAME * rate), round(_PITCH_HOP * rate)
    padded = np.pad(sound.astype(np.float64), (0, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: max(1, len(sound) // hop)]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectra = np.abs(np.fft.rfft(frames, 2 * size, axis=1)) ** 2
    repeated = np.fft.irfft(spectra, axis=1)[:, :size]
    repeated /= np.maximum(repeated[:, :1], 1e-9) * (1 - np.arange(size) / size)
    shortest, longest = round(rate / _PITCHES[1]), min(size - 1, round(rate / _PITCHES[0]))
    lags = repeated[:, shortest : round(0.75 * longest)]
    best = lags.max(axis=1, keepdims=True)
    first = np.argmax(lags >= 0.92 * best, axis=1)
    peak = first + np.array([int(row[at : at + 8].argmax()) for row, at in zip(lags, first, strict=True)])
    loud = (frames**2).mean(axis=1)
    voiced = (best[:, 0] > _VOICED) & (loud > 0.05 * np.percentile(loud, 90))
    return np.where(voiced, rate / (shortest + peak), 0.0)


def _grouped(windows: Sequence[VoiceWindow], count: int | None) -> list[NDArray[np.int64]]:
    """The windows of each speaker: a core of those that are surely theirs."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    full = [index for index, window in enumerate(windows) if window.end - window.start >= _FULL]
    candidates = np.array(full if len(full) >= _LEAST_FULL else range(len(windows)), np.int64)
    places = np.linspace(0, len(candidates) - 1, min(len(candidates), _MOST_WINDOWS)).round().astype(np.int64)
    chosen = candidates[np.unique(places)]
    if len(chosen) == 1:
        return [chosen]
    apart = _apart([windows[index] for index in chosen])
    tree = linkage(squareform(apart, checks=False), "average")
    if count is None:
        labels = fcluster(tree, _ALIKE, "distance")
        return _large_enough([chosen[labels == label] for label in np.unique(labels)], len(chosen))
    for wanted in range(count, len(chosen) + 1):
        labels = fcluster(tree, wanted, "maxclust")
        groups = [chosen[labels == label] for label in np.unique(labels)]
        large = _large_enough(groups, len(chosen))
        if len(large) >= count:
            return sorted(large, key=len, reverse=True)[:count]
    return sorted(groups, key=len, reverse=True)[:count]


def _large_enough(groups: list[NDArray[np.int64]], total: int) -> list[NDArray[np.int64]]:
    least = max(_LEAST_SECONDS / _STEP_SECONDS, _LEAST_SHARE * total)
    large = [group for group in groups if len(group) >= least]
    return large or [max(groups, key=len)]


def _apart(windows: Sequence[VoiceWindow]) -> NDArray[np.float64]:
    """How unlike windows are: shape `[windows, windows]`, 0 for the same."""
    voices = np.stack([window.voice for window in windows]).astype(np.float64)
    apart = 1 - voices @ voices.T + _pitch_apart([w.pitch for w in windows], [w.pitch for w in windows])
    np.fill_diagonal(apart, 0)
    return np.maximum(apart, 0)


def _pitch_apart(first: Sequence[float], second: Sequence[float]) -> NDArray[np.float64]:
    rows, columns = np.array(first)[:, None], np.array(second)[None, :]
    known = (rows > 0) & (columns > 0)
    octaves = np.abs(np.log2(np.where(known, rows, 1.0) / np.where(known, columns, 1.0)))
    return np.minimum(_LARGEST_PITCH_PART, _OCTAVE * octaves) * known


def _smoothed(windows: Sequence[VoiceWindow], groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The likeliest group of each window, when a change of the speaker is not likely."""
    centres = np.stack([_centre([windows[index] for index in group]) for group in groups])
    pitches = [_median_pitch([windows[index] for index in group]) for group in groups]
    voices = np.stack([window.voice for window in windows])
    costs = 1 - voices @ centres.T + _pitch_apart([window.pitch for window in windows], pitches)
    best = costs[0]
    came: list[NDArray[np.int64]] = []
    for index in range(1, len(windows)):
        change = _CHANGE if windows[index].segment == windows[index - 1].segment else _CHANGE_IN_PAUSE
        stay, move = best, best.min() + change
        came.append(np.where(stay <= move, np.arange(len(best)), int(best.argmin())))
        best = np.minimum(stay, move) + costs[index]
    path = [int(best.argmin())]
    for origins in reversed(came):
        path.append(int(origins[path[-1]]))
    return np.array(path[::-1])


def _centre(windows: Sequence[VoiceWindow]) -> NDArray[np.float32]:
    mean = np.mean([window.voice for window in windows], axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _median_pitch(windows: Sequence[VoiceWindow]) -> float:
    pitches = [window.pitch for window in windows if window.pitch > 0]
    return float(np.median(pitches)) if pitches else 0.0


def _joined(windows: Sequence[VoiceWindow], speakers: NDArray[np.int64]) -> Iterator[Turn]:
    """Neighbours of one speaker become a turn; where two windows of different ones overlap, they meet in the middle."""
    open_turn: Turn | None = None
    for window, speaker in zip(windows, speakers, strict=True):
        if open_turn is None:
            open_turn = Turn(window.start, window.end, int(speaker))
        elif open_turn.speaker == speaker:
            open_turn = Turn(open_turn.start, max(open_turn.end, window.end), open_turn.speaker)
        else:
            meeting = max(open_turn.start, (open_turn.end + window.start) / 2) if open_turn.end > window.start else None
            yield Turn(open_turn.start, open_turn.end if meeting is None else meeting, open_turn.speaker)
            open_turn = Turn(window.start if meeting is None else meeting, window.end, int(speaker))
    if open_turn:
        yield open_turn


def _described(
    windows: Sequence[VoiceWindow], speakers: NDArray[np.int64], least: int = 0
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Median pitch and seconds of speech of each speaker, of so many at least."""
    seconds = np.zeros(max(least, int(speakers.max(initial=0))))
    reached = 0.0
    for window, speaker in zip(windows, speakers, strict=True):
        seconds[speaker - 1] += max(0.0, window.end - max(window.start, reached))
        reached = max(reached, window.end)
    pitches = (
        _median_pitch([window for window, mine in zip(windows, speakers, strict=True) if mine == speaker])
        for speaker in range(1, len(seconds) + 1)
    )
    return tuple(round(pitch, 1) for pitch in pitches), tuple(round(float(each), 3) for each in seconds)

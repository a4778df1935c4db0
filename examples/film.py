"""The small film that the demo dubs: a moving picture, people who speak, and soft tones under them."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
FRAMES_PER_SECOND = 25
WIDTH, HEIGHT = 320, 180
BEFORE, BETWEEN = 0.8, 1.0
"""Seconds of silence before the first line, and after each."""
CHORD = ((220.0, 0.3), (277.2, 0.5), (329.6, 0.7))
"""Hz, and how far to the right, from 0 to 1."""

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Film:
    path: Path
    seconds: float


def make_film(path: Path, spoken: Sequence[bytes]) -> Film:
    """An MP4 (H.264, AAC) in which these WAV files are heard one after the other."""
    sound = with_tones(in_a_row([samples_of(file) for file in spoken]))
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        track = output.add_stream("aac", rate=RATE, layout="stereo")
        track.metadata["language"] = "eng"
        for number in range(sound.shape[1] * FRAMES_PER_SECOND // RATE):
            output.mux(picture.encode(frame(number)))
        output.mux(picture.encode(None))
        whole = av.AudioFrame.from_ndarray(sound, format="fltp", layout="stereo")
        whole.sample_rate, whole.pts, whole.time_base = RATE, 0, Fraction(1, RATE)
        encode(output, track, whole)
    return Film(path, sound.shape[1] / RATE)


def samples_of(file: bytes) -> Sound:
    """Mono, at 48 kHz. Straight lines between the samples will do for a demo."""
    with wave.open(io.BytesIO(file)) as speech:
        data, rate = speech.readframes(speech.getnframes()), speech.getframerate()
    samples = np.frombuffer(data, "<i2").astype(np.float32) / 32_768
    places = np.arange(len(samples) * RATE // rate) * (rate / RATE)
    resampled: Sound = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return resampled


def in_a_row(lines: Sequence[Sound]) -> Sound:
    silence = np.zeros(round(BETWEEN * RATE), np.float32)
    begin = np.zeros(round(BEFORE * RATE), np.float32)
    return np.concatenate([begin, *(part for line in lines for part in (line, silence))])


def with_tones(speech: Sound) -> Sound:
    """`[2, samples]`: what is said in the middle, a chord around it."""
    time = np.arange(len(speech)) / RATE
    sound = np.tile(0.8 * speech, (2, 1))
    for frequency, right in CHORD:
        note = 0.01 * np.sin(2 * np.pi * frequency * time) * (0.7 + 0.3 * np.sin(2 * np.pi * 0.3 * time))
        sound += note * np.array([[1 - right], [right]])
    return sound.astype(np.float32)


def frame(number: int) -> av.VideoFrame:
    """A bright bar that wanders over a slope of grey."""
    grey = np.tile(np.linspace(40, 160, HEIGHT, dtype=np.uint8)[:, None], (1, WIDTH))
    place = 3 * number % WIDTH
    grey[:, place : place + 24] = 230
    return av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")


def encode(output: Any, track: Any, sound: av.AudioFrame) -> None:
    resampler = av.AudioResampler(track.codec_context.format.name, "stereo", RATE, frame_size=1_024)
    for part in [*resampler.resample(sound), *resampler.resample(None), None]:
        output.mux(track.encode(part))

"""What the sound processing costs, and how exact the lengths of the six formats are.

`python -m benchmarks.audio_formats` prints the tables; with `--write` they go into docs/audio.md.
"""

from __future__ import annotations

import argparse
import io
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import soundfile

from myna.audio.denoise import denoise
from myna.audio.gain import StreamGain
from myna.audio.loudness import integrated_loudness, normalise_loudness
from myna.audio.resample import resample
from myna.audio.silence import remove_silence
from myna.audio.waveform import waveform
from myna.engines.base import Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.media.decode import decode
from myna.media.encode import StreamEncoder, encode
from myna.media.formats import AUDIO_FORMATS, AudioFormat

PAGE = Path("docs/audio.md")
BEGIN, END = "<!-- measured by benchmarks/audio_formats.py -->", "<!-- end -->"
TEXT = "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore, and they are hers. "
RATES = (16_000, 22_050, 24_000, 44_100, 48_000)
LENGTHS = (0.25, 1.0, 3.217, 7.5, 10.0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", action="store_true", help="put the tables into docs/audio.md")
    write = arguments.parse_args().write
    speech, rate = spoken()
    tables = "\n\n".join([length_table(speech, rate), step_table(speech, rate), encoding_table(speech, rate)])
    print(tables)
    if write:
        page = PAGE.read_text()
        block = f"{BEGIN}\n\n{tables}\n\n{END}"
        PAGE.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: block, page, flags=re.DOTALL))


def spoken() -> tuple[Samples, int]:
    """A minute of speech by the default engine."""
    engine = EspeakEngine()
    voice = next(voice for voice in engine.voices() if voice.language == "en-US")
    request = SynthesisRequest(text=TEXT * 3, language="en-US", voice_settings=voice.settings)
    chunks = list(engine.synthesize(request))
    engine.close()
    speech = np.concatenate([chunk.samples for chunk in chunks])
    return np.resize(speech, 60 * chunks[0].sample_rate), chunks[0].sample_rate


def length_table(speech: Samples, rate: int) -> str:
    rows = ["| format | as | FFmpeg (PyAV) | libsndfile (soundfile) |", "|---|---|---|---|"]
    for format in AUDIO_FORMATS:
        for name, make in (("file", whole), ("stream", streamed)):
            rows.append(f"| {format} | {name} | {errors(speech, rate, format, make)} |")
    return "\n".join(["Decoded length minus the length of the sound, in milliseconds:", "", *rows])


def errors(speech: Samples, rate: int, format: AudioFormat, make: Callable[[Samples, int, AudioFormat], bytes]) -> str:
    found: dict[str, list[float]] = {"ffmpeg": [], "sndfile": []}
    for target in RATES:
        sound = resample(speech, rate, target)
        for seconds in LENGTHS:
            for onset in (0, target // 10):
                part = np.concatenate([np.zeros(onset, np.float32), sound[: round(seconds * target)]])
                data = make(part, target, format)
                for reader, read in (("ffmpeg", by_ffmpeg), ("sndfile", by_sndfile)):
                    length = read(data, format, target)
                    if length is not None:
                        found[reader].append(1000 * (length - len(part) / target))
    return " | ".join(span(values) for values in found.values())


def span(values: list[float]) -> str:
    if not values:
        return "cannot read it"
    low, high = min(values), max(values)
    return "0" if max(abs(low), abs(high)) < 0.05 else f"{low:+.1f} to {high:+.1f}"


def whole(sound: Samples, rate: int, format: AudioFormat) -> bytes:
    return encode(sound, rate, format)


def streamed(sound: Samples, rate: int, format: AudioFormat) -> bytes:
    encoder = StreamEncoder(format, rate)
    step = rate // 10
    return b"".join([encoder.write(sound[at : at + step]) for at in range(0, len(sound), step)] + [encoder.finish()])


def by_ffmpeg(data: bytes, format: AudioFormat, rate: int) -> float | None:
    if format == "pcm":
        return len(data) / 2 / rate
    with av.open(io.BytesIO(data), "r") as container:
        return sum((frame.samples / frame.sample_rate for frame in container.decode(audio=0)), start=0.0)


def by_sndfile(data: bytes, format: AudioFormat, rate: int) -> float | None:
    if format == "pcm":
        return len(data) / 2 / rate
    try:
        samples, found = soundfile.read(io.BytesIO(data))
    except (soundfile.LibsndfileError, ValueError, MemoryError):
        return None
    return float(len(samples) / found)


def step_table(speech: Samples, rate: int) -> str:
    steps: dict[str, Callable[[Samples], object]] = {
        "resample to 48 kHz": lambda sound: resample(sound, rate, 48_000),
        "measure loudness": lambda sound: integrated_loudness(sound, rate),
        "normalise loudness (with limiter)": lambda sound: normalise_loudness(sound, rate),
        "stream gain": lambda sound: StreamGain(-16.0, rate).process(sound),
        "denoise": lambda sound: denoise(sound, rate),
        "remove silence": lambda sound: remove_silence(sound, rate),
        "waveform": lambda sound: waveform(sound),
    }
    rows = ["| step | 10 s | 60 s | share of real time |", "|---|---|---|---|"]
    for name, step in steps.items():
        short, long = (best_time(partial(step, part)) for part in (speech[: 10 * rate], speech))
        rows.append(f"| {name} | {1000 * short:.0f} ms | {1000 * long:.0f} ms | {long / 60:.5f} |")
    return "\n".join([f"Time of each step, at {rate:,} Hz, best of three:", "", *rows])


def encoding_table(speech: Samples, rate: int) -> str:
    rows = ["| format | encode 10 s | encode 60 s | bytes of 60 s | decode 60 s |", "|---|---|---|---|---|"]
    for format in AUDIO_FORMATS:
        short = best_time(partial(encode, speech[: 10 * rate], rate, format))
        long = best_time(partial(encode, speech, rate, format))
        data = encode(speech, rate, format)
        back = "–" if format == "pcm" else f"{1000 * best_time(partial(decode, data)):.0f} ms"
        rows.append(f"| {format} | {1000 * short:.0f} ms | {1000 * long:.0f} ms | {len(data):,} | {back} |")
    return "\n".join([f"Encoding speech of {rate:,} Hz:", "", *rows])


def best_time(work: Callable[[], object]) -> float:
    """Processor seconds of this process, so that what else the machine does counts little."""
    times = []
    for _ in range(3):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


if __name__ == "__main__":
    main()

from __future__ import annotations

import io
import struct
import threading
import wave

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.errors import BadAudio
from myna.media.encode import StreamEncoder, encode
from myna.media.formats import AUDIO_FORMATS, AudioFormat
from tests.fixtures.speech import level, speech_like

RATE = 24_000
EXACT: tuple[AudioFormat, ...] = ("wav", "flac", "opus")
LONGEST_EXTRA = {"mp3": 0.050, "aac": 0.047}
"""Seconds that a decoder may give more than went in: MP3 streams, and AAC always."""


class Pipe(io.RawIOBase):
    """What a decoder gets from a network: no seeking, small reads."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), 1_000, len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def decoded(data: bytes | io.RawIOBase) -> tuple[Samples, int]:
    """By FFmpeg, without any help of ours."""
    with av.open(io.BytesIO(data) if isinstance(data, bytes) else data) as container:
        frames = list(container.decode(audio=0))
    rate = frames[0].sample_rate
    joined = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return (joined / 32_768 if joined.dtype == np.int16 else joined).astype(np.float32), rate


def decoded_by_libsndfile(data: bytes) -> tuple[Samples, int]:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        return file.read(dtype="float32"), file.samplerate


def streamed(samples: Samples, format: AudioFormat, rate: int, step: int) -> bytes:
    encoder = StreamEncoder(format, rate)
    parts = [encoder.write(samples[start : start + step]) for start in range(0, len(samples), step)]
    return b"".join([*parts, encoder.finish()])


def extra(data: bytes | io.RawIOBase, seconds: float) -> float:
    samples, rate = decoded(data)
    return len(samples) / rate - seconds


def likeness(before: Samples, after: Samples, rate: int, after_rate: int) -> float:
    """Correlation in the middle, at the best shift of up to 60 ms."""
    before = resample(before, rate, after_rate)
    first, last = after_rate, 2 * after_rate
    shifts = range(-after_rate // 100, after_rate * 6 // 100)
    best = max(shifts, key=lambda shift: float(before[first:last] @ after[first + shift : last + shift]))
    return float(np.corrcoef(before[first:last], after[first + best : last + best])[0, 1])


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.02, 0.5, 3.217])
@pytest.mark.parametrize("format", ["mp3", *EXACT])
def test_a_file_is_as_long_as_its_sound(format: AudioFormat, seconds: float, rate: int):
    sound = speech_like(seconds, rate)
    file = encode(sound, rate, format)
    assert extra(file, len(sound) / rate) == pytest.approx(0, abs=0.0001)
    samples, decoded_rate = decoded_by_libsndfile(file)
    assert len(samples) / decoded_rate == pytest.approx(len(sound) / rate, abs=0.0001)


def test_every_length_of_mp3_is_exact():
    sound = speech_like(0.2, RATE)
    for count in range(2_000, 2_000 + 600, 7):
        file = encode(sound[:count], RATE, "mp3")
        assert len(decoded(file)[0]) == count
        assert len(decoded_by_libsndfile(file)[0]) == count


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", *EXACT])
@pytest.mark.parametrize("streaming", [False, True])
def test_what_comes_out_is_what_went_in(format: AudioFormat, streaming: bool):
    sound = speech_like(3, RATE)
    data = streamed(sound, format, RATE, 1_000) if streaming else encode(sound, RATE, format)
    samples, rate = decoded(data)
    assert likeness(sound, samples, RATE, rate) > 0.95
    assert level(samples) == pytest.approx(level(sound), abs=0.6)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.217])
@pytest.mark.parametrize("format", ["mp3", "aac"])
@pytest.mark.parametrize("onset", ["loud", "silent"])
def test_streams_of_frames_are_little_longer_than_their_sound(
    format: AudioFormat, seconds: float, rate: int, onset: str
):
    sound = np.full(round(seconds * rate), 0.1, np.float32)
    if onset == "silent":
        sound[: rate // 25] = 0
    most = LONGEST_EXTRA[format] - (0.020 if onset == "silent" else 0)
    assert -0.002 < extra(streamed(sound, format, rate, rate // 10), seconds) < most
    if format == "aac":
        assert -0.002 < extra(encode(sound, rate, format), seconds) < most


@pytest.mark.parametrize("format", EXACT)
@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_other_streams_are_exactly_as_long(format: AudioFormat, rate: int):
    sound = speech_like(1.2345, rate)
    data = streamed(sound, format, rate, 777)
    assert extra(data, len(sound) / rate) == pytest.approx(0, abs=0.0001)
    if format != "flac":  # libsndfile cannot read a FLAC whose length is unknown to its end.
        samples, decoded_rate = decoded_by_libsndfile(data)
        assert len(samples) / decoded_rate == pytest.approx(len(sound) / rate, abs=0.0001)


@pytest.mark.parametrize("format", ["mp3", "aac", *EXACT])
def test_a_stream_can_be_played_from_a_pipe(format: AudioFormat):
    sound = speech_like(2, RATE)
    data = streamed(sound, format, RATE, 2_400)
    from_pipe, _ = decoded(Pipe(data))
    from_file, _ = decoded(data)
    np.testing.assert_array_equal(from_pipe, from_file)


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_bytes_come_while_the_sound_goes_on(format: AudioFormat):
    sound = speech_like(3, RATE)
    encoder = StreamEncoder(format, RATE)
    step = RATE // 20
    sizes = [len(encoder.write(sound[start : start + step])) for start in range(0, len(sound), step)]
    assert any(sizes[:4]), "something within 0.2 s of sound"
    gaps = np.diff([index for index, size in enumerate(sizes) if size])
    assert gaps.max() <= 4, "and then every 0.2 s"
    assert len(encoder.finish()) < sum(sizes) / 4


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_the_pieces_do_not_matter(format: AudioFormat):
    sound = speech_like(1.5, RATE)
    assert streamed(sound, format, RATE, 311) == streamed(sound, format, RATE, len(sound))


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_a_stream_without_sound_ends_quietly(format: AudioFormat):
    encoder = StreamEncoder(format, RATE)
    data = encoder.write(np.zeros(0, np.float32)) + encoder.finish()
    assert len(data) < 200


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_after_the_end_there_is_no_more(format: AudioFormat):
    encoder = StreamEncoder(format, RATE)
    encoder.write(speech_like(0.3, RATE))
    encoder.finish()
    assert encoder.finish() == b""
    with pytest.raises(ValueError, match="finished"):
        encoder.write(speech_like(0.1, RATE))


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_a_stream_that_is_dropped_midway_leaves_nothing(format: AudioFormat):
    for _ in range(3):
        encoder = StreamEncoder(format, RATE)
        encoder.write(speech_like(0.5, RATE))
        del encoder


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_no_sound_is_refused(format: AudioFormat):
    with pytest.raises(BadAudio):
        encode(np.zeros(0, np.float32), RATE, format)


def test_wav_and_pcm_and_flac_hold_the_same_numbers():
    sound = speech_like(1, RATE)
    pcm = np.frombuffer(encode(sound, RATE, "pcm"), "<i2")
    np.testing.assert_array_equal(pcm, np.rint(sound * np.float32(32_767)).astype(np.int16))
    for format in ("wav", "flac"):
        numbers, rate = soundfile.read(io.BytesIO(encode(sound, RATE, format)), dtype="int16")
        np.testing.assert_array_equal(numbers, pcm)
        assert rate == RATE


def test_too_loud_samples_are_cut_not_wrapped():
    loud = np.array([2.0, -2.0, 1.0, -1.0, 0.0], np.float32)
    assert np.frombuffer(encode(loud, RATE, "pcm"), "<i2").tolist() == [32_767, -32_767, 32_767, -32_767, 0]


def test_the_wav_header_says_the_length():
    file = encode(speech_like(1, RATE), RATE, "wav")
    with wave.open(io.BytesIO(file)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, RATE)
        assert reader.getnframes() == RATE
    assert struct.unpack("<I", file[4:8])[0] == len(file) - 8


def test_a_streamed_wav_is_read_to_its_end():
    data = streamed(speech_like(1, RATE), "wav", RATE, 500)
    with wave.open(io.BufferedReader(Pipe(data))) as reader:
        assert len(reader.readframes(reader.getnframes())) == 2 * RATE
    assert len(soundfile.read(io.BytesIO(data))[0]) == RATE


def test_mp3_keeps_the_level_up_to_full_scale():
    time = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 997 * time).astype(np.float32)
    samples, _ = decoded(encode(tone, RATE, "mp3"))
    assert level(samples[2_000:-2_000]) == pytest.approx(level(tone), abs=0.02)


@pytest.mark.parametrize(
    ("format", "bitrate", "expected"),
    [
        ("mp3", 64_000, 64_000),
        ("mp3", None, 128_000),
        ("mp3", 320_000, 160_000),  # the most that MPEG-2 rates allow
        ("opus", 24_000, 24_000),
        ("opus", 1_000_000, 256_000),
        ("aac", 64_000, 64_000),
    ],
)
def test_bitrates(format: AudioFormat, bitrate: int | None, expected: int):
    sound = speech_like(8, RATE) + np.random.default_rng(1).standard_normal(8 * RATE).astype(np.float32) * 0.05
    file = encode(sound.astype(np.float32), RATE, format, bitrate=bitrate)
    assert len(file) * 8 / 8 == pytest.approx(expected, rel=0.3)


def test_rates_that_a_format_does_not_know():
    sound = speech_like(1, 96_000)
    for format, rate in (("mp3", 48_000), ("opus", 48_000), ("aac", 48_000), ("flac", 96_000), ("wav", 96_000)):
        assert decoded(encode(sound, 96_000, format))[1] == rate  # type: ignore[arg-type]


def test_many_threads_encode_at_once():
    sound = speech_like(2, RATE)
    expected = {format: encode(sound, RATE, format) for format in AUDIO_FORMATS}
    wrong: list[str] = []

    def work(format: AudioFormat) -> None:
        if encode(sound, RATE, format) != expected[format]:
            wrong.append(format)

    threads = [threading.Thread(target=work, args=(format,)) for format in AUDIO_FORMATS * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(100, 4_000),
    rate=st.sampled_from([8_000, 22_050, 24_000, 48_000]),
    format=st.sampled_from(["mp3", "wav", "flac", "opus"]),
    scale=st.floats(0, 3),
)
def test_any_sound_makes_a_file_of_its_length(count: int, rate: int, format: AudioFormat, scale: float):
    sound = (np.random.default_rng(count).standard_normal(count) * scale).astype(np.float32)
    samples, decoded_rate = decoded(encode(sound, rate, format))
    assert len(samples) / decoded_rate == pytest.approx(count / rate, abs=0.001)
    assert np.isfinite(samples).all()

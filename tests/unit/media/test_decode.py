from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.resample import resample
from myna.errors import UnsupportedMedia
from myna.media.decode import decode
from myna.media.encode import encode
from myna.media.formats import AudioFormat
from tests.fixtures.canary import SECRET_RATE, SECRET_SECONDS, Canary
from tests.fixtures.speech import level, speech_like

RATE = 24_000


def written(sound: np.ndarray, rate: int, format: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=format, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("format", ["mp3", "wav", "flac", "opus", "aac"])
def test_what_was_encoded_comes_back(format: AudioFormat, rate: int):
    sound = speech_like(2, rate)
    samples, decoded_rate = decode(encode(sound, rate, format))
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) / decoded_rate == pytest.approx(2, abs=0.047 if format == "aac" else 0.0001)
    assert level(samples) == pytest.approx(level(sound), abs=0.6)


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAV", "ULAW"),
        ("WAV", "PCM_U8"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("CAF", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
    ],
)
def test_other_kinds_of_files(format: str, subtype: str):
    sound = speech_like(1, RATE)
    samples, rate = decode(written(sound, RATE, format, subtype))
    assert rate == RATE
    assert len(samples) == pytest.approx(RATE, abs=1)
    assert level(samples) == pytest.approx(level(sound), abs=0.8)


@pytest.mark.parametrize("container", ["mp4", "matroska", "webm", "mpegts"])
def test_the_sound_of_a_video_file(container: str):
    file = io.BytesIO()
    sound = speech_like(1, 48_000)
    with av.open(file, "w", format=container) as output:
        picture = output.add_stream("libvpx" if container == "webm" else "mpeg4", rate=25)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        track = output.add_stream("libopus" if container == "webm" else "aac", rate=48_000, layout="mono")
        for index in range(25):
            image = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index * 9, np.uint8), format="rgb24")
            output.mux(picture.encode(image))
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        for packets in (track.encode(frame), track.encode(None), picture.encode(None)):
            output.mux(packets)
    samples, rate = decode(file.getvalue())
    assert rate == 48_000
    assert len(samples) / rate == pytest.approx(1, abs=0.06)
    assert level(samples) == pytest.approx(level(sound), abs=0.8)


def tracks(count: int, container: str, codec: str, rate: int = RATE) -> bytes:
    """A file with the same sound on each of its tracks."""
    file = io.BytesIO()
    sound = speech_like(0.5, rate)
    with av.open(file, "w", format=container) as output:
        added = [output.add_stream(codec, rate=rate, layout="mono") for _ in range(count)]
        for track in added:
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate = rate
            output.mux([*track.encode(frame), *track.encode(None)])
    return file.getvalue()


def test_the_format_of_old_telephones():
    samples, rate = decode(tracks(1, "amr", "libopencore_amrnb", 8_000))
    assert rate == 8_000
    assert len(samples) / rate == pytest.approx(0.5, abs=0.05)


def test_one_of_a_few_sound_tracks_is_taken_but_not_of_many():
    assert len(decode(tracks(8, "matroska", "pcm_s16le"))[0]) == RATE // 2
    with pytest.raises(UnsupportedMedia, match="more than 8 sound tracks"):
        decode(tracks(9, "matroska", "pcm_s16le"))
    with pytest.raises(UnsupportedMedia):
        decode(tracks(80, "matroska", "pcm_s16le"))


def test_more_channels_than_anybody_records_are_refused():
    assert len(decode(written(np.zeros((2_000, 24), np.float32), RATE, "WAV"))[0]) == 2_000
    with pytest.raises(UnsupportedMedia, match="25 channels"):
        decode(written(np.zeros((2_000, 25), np.float32), RATE, "WAV"))


def test_channels_are_mixed_without_growing_louder():
    sound = speech_like(1, RATE)
    samples, _ = decode(written(np.stack([sound, sound], axis=1), RATE, "WAV"))
    np.testing.assert_allclose(samples, sound, atol=1e-4)
    left, _ = decode(written(np.stack([sound, 0 * sound], axis=1), RATE, "WAV"))
    assert level(left) == pytest.approx(level(sound) - 6, abs=0.1)


def test_a_high_rate_comes_down_to_48_kilohertz():
    samples, rate = decode(written(speech_like(1, 96_000), 96_000, "WAV"))
    assert (rate, len(samples)) == (48_000, 48_000)


def test_values_that_are_not_numbers_become_silence():
    sound = speech_like(1, RATE)
    sound[100:200] = np.nan
    samples, _ = decode(written(sound, RATE, "WAV", "FLOAT"))
    assert np.isfinite(samples).all()


def test_too_long_is_refused_and_just_long_enough_is_not():
    file = encode(speech_like(2, RATE), RATE, "flac")
    assert len(decode(file, max_seconds=2)[0]) == 2 * RATE
    with pytest.raises(UnsupportedMedia, match=r"longer than 1\.5 seconds"):
        decode(file, max_seconds=1.5)


def test_a_small_file_with_hours_of_silence_is_refused_early():
    file = encode(np.zeros(3_600 * 8_000, np.float32), 8_000, "flac")
    assert len(file) < 1_000_000
    with pytest.raises(UnsupportedMedia, match="longer than 5 seconds"):
        decode(file, max_seconds=5)


def test_a_lie_about_the_length_takes_no_memory():
    file = bytearray(encode(speech_like(1, RATE), RATE, "flac"))
    assert file[:4] == b"fLaC"
    file[21] |= 0x0F
    file[22:26] = b"\xff" * 4  # 2³⁶ − 1 samples in STREAMINFO
    samples, _ = decode(bytes(file))
    assert len(samples) == RATE


@pytest.mark.parametrize("position", [4, 40])
def test_a_lie_about_the_size_of_a_wav(position: int):
    file = bytearray(encode(speech_like(1, RATE), RATE, "wav"))
    file[position : position + 4] = b"\xf0\xff\xff\xff"
    assert len(decode(bytes(file))[0]) == RATE


@pytest.mark.parametrize(("position", "value"), [(24, 4_000_000_000), (24, 0), (24, 500_000), (22, 65_535)])
def test_a_lie_about_rate_or_channels(position: int, value: int):
    file = bytearray(encode(speech_like(0.2, RATE), RATE, "wav"))
    file[position : position + 4] = struct.pack("<I", value)
    with pytest.raises(UnsupportedMedia):
        decode(bytes(file))


def test_a_damaged_middle_is_skipped():
    file = bytearray(encode(speech_like(3, RATE), RATE, "mp3"))
    file[10_000:12_000] = np.random.default_rng(1).bytes(2_000)
    samples, rate = decode(bytes(file))
    assert len(samples) / rate == pytest.approx(3, abs=0.4)


def test_a_file_that_was_cut_short_gives_what_is_there():
    file = encode(speech_like(3, RATE), RATE, "mp3")
    samples, rate = decode(file[: len(file) // 2])
    assert 1 < len(samples) / rate < 2


def adts_frames(file: bytes) -> list[bytes]:
    frames = []
    while file:
        length = (file[3] & 3) << 11 | file[4] << 3 | file[5] >> 5
        frames.append(file[:length])
        file = file[length:]
    return frames


def test_frames_of_rubbish_are_refused():
    noise = np.random.default_rng(2)
    frames = adts_frames(encode(speech_like(3, 48_000), 48_000, "aac"))
    with pytest.raises(UnsupportedMedia):
        decode(b"".join([*frames[:10], *(frame[:7] + noise.bytes(len(frame) - 7) for frame in frames[10:])]))


@pytest.mark.parametrize("format", ["mp3", "aac"])
def test_a_file_that_changes_its_rate_on_the_way(format: AudioFormat):
    sound = speech_like(2, 48_000)
    parts = [encode(sound, 48_000, format), encode(resample(sound, 48_000, 44_100), 44_100, format)]
    samples, rate = decode(b"".join(parts))
    assert rate == 48_000
    assert len(samples) / rate == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 5_000,
        b"hello, this is a letter and not a sound\n" * 50,
        b"RIFF\xff\xff\xff\xffWAVE",
        b"fLaC",
        b"%PDF-1.7\n" + b"x" * 4_000,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 2_000,
        b"GIF89a" + b"\0" * 2_000,
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    ],
)
def test_what_is_no_sound_is_refused(data: bytes):
    with pytest.raises(UnsupportedMedia) as caught:
        decode(data)
    assert caught.value.status == 422


def test_a_file_without_a_sound_track_is_refused():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        picture = output.add_stream("mpeg4", rate=25)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        output.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(picture.encode(None))
    with pytest.raises(UnsupportedMedia, match="no sound"):
        decode(file.getvalue())


def test_a_decoder_that_is_not_on_the_list_is_refused():
    file = written(speech_like(1, RATE), RATE, "WAV", "MS_ADPCM")
    with pytest.raises(UnsupportedMedia):
        decode(file)


@settings(deadline=None, max_examples=40)
@given(
    format=st.sampled_from(["mp3", "wav", "flac", "opus", "aac"]),
    edits=st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 255)), max_size=30),
    length=st.integers(0, 4_000),
)
def test_any_bytes_give_sound_or_a_refusal(format: AudioFormat, edits: list[tuple[int, int]], length: int):
    file = bytearray(encode(speech_like(0.2, 16_000), 16_000, format)[:length])
    for position, value in edits:
        if position < len(file):
            file[position] = value
    try:
        samples, rate = decode(bytes(file), max_seconds=60)
    except UnsupportedMedia:
        return
    assert np.isfinite(samples).all()
    assert 0 < len(samples) <= 61 * rate


ATTACKS = {
    "a1/a5 HLS to http": lambda c: c.playlist(c.url),
    "a2/a6 HLS to an absolute path": lambda c: c.playlist(str(c.stream)),
    "a3 HLS to a file URL": lambda c: c.playlist(c.stream.as_uri()),
    "a4 HLS to a text file": lambda c: c.playlist(str(c.text)),
    "a7 ffconcat, absolute": lambda c: f"ffconcat version 1.0\nfile '{c.wav}'\n".encode(),
    "a8 ffconcat, relative": lambda c: f"ffconcat version 1.0\nfile '{c.wav.name}'\n".encode(),
    "a9 HLS, relative": lambda c: c.playlist(c.stream.name),
    "b1 HLS of HLS": lambda c: b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n" + str(c.text).encode() + b"\n",
    "b2 SDP": lambda c: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "b3 DASH": lambda c: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="x"><Period>'
        '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>'
        f"{c.url}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode(),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_playlist_is_refused_and_nothing_else_is_opened(attack: str, canary: Canary):
    with pytest.raises(UnsupportedMedia):
        decode(ATTACKS[attack](canary))
    assert canary.requests == []


def test_the_attack_is_real(canary: Canary):
    """Without the whitelist FFmpeg does read the other file."""
    with av.open(io.BytesIO(ATTACKS["a8 ffconcat, relative"](canary))) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == SECRET_SECONDS * SECRET_RATE


def test_an_mp4_that_refers_to_another_file_does_not_open_it(canary: Canary):
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as output:
        track = output.add_stream("pcm_s16le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(speech_like(1, 48_000)[None], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    url = b"url " + struct.pack(">I", 1)
    path = str(canary.wav).encode() + b"\0"
    assert url in file.getvalue()
    lying = file.getvalue().replace(url, b"url " + struct.pack(">I", 0), 1)
    head, tail = lying.split(b"url \0\0\0\0", 1)
    with pytest.raises(UnsupportedMedia):
        decode(head + b"url \0\0\0\0" + path + tail[: len(tail) // 4])

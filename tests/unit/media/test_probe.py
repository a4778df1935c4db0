"""What films are said to hold: by their packets, whatever their headers say."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from myna.errors import UnsupportedMedia
from myna.media.probe import MediaInfo, MediaLimits, packet_hash, probe_untrusted
from myna.settings import Settings
from tests.fixtures.hostile_crafted import flac_of_silence, opus_of_silence
from tests.fixtures.hostile_crafted import wav as wav_with
from tests.fixtures.hostile_films import fast_film
from tests.fixtures.videos import Film, make_sound, make_video

SHORT = Film(2.0, subtitles=[(0.5, 1.5, "Hello")], language="fra", subtitle_language="por")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("films")

    def make(suffix: str) -> Path:
        path = folder / f"film{suffix}"
        if not path.exists():
            (make_video if suffix in (".mp4", ".mov", ".mkv", ".webm") else make_sound)(path, SHORT)
        return path

    return make


@pytest.mark.parametrize(
    ("suffix", "video", "sound", "subtitles"),
    [
        (".mp4", "h264", "aac", "mov_text"),
        (".mov", "h264", "aac", "mov_text"),
        (".mkv", "h264", "aac", "subrip"),
        (".webm", "vp9", "opus", "webvtt"),
    ],
)
async def test_a_film_is_described(suffix: str, video: str, sound: str, subtitles: str, film: Callable[[str], Path]):
    info = await probe_untrusted(film(suffix))
    assert info.container == suffix[1:] == info.result_container
    assert info.duration == pytest.approx(2.0, abs=0.05)
    assert info.video is not None
    assert (info.video.codec, info.video.width, info.video.height) == (video, 160, 90)
    assert info.video.frames_per_second == pytest.approx(25, abs=0.3)
    [track] = info.audio
    assert (track.codec, track.language, track.sample_rate, track.channels) == (sound, "fr", 48_000, 2)
    assert track.duration == pytest.approx(2.0, abs=0.05)
    [text] = info.subtitles
    assert (text.codec, text.language) == (subtitles, "pt")
    assert len({track.index, text.index}) == 2
    assert MediaInfo.from_json(json.loads(json.dumps(info.as_json()))) == info


@pytest.mark.parametrize(
    ("suffix", "container", "result"),
    [
        (".mp3", "mp3", "mp3"),
        (".m4a", "mp4", "m4a"),
        (".wav", "wav", "wav"),
        (".flac", "flac", "flac"),
        (".ogg", "ogg", "ogg"),
        (".mka", "mkv", "m4a"),
    ],
)
async def test_sound_alone_is_described(suffix: str, container: str, result: str, film: Callable[[str], Path]):
    info = await probe_untrusted(film(suffix))
    assert (info.container, info.result_container, info.video, info.subtitles) == (container, result, None, ())
    assert info.duration == pytest.approx(2.0, abs=0.05)


async def test_names_tell_nothing(film: Callable[[str], Path], tmp_path: Path):
    path = tmp_path / "film.m3u8"
    path.write_bytes(film(".webm").read_bytes())
    assert (await probe_untrusted(path)).container == "webm"


async def test_a_cover_is_no_video(tmp_path: Path):
    """An MP3 with a picture in its tag is sound."""
    import av

    path = make_sound(tmp_path / "a.mp3", SHORT)
    picture = tmp_path / "cover.png"
    with av.open(str(picture), "w", format="image2") as output:
        stream = output.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))
    contents = b"\0image/png\0\x03\0" + picture.read_bytes()
    frame = b"APIC" + struct.pack(">IH", len(contents), 0) + contents
    size = len(frame)
    head = b"ID3\x03\0\0" + bytes([(size >> 21) & 127, (size >> 14) & 127, (size >> 7) & 127, size & 127])
    path.write_bytes(head + frame + path.read_bytes())
    info = await probe_untrusted(path)
    assert (info.container, info.video) == ("mp3", None)
    with pytest.raises(UnsupportedMedia, match="no picture"):
        await packet_hash(path)


class TestLimits:
    @pytest.mark.parametrize(
        ("limits", "reason"),
        [
            (MediaLimits(max_seconds=0.5), "too long"),
            (MediaLimits(max_width=159), "picture"),
            (MediaLimits(max_height=89), "picture"),
            (MediaLimits(max_frames_per_second=24), "frames"),
            (MediaLimits(max_sound_tracks=0), "sound tracks"),
            (MediaLimits(max_subtitle_tracks=0), "subtitles"),
        ],
    )
    async def test_what_is_beyond_them_is_refused(
        self, limits: MediaLimits, reason: str, tmp_path: Path, film: Callable[[str], Path]
    ):
        path = film(".mp4")
        if reason == "frames":
            path = make_video(tmp_path / "long.mp4", Film(12.0, bed=0.0))
        with pytest.raises(UnsupportedMedia, match="Send") as refusal:
            await probe_untrusted(path, limits=limits)
        assert refusal.value.details["reason"] == reason

    async def test_what_is_just_within_them_passes(self, film: Callable[[str], Path], tmp_path: Path):
        limits = MediaLimits(2.0, 160, 90, 25, 1, 1)
        assert (await probe_untrusted(film(".mp4"), limits=limits)).video
        upright = make_video(tmp_path / "upright.mp4", Film(1.0, size=(90, 160)))
        assert (await probe_untrusted(upright, limits=limits)).video

    async def test_eight_sound_tracks_pass_and_nine_do_not(self, tmp_path: Path):
        path = make_video(tmp_path / "eight.mkv", Film(1.0, sound_tracks=8))
        assert len((await probe_untrusted(path)).audio) == 8
        path = make_video(tmp_path / "nine.mkv", Film(1.0, sound_tracks=9))
        with pytest.raises(UnsupportedMedia, match="more than 8 sound tracks"):
            await probe_untrusted(path)

    async def test_hours_of_silence_are_refused_by_their_packets(self, tmp_path: Path):
        for name, data in {"flac": flac_of_silence(24), "ogg": opus_of_silence(6)}.items():
            path = tmp_path / name
            path.write_bytes(data)
            with pytest.raises(UnsupportedMedia, match="longer than 7200") as refusal:
                await probe_untrusted(path)
            assert refusal.value.details["reason"] == "too long"

    def test_they_come_from_the_settings(self):
        settings = Settings(
            max_dub_seconds=10, max_video_width=20, max_video_height=30, max_frames_per_second=40, max_sound_tracks=5
        )
        assert MediaLimits.from_settings(settings) == MediaLimits(10, 20, 30, 40, 5)
        assert MediaLimits.from_settings(Settings()) == MediaLimits()


async def test_a_header_that_lies_about_the_length_is_not_believed(film: Callable[[str], Path], tmp_path: Path):
    path = tmp_path / "lie.flac"
    data = bytearray(film(".flac").read_bytes())
    data[21:26] = bytes([data[21] | 0x0F]) + b"\xff" * 4  # 2^36 - 1 samples
    path.write_bytes(data)
    assert (await probe_untrusted(path)).duration == pytest.approx(2.0, abs=0.1)
    path.write_bytes(wav_with(bytes(96_000), rate=24_000, data_size=0xFFFF_FFF0))
    assert (await probe_untrusted(path)).duration == pytest.approx(2.0, abs=0.1)


async def test_a_film_without_sound_is_refused(tmp_path: Path):
    path = make_video(tmp_path / "silent.mp4", Film(1.0, sound_tracks=0))
    with pytest.raises(UnsupportedMedia, match="no sound") as refusal:
        await probe_untrusted(path)
    assert refusal.value.details["reason"] == "no sound"


async def test_a_picture_whose_size_only_its_decoder_knows_is_measured(tmp_path: Path):
    """MPEG-4 in MP4, as old cameras write it."""
    info = await probe_untrusted(fast_film(tmp_path / "old.mp4", 25))
    assert info.video is not None
    assert (info.video.codec, info.video.width, info.video.height) == ("mpeg4", 16, 16)


async def test_video_in_other_containers_is_refused_with_a_remedy(tmp_path: Path):
    import av

    path = tmp_path / "film.ts"
    with (
        av.open(str(make_video(tmp_path / "film.mp4", Film(1.0)))) as film,
        av.open(str(path), "w", format="mpegts") as output,
    ):
        target = {track.index: output.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            if packet.dts is not None:
                packet.stream = target[packet.stream.index]
                output.mux(packet)
    with pytest.raises(UnsupportedMedia, match="MP4, MOV, MKV and WebM"):
        await probe_untrusted(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", "playlist"),
        (b"<html></html>", "web page"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (os.urandom(20_000), "not video or sound"),
        (b"\0\0\0\x18ftypmp42" + bytes(1_000), "not video or sound|no sound"),
    ],
)
async def test_what_is_no_film_is_refused_in_plain_words(content: bytes, words: str, tmp_path: Path):
    path = tmp_path / "input"
    path.write_bytes(content)
    with pytest.raises(UnsupportedMedia, match=words):
        await probe_untrusted(path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
async def test_a_film_that_breaks_off_is_as_long_as_it_is_or_refused(
    share: float, film: Callable[[str], Path], tmp_path: Path
):
    for suffix in (".mp4", ".mkv", ".webm"):
        data = film(suffix).read_bytes()
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(data[: int(share * len(data))])
        try:
            info = await probe_untrusted(path)
        except UnsupportedMedia:
            continue
        assert 0 < info.duration <= 2.1


async def test_pictures_have_a_digest_that_is_their_own(film: Callable[[str], Path], tmp_path: Path):
    digest = await packet_hash(film(".mp4"))
    assert (digest.packets, digest.first) == (50, 0.0)
    assert digest.last == pytest.approx(1.96)
    assert len(digest.hash) == 64
    same_in_another_container = await packet_hash(film(".mov"))
    assert same_in_another_container.hash == digest.hash
    other = await packet_hash(make_video(tmp_path / "other.mp4", Film(2.0, size=(160, 96))))
    assert other.hash != digest.hash

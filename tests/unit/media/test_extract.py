"""Sound and subtitles of films: each at the time at which it is heard and seen."""

from __future__ import annotations

import asyncio
import io
import os
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
import soundfile

from myna.errors import StorageFull, UnsupportedMedia
from myna.media.extract import extract_sound, extract_subtitles
from myna.media.probe import probe_untrusted
from myna.media.soundfiles import SoundReader, read_sound, write_sound
from tests.fixtures.speech import speech_like
from tests.fixtures.videos import RATE, Film, make_sound, make_video, sound_of

CLICK = np.full(200, 0.8, np.float32)
ONSETS = (0.5, 1.7, 2.9)
CLICKS = Film(4.0, speech=[(onset, CLICK) for onset in ONSETS], speech_rate=RATE, bed=0.0)


async def heard(path: Path, folder: Path, **options) -> tuple[list[float], float]:
    """When the clicks are heard, and how long the sound is. Seconds."""
    await extract_sound(path, folder / "heard.flac", max_seconds=60, timeout=60, **options)
    samples, rate = read_sound(folder / "heard.flac")
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    starts = loud[np.diff(loud, prepend=-rate) > rate // 2]
    return [float(start / rate) for start in starts], len(samples) / rate


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".mp3", ".m4a", ".wav", ".flac", ".ogg", ".mka"])
async def test_sound_is_where_it_was(suffix: str, tmp_path: Path):
    make = make_video if suffix in (".mp4", ".mov", ".mkv", ".webm") else make_sound
    path = make(tmp_path / f"film{suffix}", CLICKS)
    onsets, seconds = await heard(path, tmp_path)
    assert onsets == pytest.approx(ONSETS, abs=0.002)
    assert seconds == pytest.approx(4.0, abs=0.03)


async def test_sound_is_what_it_was(tmp_path: Path):
    film = Film(6.0, speech=[(1.0, speech_like(2.0, 22_050))])
    seconds = await extract_sound(
        make_video(tmp_path / "film.mp4", film), tmp_path / "a.flac", max_seconds=60, timeout=60
    )
    with SoundReader(tmp_path / "a.flac") as reader:
        assert (reader.sample_rate, reader.channels) == (48_000, 2)
        assert reader.seconds == seconds
        found = reader.read(0, 6 * RATE)
    expected = sound_of(film, 0, 6 * RATE).T
    for channel in range(2):
        assert np.corrcoef(found[: len(expected), channel], expected[: len(found), channel])[0, 1] > 0.99


async def test_for_analysis_it_is_mono_at_16_khz(tmp_path: Path):
    path = make_video(tmp_path / "film.mkv", CLICKS)
    onsets, _ = await heard(path, tmp_path, sample_rate=16_000, mono=True)
    assert onsets == pytest.approx(ONSETS, abs=0.003)
    with SoundReader(tmp_path / "heard.flac") as reader:
        assert (reader.sample_rate, reader.channels) == (16_000, 1)


async def test_mono_stays_mono_and_many_channels_become_two(tmp_path: Path):
    path = make_sound(tmp_path / "mono.wav", Film(1.0, channels=1))
    await extract_sound(path, tmp_path / "a.flac", max_seconds=60, timeout=60)
    with SoundReader(tmp_path / "a.flac") as reader:
        assert reader.channels == 1
    loud = np.full((RATE, 6), 0.9, np.float32)
    soundfile.write(tmp_path / "six.wav", loud, RATE)
    await extract_sound(tmp_path / "six.wav", tmp_path / "a.flac", max_seconds=60, timeout=60)
    with SoundReader(tmp_path / "a.flac") as reader:
        assert reader.channels == 2
        assert np.abs(reader.read(0, RATE)).max() < 0.95, "mixing down does not cut"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
async def test_a_track_that_begins_late_begins_with_silence(suffix: str, tmp_path: Path):
    film = Film(4.0, speech=CLICKS.speech, speech_rate=RATE, bed=0.0, sound_begins=1.25)
    onsets, seconds = await heard(make_video(tmp_path / f"film{suffix}", film), tmp_path)
    assert onsets == pytest.approx(ONSETS[1:], abs=0.003)
    assert seconds == pytest.approx(4.0, abs=0.03)


async def test_gaps_are_filled(tmp_path: Path):
    """As when a recorder lost its connection: packets are missing, and their time is not."""
    path = tmp_path / "gap.webm"
    with av.open(str(make_video(tmp_path / "film.webm", CLICKS))) as film, av.open(str(path), "w") as output:
        target = {track.index: output.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            missing = packet.stream.type == "audio" and 0.9 < float((packet.pts or 0) * packet.time_base) < 1.5
            if packet.pts is not None and not missing:
                packet.dts = packet.pts if packet.dts is None else packet.dts
                packet.stream = target[packet.stream.index]
                output.mux(packet)
    onsets, seconds = await heard(path, tmp_path)
    assert onsets == pytest.approx(ONSETS, abs=0.003)
    assert seconds == pytest.approx(4.0, abs=0.03)


def shifted(source: Path, path: Path, seconds: float) -> Path:
    """The same film with other times."""
    with av.open(str(source)) as film, av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as output:
        target = {track.index: output.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            if packet.pts is not None:
                shift = round(seconds / packet.time_base)
                packet.pts += shift
                packet.dts = packet.pts if packet.dts is None else packet.dts + shift
                packet.stream = target[packet.stream.index]
                output.mux(packet)
    return path


async def test_a_film_whose_clock_does_not_begin_at_zero_begins_where_it_begins(tmp_path: Path):
    """As one that was cut from a longer one."""
    film = Film(4.0, speech=CLICKS.speech, speech_rate=RATE, bed=0.0, subtitles=[(1.0, 2.0, "One"), (2.5, 3.0, "Two")])
    path = shifted(make_video(tmp_path / "film.webm", film), tmp_path / "late.webm", 5.0)
    onsets, seconds = await heard(path, tmp_path)
    assert onsets == pytest.approx(ONSETS, abs=0.01)
    assert seconds == pytest.approx(4.0, abs=0.03)
    info = await probe_untrusted(path)
    assert info.duration == pytest.approx(4.0, abs=0.05)
    text = await extract_subtitles(path, info.subtitles[0].index)
    assert re.match(r"1\n00:00:01,0\d\d --> 00:00:02,0\d\d\nOne\n", text)


async def test_the_chosen_track_is_taken(tmp_path: Path):
    path = make_video(tmp_path / "film.mkv", Film(2.0, sound_tracks=2))
    tracks = (await probe_untrusted(path)).audio
    for track in tracks:
        assert await extract_sound(path, tmp_path / "a.flac", max_seconds=9, timeout=60, index=track.index) > 1.9
    with pytest.raises(UnsupportedMedia, match="no sound"):
        await extract_sound(path, tmp_path / "b.flac", max_seconds=9, timeout=60, index=0)
    assert not (tmp_path / "b.flac").exists()


async def test_silence_is_added_up_to_the_length_of_the_pictures(tmp_path: Path):
    path = make_video(tmp_path / "film.mp4", CLICKS)
    onsets, seconds = await heard(path, tmp_path, at_least=17.5)
    assert (onsets, seconds) == (pytest.approx(ONSETS, abs=0.002), 17.5)
    _, seconds = await heard(path, tmp_path, at_least=1.0)
    assert seconds == pytest.approx(4.0, abs=0.03)


async def test_too_long_is_refused_and_leaves_nothing(tmp_path: Path):
    path = make_sound(tmp_path / "long.mp3", Film(10.0))
    with pytest.raises(UnsupportedMedia, match="longer than 5 seconds") as refusal:
        await extract_sound(path, tmp_path / "a.flac", max_seconds=5, timeout=60)
    assert refusal.value.details["reason"] == "too long"
    assert os.listdir(tmp_path) == ["long.mp3"]


async def test_time_that_jumps_is_no_bomb(tmp_path: Path):
    """A packet that says it is heard a day later makes no day of silence."""
    path = make_video(tmp_path / "film.webm", CLICKS)
    jumped = tmp_path / "jump.webm"
    with av.open(str(path)) as film, av.open(str(jumped), "w") as output:
        target = {track.index: output.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            if packet.pts is None:
                continue
            if packet.stream.type == "audio" and packet.pts > 3_000:
                packet.pts += 86_400_000
            packet.dts = packet.pts
            packet.stream = target[packet.stream.index]
            output.mux(packet)
    with pytest.raises(UnsupportedMedia, match="longer than 60"):
        await extract_sound(jumped, tmp_path / "x.flac", max_seconds=60, timeout=60)
    assert not (tmp_path / "x.flac").exists()
    with pytest.raises(UnsupportedMedia, match="longer than"):
        await probe_untrusted(jumped)


async def test_a_clock_that_is_set_back_loses_no_sound(tmp_path: Path):
    """As in files that were joined: the second part begins at 0 again."""
    whole = io.BytesIO()
    for _ in range(2):
        path = make_sound(tmp_path / "part.ogg", Film(12.0, speech=[(1.0, CLICK)], speech_rate=RATE, bed=0.0))
        whole.write(path.read_bytes())
    (tmp_path / "joined.ogg").write_bytes(whole.getvalue())
    onsets, seconds = await heard(tmp_path / "joined.ogg", tmp_path)
    assert seconds == pytest.approx(24.0, abs=0.1)
    assert onsets == pytest.approx([1.0, 13.0], abs=0.05)


async def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path):
    resource = pytest.importorskip("resource")
    path = make_sound(tmp_path / "noise.mp3", Film(30.0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageFull):
            await extract_sound(path, tmp_path / "a.flac", max_seconds=60, timeout=60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == ["noise.mp3"]


async def test_canceling_leaves_no_process_and_no_file(tmp_path: Path):
    path = make_sound(tmp_path / "long.flac", Film(300.0, bed=0.0))
    before = set(psutil.Process().children(recursive=True))
    task = asyncio.create_task(extract_sound(path, tmp_path / "a.flac", max_seconds=600, timeout=60))
    async with asyncio.timeout(30):
        while not (tmp_path / "a.flac").exists():
            await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(psutil.Process().children(recursive=True)) <= before
    assert os.listdir(tmp_path) == ["long.flac"]


async def test_time_is_limited(tmp_path: Path):
    path = make_sound(tmp_path / "a.wav", Film(1.0))
    with pytest.raises(UnsupportedMedia, match=r"within 0\.01 seconds"):
        await extract_sound(path, tmp_path / "x.flac", max_seconds=60, timeout=0.01)
    assert not (tmp_path / "x.flac").exists()


class TestSubtitles:
    CUES = ((0.5, 1.5, "Hello there"), (1.5, 2.25, "Two rows:\nand — “é”"), (3.0, 3.5, "<i>Good bye</i>"))

    @pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
    async def test_come_out_as_srt(self, suffix: str, tmp_path: Path):
        path = make_video(tmp_path / f"film{suffix}", Film(4.0, subtitles=self.CUES))
        info = await probe_untrusted(path)
        assert await extract_subtitles(path, info.subtitles[0].index) == (
            "1\n00:00:00,500 --> 00:00:01,500\nHello there\n\n"
            "2\n00:00:01,500 --> 00:00:02,250\nTwo rows:\nand — “é”\n\n"
            "3\n00:00:03,000 --> 00:00:03,500\n<i>Good bye</i>\n"
        )

    async def test_drawn_ones_lose_their_drawing(self, tmp_path: Path):
        path = tmp_path / "film.mkv"
        with av.open(str(make_video(tmp_path / "f.webm", Film(2.0)))) as film, av.open(str(path), "w") as output:
            target = {track.index: output.add_stream_from_template(track) for track in film.streams}
            text = output.add_mux_stream("ass")
            text.time_base = Fraction(1, 12_800)
            for packet in film.demux():
                if packet.dts is not None:
                    packet.stream = target[packet.stream.index]
                    output.mux(packet)
            words = r"0,0,Default,,0,0,0,,{\an8\i1}One, two,\Nthree{\i0}"
            packet = av.Packet(words.encode())
            packet.pts = packet.dts = 12_800
            packet.duration, packet.time_base, packet.stream = 6_400, Fraction(1, 12_800), text
            output.mux(packet)
        info = await probe_untrusted(path)
        assert info.subtitles[0].codec == "ass"
        found = await extract_subtitles(path, info.subtitles[0].index)
        assert found == "1\n00:00:01,000 --> 00:00:01,500\nOne, two,\nthree\n"

    async def test_a_track_that_is_none_is_refused(self, tmp_path: Path):
        path = make_video(tmp_path / "film.mp4", Film(1.0))
        for index in (0, 1, 7):
            with pytest.raises(UnsupportedMedia, match="no such subtitle"):
                await extract_subtitles(path, index)


async def test_sound_that_myna_wrote_is_read_too(tmp_path: Path):
    sound = speech_like(1.0, 16_000)
    write_sound(tmp_path / "a.flac", sound, 16_000)
    await extract_sound(tmp_path / "a.flac", tmp_path / "b.flac", sample_rate=16_000, max_seconds=9, timeout=60)
    np.testing.assert_array_equal(read_sound(tmp_path / "a.flac")[0], read_sound(tmp_path / "b.flac")[0])

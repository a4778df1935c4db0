"""Dubs in their films: the pictures are the source's to the bit, and the new sound is where it belongs."""

from __future__ import annotations

import asyncio
import io
import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from myna.errors import BrokenResult, StorageFull, UnsupportedMedia
from myna.media.extract import extract_sound, extract_subtitles
from myna.media.mux import Expected, Mux, SubtitleText, mux, verify
from myna.media.probe import packet_hash, probe_untrusted
from myna.media.soundfiles import read_sound, write_sound
from tests.fixtures.hostile_films import fast_film
from tests.fixtures.videos import RATE, Film, make_sound, make_video
from tests.unit.media.test_extract import shifted

SECONDS = 4.0
ONSETS = (0.25, 1.5, 3.2)
FILM = Film(SECONDS, language="eng")


@dataclass(frozen=True)
class Cue:
    start: float
    end: float
    text: str


TEXTS = (
    SubtitleText("en", (Cue(0.5, 1.0, "Hello"), Cue(1.5, 2.5, "Two\nrows")), "English"),
    SubtitleText("pt-BR", (Cue(0.5, 1.0, "Olá"), Cue(1.5, 2.5, "Só")), "Português"),
)


@pytest.fixture
def dub(tmp_path: Path) -> Path:
    sound = np.zeros((round(SECONDS * RATE), 2), np.float32)
    for onset in ONSETS:
        begin = round(onset * RATE)
        sound[begin : begin + 400] = 0.7
    path = tmp_path / "dub.flac"
    write_sound(path, sound, RATE)
    return path


async def onsets_of(path: Path, folder: Path) -> list[float]:
    await extract_sound(path, folder / "heard.flac", max_seconds=60, timeout=60)
    samples, rate = read_sound(folder / "heard.flac")
    (folder / "heard.flac").unlink()
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    return [float(start / rate) for start in loud[np.diff(loud, prepend=-rate) > rate // 2]]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
async def test_a_film_with_all_that_it_can_have(suffix: str, dub: Path, tmp_path: Path):
    source = make_video(tmp_path / f"film{suffix}", FILM)
    target = tmp_path / f"dubbed{suffix}"
    await mux(
        Mux(
            source, target, suffix[1:], dub, "pt-BR", "Português", keep_original=True, original_language="en",
            subtitles=TEXTS,
        )
    )  # fmt: skip
    expected = Expected(SECONDS, ("pt", "en"), ("en", "pt"), await packet_hash(source))
    info = await verify(target, expected)
    assert info.container == suffix[1:]
    assert [track.default for track in info.audio] == [True, False]
    assert {track.codec for track in info.audio} == {"opus" if suffix == ".webm" else "aac"}
    assert await onsets_of(target, tmp_path) == pytest.approx(ONSETS, abs=0.003)
    assert await extract_subtitles(target, info.subtitles[1].index) == (
        "1\n00:00:00,500 --> 00:00:01,000\nOlá\n\n2\n00:00:01,500 --> 00:00:02,500\nSó\n"
    )
    with av.open(str(target)) as film:
        assert film.streams.audio[0].metadata.get("title", "Português") == "Português"
        times = [float(packet.pts * packet.time_base) for packet in film.demux(video=0) if packet.pts is not None]
    assert sorted(times) == pytest.approx([number / 25 for number in range(100)], abs=0.0011)


async def test_the_original_is_copied_as_it_is(dub: Path, tmp_path: Path):
    source, target = make_video(tmp_path / "film.mp4", FILM), tmp_path / "dubbed.mp4"
    await mux(Mux(source, target, "mp4", dub, "es", keep_original=True))
    packets = []
    for path, index in ((source, 0), (target, 1)):
        with av.open(str(path)) as film:
            packets.append([(packet.pts, bytes(packet)) for packet in film.demux(audio=index) if packet.size])
    assert packets[0] == packets[1]


async def test_without_options_there_is_one_sound_and_no_text(dub: Path, tmp_path: Path):
    source, target = make_video(tmp_path / "film.mp4", Film(SECONDS, subtitles=[(1, 2, "Old")])), tmp_path / "d.mp4"
    await mux(Mux(source, target, "mp4", dub, "es"))
    info = await verify(target, Expected(SECONDS, ("es",), (), await packet_hash(source)))
    assert (info.audio[0].sample_rate, info.audio[0].channels) == (48_000, 2)


async def test_a_film_for_the_web_begins_with_its_table(dub: Path, tmp_path: Path):
    target = tmp_path / "d.mp4"
    await mux(Mux(make_video(tmp_path / "film.mp4", FILM), target, "mp4", dub, "es"))
    data = target.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("container", ["m4a", "mp3", "ogg", "flac", "wav"])
async def test_sound_alone_stays_sound(container: str, dub: Path, tmp_path: Path):
    target = tmp_path / f"dubbed.{container}"
    await mux(Mux(None, target, container, dub, "fr", subtitles=TEXTS))
    info = await verify(target, Expected(SECONDS, ("fr",)))
    assert info.result_container == container
    assert await onsets_of(target, tmp_path) == pytest.approx(ONSETS, abs=0.003)


async def test_a_source_without_pictures_gives_none(dub: Path, tmp_path: Path):
    source, target = make_sound(tmp_path / "talk.mp3", FILM), tmp_path / "talk-fr.mp3"
    await mux(Mux(source, target, "mp3", dub, "fr"))
    assert (await verify(target, Expected(SECONDS, ("fr",)))).video is None


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
async def test_a_film_whose_clock_begins_later_is_not_shifted_against_its_sound(suffix: str, dub: Path, tmp_path: Path):
    plain = make_video(tmp_path / "plain.webm", FILM)
    late = (
        shifted(plain, tmp_path / "late.webm", 5.0)
        if suffix == ".webm"
        else make_video(tmp_path / f"late{suffix}", replace(FILM, sound_begins=1.0))
    )
    target = tmp_path / f"d{suffix}"
    await mux(Mux(late, target, suffix[1:], dub, "es"))
    await verify(target, Expected(SECONDS, ("es",), (), await packet_hash(late)))
    assert await onsets_of(target, tmp_path) == pytest.approx(ONSETS, abs=0.01)


async def test_how_a_film_is_held_is_kept(dub: Path, tmp_path: Path):
    """Films from telephones lie on their side and say so."""
    source, target = make_video(tmp_path / "film.mp4", FILM), tmp_path / "d.mp4"
    data = bytearray(source.read_bytes())
    upright = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    place = data.index(upright, data.index(b"tkhd"))
    data[place : place + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 90 << 16, 0, 0x40000000)
    source.write_bytes(data)
    await mux(Mux(source, target, "mp4", dub, "es"))
    rotations = []
    for path in (source, target):
        with av.open(str(path)) as film:
            rotations.append(next(film.decode(video=0)).rotation)
    assert rotations[0] == rotations[1] != 0


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
async def test_a_film_that_was_trimmed_stays_trimmed(suffix: str, dub: Path, tmp_path: Path):
    """Telephones cut the beginning off by saying that it is not shown."""
    source, target = make_video(tmp_path / f"film{suffix}", replace(FILM, seconds=SECONDS + 1)), tmp_path / "d.mp4"
    data = bytearray(source.read_bytes())
    place = data.index(b"elst")
    duration, media_time = struct.unpack(">Ii", data[place + 12 : place + 20])
    data[place + 12 : place + 20] = struct.pack(">Ii", duration - 1_000, media_time + 12_800)
    source.write_bytes(data)
    await mux(Mux(source, target, suffix[1:], dub, "es"))
    shown = []
    for path in (source, target):
        with av.open(str(path)) as film:
            frames = [frame for frame in film.decode(video=0) if frame.time >= 0]
            shown.append((len(frames), frames[0].to_ndarray().tobytes(), frames[0].time))
    assert shown[0] == shown[1]
    assert shown[0][0] == 100
    assert await onsets_of(target, tmp_path) == pytest.approx(ONSETS, abs=0.003)
    assert (await packet_hash(source)).hash == (await packet_hash(target)).hash


async def test_what_kind_of_h265_it_is_is_kept(dub: Path, tmp_path: Path):
    """Apple's players show `hvc1` only."""
    source, target = tmp_path / "film.mp4", tmp_path / "d.mp4"
    plain = make_video(tmp_path / "plain.mp4", FILM)
    with av.open(str(plain)) as film, av.open(str(source), "w") as output:
        picture = output.add_stream("libx265", rate=25, options={"preset": "ultrafast", "x265-params": "log-level=0"})
        picture.width, picture.height, picture.pix_fmt = 160, 90, "yuv420p"
        picture.codec_context.codec_tag = "hvc1"
        sound = output.add_stream_from_template(film.streams.audio[0])
        for packet in film.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                packet.stream = sound
                output.mux(packet)
            else:
                for frame in packet.decode():
                    frame.pict_type = 0
                    output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
    await mux(Mux(source, target, "mp4", dub, "es"))
    assert (await verify(target, Expected(SECONDS, ("es",), (), await packet_hash(source)))).video is not None
    with av.open(str(source)) as before, av.open(str(target)) as after:
        tags = [film.streams.video[0].codec_context.codec_tag for film in (before, after)]
    assert tags == ["hvc1", "hvc1"]


async def test_old_films_are_copied_too(dub: Path, tmp_path: Path):
    source, target = fast_film(tmp_path / "old.mp4", 25), tmp_path / "d.mp4"
    await mux(Mux(source, target, "mp4", dub, "es"))
    await verify(target, Expected(SECONDS, ("es",), (), await packet_hash(source)))


class TestTexts:
    async def test_overlapping_ones_follow_each_other(self, dub: Path, tmp_path: Path):
        cues = (Cue(2.0, 3.0, "Third"), Cue(0.0, 1.5, "First"), Cue(1.0, 2.0, "Second"), Cue(1.1, 1.2, "Lost"))
        target = tmp_path / "d.mp4"
        await mux(
            Mux(make_video(tmp_path / "f.mp4", FILM), target, "mp4", dub, "es", subtitles=(SubtitleText("es", cues),))
        )
        info = await probe_untrusted(target)
        assert await extract_subtitles(target, info.subtitles[0].index) == (
            "1\n00:00:00,000 --> 00:00:01,500\nFirst\n\n2\n00:00:01,500 --> 00:00:02,000\nSecond\n\n"
            "3\n00:00:02,000 --> 00:00:03,000\nThird\n"
        )

    @pytest.mark.parametrize("kind", ["mp4", "mov", "mkv", "webm"])
    async def test_a_language_without_any_is_a_track_without_any(self, kind: str, dub: Path, tmp_path: Path):
        source, target = make_video(tmp_path / f"f.{kind}", FILM), tmp_path / "d"
        texts = (SubtitleText("de", ()), SubtitleText("en", (Cue(3.5, 9.0, "Past the end"),)))
        await mux(Mux(source, target, kind, dub, "de", subtitles=texts))
        await verify(target, Expected(SECONDS, ("de",), ("de", "en"), await packet_hash(source)))

    async def test_long_ones_fit_the_container(self, dub: Path, tmp_path: Path):
        target = tmp_path / "d.mp4"
        text = SubtitleText("es", (Cue(0, 1, "é" * 40_000),))
        await mux(Mux(make_video(tmp_path / "f.mp4", FILM), target, "mp4", dub, "es", subtitles=(text,)))
        info = await probe_untrusted(target)
        found = await extract_subtitles(target, info.subtitles[0].index)
        assert found.count("é") == 32_767
        assert "�" not in found


class TestFailures:
    async def test_a_source_that_is_none_leaves_nothing(self, dub: Path, tmp_path: Path):
        (tmp_path / "f.mp4").write_bytes(os.urandom(5_000))
        with pytest.raises(UnsupportedMedia):
            await mux(Mux(tmp_path / "f.mp4", tmp_path / "d.mp4", "mp4", dub, "es"))
        assert not (tmp_path / "d.mp4").exists()

    async def test_pictures_that_do_not_fit_the_container_are_refused(self, dub: Path, tmp_path: Path):
        source = make_video(tmp_path / "f.mp4", FILM)
        with pytest.raises(UnsupportedMedia):
            await mux(Mux(source, tmp_path / "d.webm", "webm", dub, "es"))
        assert not (tmp_path / "d.webm").exists()

    async def test_a_full_disk_is_told(self, dub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        from myna.media import mux as muxing

        source = make_video(tmp_path / "f.mp4", FILM)
        monkeypatch.setattr(muxing, "_SPARE_BYTES", 5_000 - source.stat().st_size - 2 * dub.stat().st_size)
        with pytest.raises(StorageFull):
            await mux(Mux(source, tmp_path / "d.mp4", "mp4", dub, "es"))
        assert not (tmp_path / "d.mp4").exists()

    async def test_canceling_leaves_no_process_and_no_file(self, tmp_path: Path):
        write_sound(tmp_path / "dub.flac", np.zeros((300 * RATE, 2), np.float32), RATE)
        before = set(psutil.Process().children(recursive=True))
        task = asyncio.create_task(mux(Mux(None, tmp_path / "d.m4a", "m4a", tmp_path / "dub.flac", "es")))
        async with asyncio.timeout(30):
            while not (tmp_path / "d.m4a").exists() or not (tmp_path / "d.m4a").stat().st_size:
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert set(psutil.Process().children(recursive=True)) <= before
        assert not (tmp_path / "d.m4a").exists()


class TestVerifying:
    @pytest.fixture
    async def good(self, dub: Path, tmp_path: Path) -> tuple[Path, Expected]:
        source, target = make_video(tmp_path / "film.mp4", FILM), tmp_path / "dubbed.mp4"
        await mux(Mux(source, target, "mp4", dub, "es", subtitles=TEXTS[:1]))
        return target, Expected(SECONDS, ("es",), ("en",), await packet_hash(source))

    async def test_names_what_is_wrong(self, good: tuple[Path, Expected]):
        path, right = good
        await verify(path, right)
        assert right.pictures is not None
        for wrong, words in (
            (replace(right, seconds=SECONDS + 0.15), "length"),
            (replace(right, languages=("fr",)), "sound tracks"),
            (replace(right, languages=("es", "en")), "sound tracks"),
            (replace(right, subtitle_languages=()), "subtitles"),
            (replace(right, pictures=None), "pictures"),
            (replace(right, pictures=replace(right.pictures, hash="0" * 64)), "pictures"),
            (replace(right, pictures=replace(right.pictures, first=0.04)), "pictures"),
            (replace(right, pictures=replace(right.pictures, packets=99)), "pictures"),
        ):
            with pytest.raises(BrokenResult, match=words) as failure:
                await verify(path, wrong)
            assert failure.value.details["reason"] == words

    async def test_a_file_that_is_none_is_told(self, good: tuple[Path, Expected]):
        path, right = good
        path.write_bytes(path.read_bytes()[:1_000])
        with pytest.raises(BrokenResult):
            await verify(path, right)

    async def test_one_bit_of_the_pictures_is_noticed(self, good: tuple[Path, Expected]):
        path, right = good
        with av.open(str(path)) as film:
            packet = next(packet for packet in film.demux(video=0) if packet.size > 100)
            content = bytes(packet)
        data = path.read_bytes()
        place = data.index(content) + 50
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(BrokenResult, match="pictures"):
            await verify(path, right)


async def test_it_also_runs_under_uvloop(dub: Path, tmp_path: Path):
    """The server's loop hands descriptors over in its own way."""
    uvloop = pytest.importorskip("uvloop")
    source, target = make_video(tmp_path / "f.mp4", FILM), tmp_path / "d.mp4"

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(mux(Mux(source, target, "mp4", dub, "es")))

    await asyncio.to_thread(run)
    await verify(target, Expected(SECONDS, ("es",), (), await packet_hash(source)))
    assert io.BytesIO(target.read_bytes()).read(8)[4:] == b"ftyp"

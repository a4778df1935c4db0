"""Long sound on disk: what is written is what is read, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.errors import BadAudio, StorageFull
from myna.media.soundfiles import SoundReader, SoundWriter, read_sound, write_sound

RATE = 48_000


def noise(frames: int, channels: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_come_back_as_they_went(channels: int, tmp_path: Path):
    sound = noise(3 * RATE + 17, channels)
    with SoundWriter(tmp_path / "a.flac", RATE, channels) as writer:
        for start in range(0, len(sound), 10_000):
            writer.write(sound[start : start + 10_000])
        assert writer.frames == len(sound)
        assert writer.seconds == pytest.approx(len(sound) / RATE)
    with SoundReader(tmp_path / "a.flac") as reader:
        assert (reader.sample_rate, reader.channels, reader.frames) == (RATE, channels, len(sound))
        assert reader.seconds == pytest.approx(len(sound) / RATE)
        blocks = list(reader.blocks(20_000))
    assert [len(block) for block in blocks] == [20_000] * 7 + [4_017]
    found = np.concatenate(blocks)
    assert found.dtype == np.float32
    assert found.shape == sound.shape
    assert np.abs(found - sound).max() <= 1 / 32_768


def test_what_was_read_can_be_written_again_without_a_change(tmp_path: Path):
    write_sound(tmp_path / "a.flac", np.linspace(-1, 1, 70_000, dtype=np.float32), RATE)
    once, _ = read_sound(tmp_path / "a.flac")
    write_sound(tmp_path / "b.flac", once, RATE)
    np.testing.assert_array_equal(read_sound(tmp_path / "b.flac")[0], once)


def test_whole_numbers_are_kept(tmp_path: Path):
    numbers = np.array([-32_768, -1, 0, 1, 32_767], np.int16)
    with SoundWriter(tmp_path / "a.flac", RATE) as writer:
        writer.write(numbers)
    np.testing.assert_array_equal(read_sound(tmp_path / "a.flac")[0] * 32_768, numbers)


def test_what_lies_beyond_is_cut(tmp_path: Path):
    write_sound(tmp_path / "a.flac", np.array([2, -2, np.nan, np.inf], np.float32), RATE)
    np.testing.assert_array_equal(
        read_sound(tmp_path / "a.flac")[0], np.array([32_767 / 32_768, -1, 0, 32_767 / 32_768], np.float32)
    )


def test_a_short_file_is_mixed_down(tmp_path: Path):
    write_sound(tmp_path / "a.flac", np.array([[0.5, 0.25]] * 100, np.float32), 16_000)
    samples, rate = read_sound(tmp_path / "a.flac")
    assert rate == 16_000
    np.testing.assert_allclose(samples, np.full(100, 0.375), atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(start=st.integers(-10, 5_000), count=st.integers(-5, 5_000))
def test_any_part_can_be_read(start: int, count: int, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.getbasetemp() / "part.flac"
    sound = noise(3_000, 1)
    if not path.exists():
        write_sound(path, sound, 8_000)
    with SoundReader(path) as reader:
        part = reader.read(start, count)
        expected = sound[max(0, start) : max(0, start) + max(0, count)]
        assert part.shape == expected.shape
        np.testing.assert_allclose(part, expected, atol=1 / 32_768)
        assert len(reader.read(0, 10)) == 10, "the place does not stick"


def test_an_error_leaves_no_file(tmp_path: Path):
    with pytest.raises(RuntimeError), SoundWriter(tmp_path / "a.flac", RATE) as writer:
        writer.write(np.zeros(100_000, np.float32))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"fLaC", b"not a sound" * 100])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path):
    path = tmp_path / "take.flac"
    path.write_bytes(content)
    with pytest.raises(BadAudio, match=r"take\.flac"):
        SoundReader(path)


def test_a_file_that_breaks_off_is_named(tmp_path: Path):
    path = tmp_path / "take.flac"
    write_sound(path, noise(100_000, 1)[:, 0], RATE)
    path.write_bytes(path.read_bytes()[:50_000])
    with SoundReader(path) as reader, pytest.raises(BadAudio, match=r"take\.flac"):
        reader.read(90_000, 1_000)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises((StorageFull, BadAudio)):
        SoundWriter(tmp_path / "none" / "a.flac", RATE)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may become larger than 100 kB, which to a writer looks like a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("frames", [1_000, RATE])
def test_a_full_disk_is_told(frames: int, tmp_path: Path):
    with pytest.raises(StorageFull), SoundWriter(tmp_path / "a.flac", RATE) as writer:
        for _ in range(5 * RATE // frames):
            writer.write(noise(frames, 1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_files")
def test_what_is_lost_at_the_very_end_is_told_too(tmp_path: Path):
    """The last block is kept back until the file is closed."""
    writer = SoundWriter(tmp_path / "a.flac", RATE)
    writer.write(noise(50_600, 1))  # 43 blocks of 1,152, and nearly another
    with pytest.raises((StorageFull, BadAudio)):
        writer.close()


def test_blocks_are_ten_seconds_by_default(tmp_path: Path):
    write_sound(tmp_path / "a.flac", np.zeros(25 * 8_000, np.float32), 8_000)
    with SoundReader(tmp_path / "a.flac") as reader:
        assert [len(block) for block in reader.blocks()] == [80_000, 80_000, 40_000]
        assert [len(block) for block in reader.blocks(start=190_000)] == [10_000]

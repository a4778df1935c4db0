"""Archives give what was asked for, and write nowhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from myna.errors import BrokenResult
from myna.models.unpack import unpack


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name in names:
            packed.writestr(name, name)
    return path


def test_the_folder_that_holds_all_is_left_out(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", "top/one.txt", "top/deep/two.txt")
    unpack(packed, tmp_path / "out", ("*",))
    assert (tmp_path / "out" / "one.txt").read_text() == "top/one.txt"
    assert (tmp_path / "out" / "deep" / "two.txt").is_file()


def test_files_without_such_a_folder_stay_where_they_are(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", "one.txt", "deep/two.txt")
    taken = unpack(packed, tmp_path / "out", ("deep/*",))
    assert taken == [tmp_path / "out" / "deep" / "two.txt"]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil"])
def test_no_path_leaves_the_folder(tmp_path: Path, name: str) -> None:
    packed = archive(tmp_path / "a.zip", "good", name)
    with pytest.raises(BrokenResult):
        unpack(packed, tmp_path / "out", ("*",))
    assert not (tmp_path / "evil").exists()


def test_an_archive_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenResult, match=r"does not hold what it should: model/\*"):
        unpack(archive(tmp_path / "a.zip", "one.txt"), tmp_path / "out", ("model/*",))


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(BrokenResult, match="not a zip archive"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ("*",))


def test_a_damaged_compressed_archive_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("one.txt", bytes(range(256)) * 40)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[40:60] = b"\xff" * 20
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(BrokenResult, match="not a zip archive that can be read"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ("*",))


def test_a_damaged_archive_is_said(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", "one.txt")
    data = bytearray(packed.read_bytes())
    data[data.index(b"one.txt", 40)] ^= 0xFF
    packed.write_bytes(data)
    with pytest.raises(BrokenResult):
        unpack(packed, tmp_path / "out", ("*",))

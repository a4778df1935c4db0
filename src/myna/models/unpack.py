"""Takes the files of a model out of a zip archive, and nothing else: no path leaves the folder, no size has no end."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from myna.errors import BrokenResult

_MOST_FILES = 10_000
_MOST_BYTES = 32_000_000_000


def unpack(archive: Path, folder: Path, patterns: Sequence[str]) -> list[Path]:
    """The files whose paths, without the folder that holds them all, fit a pattern. Raises `BrokenResult`."""
    try:
        with zipfile.ZipFile(archive) as packed:
            chosen = {
                path: entry for path, entry in _entries(packed).items() if any(fnmatchcase(path, p) for p in patterns)
            }
            if not chosen or sum(entry.file_size for entry in chosen.values()) > _MOST_BYTES:
                raise BrokenResult(f"`{archive.name}` does not hold what it should: {', '.join(patterns)}.")
            return [_take(packed, entry, folder / path) for path, entry in chosen.items()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BrokenResult(f"`{archive.name}` is not a zip archive that can be read: {error}.") from error


def _entries(packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files by their paths, without a folder that holds all of them."""
    entries = {PurePosixPath(entry.filename): entry for entry in packed.infolist() if not entry.is_dir()}
    if len(entries) > _MOST_FILES or any(path.is_absolute() or ".." in path.parts for path in entries):
        raise BrokenResult(f"`{packed.filename}` has paths that no archive of a model has.")
    tops = {path.parts[0] for path in entries}
    shared = len(tops) == 1 and all(len(path.parts) > 1 for path in entries)
    return {
        PurePosixPath(*path.parts[1:] if shared else path.parts).as_posix(): entry for path, entry in entries.items()
    }


def _take(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(entry) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return target

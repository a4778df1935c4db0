"""The files of a model that somebody brings in a folder: links are followed, hidden files stay behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from myna.errors import InvalidRequest


def files_within(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file by its path within, with `/`, in order.

    Raises `InvalidRequest` for a link that leads nowhere or in a circle, and for what is neither file nor folder.
    """
    yield from _within(folder, "", (folder.resolve(),))


def _within(folder: Path, place: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        inside = place + path.name
        if path.is_dir():
            if (real := path.resolve()) in above:
                raise InvalidRequest(f"`{inside}` is a link to a folder that it is in.")
            yield from _within(path, f"{inside}/", (*above, real))
        elif path.is_file():
            yield inside, path
        else:
            kind = "a link that leads nowhere" if path.is_symlink() else "neither a file nor a folder"
            raise InvalidRequest(f"`{inside}` is {kind}.")


def copy_files(source: Path, target: Path) -> None:
    """Copy a single file, or all files of a folder, into a folder. Raises `InvalidRequest` as `files_within`."""
    for place, path in files_within(source) if source.is_dir() else [(source.name, source)]:
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / place)

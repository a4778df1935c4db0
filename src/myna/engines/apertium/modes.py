"""Which pairs of languages are installed, and which way leads from one language to another.

A mode of apertium is a file with a pipeline of programs, separated by `|`, for one direction: `eng-spa.mode`,
`es-pt_BR.mode`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from myna.engines.routes import routes as best_routes

DATA = "/usr/share/apertium"
_NAME = re.compile(r"([a-z]{2,3})(?:_(\w+))?-([a-z]{2,3})(?:_(\w+))?")
_STREAMING = ("lt-", "apertium-", "lrx-", "lsx-", "cg-", "hfst-", "rtx-")
"""Beginnings of the names of programs that end their answer with a NUL when they are asked to (`-z`)."""
_ARGUMENTS = {"$1": "-n", "$2": ""}
"""What the `apertium` command puts for these: leave unknown words unmarked; one analysis for each word."""
_SHORT = {
    "afr": "af", "arg": "an", "bel": "be", "bre": "br", "bul": "bg", "cat": "ca", "cym": "cy", "dan": "da", "deu": "de",
    "eng": "en", "epo": "eo", "eus": "eu", "fra": "fr", "glg": "gl", "hbs": "sh", "hin": "hi", "ind": "id", "isl": "is",
    "ita": "it", "kaz": "kk", "mkd": "mk", "mlt": "mt", "nld": "nl", "nno": "nn", "nob": "nb", "oci": "oc", "pol": "pl",
    "por": "pt", "ron": "ro", "rus": "ru", "slv": "sl", "spa": "es", "srd": "sc", "swe": "sv", "tat": "tt", "tur": "tr",
    "ukr": "uk", "urd": "ur", "zlm": "ms",
}  # fmt: skip
"""ISO 639-3 to the two letters that BCP 47 wants where there are two."""
_PIVOTS = ("ca", "es")
"""Languages to go by, the best first: Catalan's dictionaries give the better French, Italian and Portuguese."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One direction of one installed pair. Languages are BCP 47 tags."""

    name: str
    source: str
    target: str
    path: Path


Route = tuple[Mode, ...]
"""One mode, or two of which the second goes on where the first ends."""


def data_folder() -> Path:
    """Where apertium keeps its pairs; `APERTIUM_DATADIR` names another folder, as for apertium itself."""
    return Path(os.environ.get("APERTIUM_DATADIR") or DATA)


def installed_modes(folder: Path | None = None) -> tuple[Mode, ...]:
    """The modes that can be run here: named after two languages, and of programs that are there and stream."""
    paths = sorted(((folder or data_folder()) / "modes").glob("*.mode"))
    return tuple(mode for path in paths if (mode := _mode(path)) and _can_run(path))


def commands(path: Path) -> list[list[str]]:
    """The programs of a mode with their arguments, told to stream. Raises `ValueError` for what is no such pipeline."""
    made = []
    for part in path.read_text().split("|"):
        words = [_ARGUMENTS.get(word, word) for word in shlex.split(part)]
        words = [word for word in words if word]
        if not words or not words[0].startswith(_STREAMING) or any("$" in word or ">" in word for word in words):
            raise ValueError(f"{path.name} has a part that cannot be run as a stream: {part.strip()}")
        made.append([words[0], "-z", *words[1:]])
    return made


def routes(modes: Iterable[Mode]) -> dict[tuple[str, str], Route]:
    """The best way for each pair of languages: direct, else by way of one other language."""
    return best_routes(sorted(modes, key=lambda mode: mode.name), _PIVOTS)


def _mode(path: Path) -> Mode | None:
    if not (match := _NAME.fullmatch(path.stem)):
        return None
    source, source_form, target, target_form = match.groups()
    return Mode(path.stem, _tag(source, source_form), _tag(target, target_form), path)


def _tag(language: str, form: str | None) -> str:
    return _SHORT.get(language, language) + (f"-{form}" if form else "")


def _can_run(path: Path) -> bool:
    try:
        return all(shutil.which(command[0]) for command in commands(path))
    except (OSError, ValueError):
        return False

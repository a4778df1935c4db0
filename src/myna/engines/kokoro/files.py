"""The files of a Kokoro model, looked at without loading them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from myna.engines.kokoro.voices import ENGINE, locale_of
from myna.errors import EngineUnavailable
from myna.models.store import ModelStore, unusable
from myna.settings import Settings

_DURATIONS = frozenset({"duration", "durations"})
"""What exports call it, beside the sound, how long each symbol lasts."""
_GRAPH_OF_MODEL, _OUTPUT_OF_GRAPH, _NAME_OF_VALUE = 7, 12, 1
"""Numbers of fields in ONNX's protocol buffers (onnx.proto3)."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the parts of a model lie."""

    name: str
    """Of the model, in the store."""
    network: Path
    voices: Path
    """An npz with a style table for each voice, or a folder with a file of raw float32 for each."""
    voice_names: tuple[str, ...]
    has_timings: bool
    """Whether the network says how long each symbol lasts."""


def find_model() -> ModelFiles:
    """The model to speak with: as set, else `kokoro`, else the first by name. Raises `EngineUnavailable`, which says
    what to do.
    """
    store, name = ModelStore.here(), Settings().kokoro_model
    here = {model.name: model.folder for model in store.installed(ENGINE)}
    if not name:
        name = ENGINE if ENGINE in here or not here else min(here)
    folder = here.get(name) or store.require(name)
    network, voices = _network(folder, name), _voices(folder, name)
    try:
        outputs = _outputs(network, network.stat().st_mtime_ns)
        names = tuple(sorted(_names(voices)))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise broken(name, str(error)) from error
    if not any(locale_of(voice) for voice in names):
        raise broken(name, f"`{voices.name}` holds no voices")
    return ModelFiles(name, network, voices, names, not _DURATIONS.isdisjoint(outputs))


def broken(name: str, reason: str) -> EngineUnavailable:
    """A model that is here and of no use."""
    return unusable(name, f"cannot be used: {reason}")


def _network(folder: Path, name: str) -> Path:
    """The largest, which is the one of full precision, when there are several."""
    found = sorted(folder.rglob("*.onnx"), key=lambda path: path.stat().st_size)
    if not found:
        raise broken(name, "it has no file that ends in `.onnx`")
    return found[-1]


def _voices(folder: Path, name: str) -> Path:
    files = sorted(path for pattern in ("*.bin", "*.npz") for path in folder.rglob(pattern))
    archive = next((path for path in files if zipfile.is_zipfile(path)), None)
    tables = folder / "voices"
    if archive is None and not any(tables.glob("*.bin")):
        if files:
            raise broken(name, f"`{files[0].name}` is no archive of voices, or cut off")
        raise broken(name, "it has no file of voices (`voices-v1.0.bin`, or a folder `voices`)")
    return archive or tables


def _names(voices: Path) -> Iterator[str]:
    if voices.is_dir():
        yield from (path.stem for path in voices.glob("*.bin"))
    else:
        with zipfile.ZipFile(voices) as archive:
            yield from (name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))


@lru_cache(maxsize=8)
def _outputs(path: Path, changed: int) -> frozenset[str]:
    """The names of what the network returns. `changed` tells two files of one name apart. Raises `ValueError`.

    Only the frame of the file is read, the weights are passed over.
    """
    names = set[str]()
    with path.open("rb") as file:
        size = path.stat().st_size
        for field, begin, end in _fields(file, 0, size):
            if field == _GRAPH_OF_MODEL:
                outputs = [place for place in _fields(file, begin, end) if place[0] == _OUTPUT_OF_GRAPH]
                names |= {_name(file, *place[1:]) for place in outputs}
    if not names:
        raise ValueError(f"`{path.name}` is no network in ONNX")
    return frozenset(names)


def _name(file: BinaryIO, begin: int, end: int) -> str:
    for field, first, last in _fields(file, begin, end):
        if field == _NAME_OF_VALUE:
            file.seek(first)
            return file.read(last - first).decode(errors="replace")
    return ""


def _fields(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a message: number, and where its bytes begin and end. Raises `ValueError` when it is cut off."""
    place = begin
    while place < end:
        file.seek(place)
        key = _varint(file)
        match key & 7:
            case 0:  # a number
                _varint(file)
                length = 0
            case 1:
                length = 8
            case 2:  # bytes, text or a message
                length = _varint(file)
            case 5:
                length = 4
            case _:
                raise ValueError(f"`{Path(file.name).name}` is no network in ONNX")
        first = file.tell()
        place = first + length
        if place > end:
            raise ValueError(f"`{Path(file.name).name}` is cut off")
        yield key >> 3, first, place


def _varint(file: BinaryIO) -> int:
    """A number in groups of seven bits, the lowest first."""
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError(f"`{Path(file.name).name}` is no network in ONNX")

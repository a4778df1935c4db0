"""Takes a model from this machine's disk into the store: what was fetched elsewhere, or made by the operator."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from myna.errors import InvalidRequest, NotFound, Unsupported
from myna.models import catalogue
from myna.models.folders import files_within
from myna.models.forms import find_pickles, fits, forbids_commerce, guess_engine, guess_licence
from myna.models.room import room
from myna.models.schemas import Model, ModelFile
from myna.models.store import InstalledModel, ModelStore, sha256
from myna.models.unpack import unpack

_ARCHIVES = (".zip", ".argosmodel")
_PARTS_OF_ARCHIVES = ("metadata.json", "README.md", "LICENSE*", "*.model", "*.spm", "*.onnx", "*.onnx.json", "model/*")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever imports a model says about it."""

    name: str = ""
    """Empty: the name of the file or folder."""
    engine: str = ""
    """Empty: guessed from the files."""
    licence: str = ""
    """Of the weights. Empty: what the catalogue or the model card says."""
    allow_non_commercial: bool = False


def import_model(path: Path, store: ModelStore, wishes: Wishes | None = None) -> InstalledModel:
    """Copy a folder, a file or an archive into the store.

    A name of the catalogue promises its files: those must be there and be the right ones. Raises `NotFound` (no such
    path), `InvalidRequest` (a bad name, or files that are not what the name says), `Unsupported` (pickles, or files of
    no engine) and `Forbidden` (a licence against commerce).
    """
    wishes = wishes or Wishes()
    if not path.exists():
        raise NotFound(f"There is no `{path}`.")
    if not (path.is_dir() or path.is_file()):
        raise InvalidRequest(f"`{path}` is neither a file nor a folder.")
    _check_engine(wishes.engine)
    store.folder.mkdir(parents=True, exist_ok=True)
    with room(store.folder), tempfile.TemporaryDirectory(prefix=".import-", dir=store.folder) as scratch:
        source = _as_folder(path, Path(scratch))
        name = wishes.name or _name(path)
        model = catalogue.known().get(name)
        if model is not None:
            source = _chosen(model, source, Path(scratch))
        _refuse_pickles(source)
        engine = _engine(wishes, model, source, path)
        licence, commercial = _licence(wishes, model, source)
        catalogue.check_licence(name, licence, commercial, wishes.allow_non_commercial)
        store.add(
            name,
            engine,
            source,
            licence=licence,
            revision=model.revision if model else "",
            commercial=commercial,
            origin=path,
        )
    installed = store.look(name)
    assert installed is not None
    return installed


def _check_engine(name: str) -> None:
    """Raises `NotFound` for an engine that no installed package has."""
    import difflib
    from importlib.metadata import entry_points

    known = sorted({entry.name for entry in entry_points(group="myna.engines")})
    if name and name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(known)}."
        raise NotFound(f"There is no engine `{name}`. {hint}")


def _engine(wishes: Wishes, model: Model | None, source: Path, path: Path) -> str:
    """As it is said, unless the files are plainly those of another one; else of the catalogue, else seen in them."""
    if not any(files_within(source)):
        raise InvalidRequest(f"There are no files in `{path}`.")
    guessed = model.engine if model else guess_engine(source)
    engine = wishes.engine or guessed
    if not engine:
        raise Unsupported(
            f"The files in `{path}` look like those of no engine that Myna knows. Name it: `--engine NAME`; "
            "`myna engines` shows them."
        )
    if guessed and engine != guessed and (model or not fits(source, engine)):
        raise InvalidRequest(f"The files in `{path}` are those of `{guessed}`, not of `{engine}`.")
    return engine


def _as_folder(path: Path, scratch: Path) -> Path:
    """A single file stands alone in a folder, as a link; an archive is unpacked."""
    if path.is_dir():
        return path
    folder = scratch / "given"
    folder.mkdir()
    if path.suffix.lower() in _ARCHIVES:
        unpack(path, folder, _PARTS_OF_ARCHIVES)
        return folder
    (folder / path.name).symlink_to(path.resolve())
    if (beside := path.with_name(path.name + ".json")).is_file():  # a voice of Piper is two files
        (folder / beside.name).symlink_to(beside.resolve())
    return folder


def _name(path: Path) -> str:
    """`en_US-lessac-medium.onnx` becomes `en_us-lessac-medium`."""
    stem = path.name if path.is_dir() else path.name.split(".onnx")[0].removesuffix(path.suffix)
    return stem.lower().replace(" ", "-")


def _chosen(model: Model, source: Path, scratch: Path) -> Path:
    """A folder with the files of the catalogue's model, each checked, wherever in `source` they lie."""
    folder = scratch / "chosen"
    for file in model.files:
        if file.unpack:
            if not (found := _find(source, file, model)):
                return source  # already unpacked by whoever brought it
            _check(model, found, file.sha256)
            unpack(found, folder, file.unpack)
            continue
        if not (found := _find(source, file, model)):
            raise InvalidRequest(f"`{model.name}` needs `{file.path}`, which is not in `{source}`.")
        _check(model, found, file.sha256)
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(found.resolve())
    return folder


def _find(source: Path, file: ModelFile, model: Model) -> Path | None:
    """At its place, or directly in the folder: downloads forget the folders they came from. Not where the model has two
    files of that name, which could be mistaken for each other.
    """
    name = file.path.rpartition("/")[2]
    places = [source / file.path]
    if [other.path.rpartition("/")[2] for other in model.files].count(name) == 1:
        places.append(source / name)
    return next((place for place in places if place.is_file()), None)


def _check(model: Model, path: Path, expected: str | None) -> None:
    if expected and sha256(path) != expected:
        raise InvalidRequest(
            f"`{path.name}` is not the file that `{model.name}` has: its checksum differs. Fetch it again, or give the "
            "model another name: `--name`."
        )


def _refuse_pickles(source: Path) -> None:
    if pickles := find_pickles(source):
        raise Unsupported(
            f"`{pickles[0]}` is a pickle: loading it would run whatever its maker wrote. Myna takes safetensors and "
            "ONNX. Many models are published in both forms; others can be converted with `safetensors`."
        )


def _licence(wishes: Wishes, model: Model | None, source: Path) -> tuple[str, bool]:
    """Of the weights, and whether commerce may use them: what is said, else known, else found."""
    if model is not None and not wishes.licence:
        return model.licence_weights, model.commercial
    licence = wishes.licence or guess_licence(source)
    return licence, not forbids_commerce(licence)

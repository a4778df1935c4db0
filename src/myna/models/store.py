"""The models on this machine: folders with a manifest that says what they are."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from myna.errors import Conflict, EngineUnavailable, InvalidRequest, MynaError, NotFound
from myna.models import catalogue
from myna.models.folders import copy_files
from myna.models.lock import held
from myna.models.room import room
from myna.models.schemas import NAME
from myna.settings import Settings

MANIFEST = "manifest.json"
State = Literal["yes", "no", "damaged", "begun"]
"""Whether a model is here. `begun`: an interrupted pull has left something."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file of a model was when it came."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of the store holds."""

    name: str
    engine: str
    revision: str = ""
    licence: str = ""
    """Of the weights."""
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    """By path within the folder, with `/`."""
    commercial: bool = True
    source: str = ""
    """The hub's repository or the page that it was pulled from."""
    imported_from: str = ""
    """The path on this machine that it was imported from."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that is here, whole."""

    manifest: Manifest
    folder: Path

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def size_bytes(self) -> int:
        return sum(record.size_bytes for record in self.manifest.files.values())


class ModelStore:
    """A folder with one folder for each model. A folder without a manifest is not a model (yet)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def here(cls) -> ModelStore:
        """The store of this machine, from the settings."""
        return cls(Settings().resolved_models_dir)

    def find(self, name: str) -> Path | None:
        """The folder of a model; None when it is not here, or not whole."""
        model = self.look(name)
        return model.folder if model and not missing_files(model) else None

    def require(self, name: str) -> Path:
        """The folder of a model. Raises `EngineUnavailable`, which says how to bring it."""
        model = self.look(name)
        if model is None:
            raise EngineUnavailable(f"The model `{name}` is not here. {how_to_bring(name)}")
        if lost := missing_files(model):
            raise EngineUnavailable(f"The model `{name}` has lost `{lost[0]}`. {how_to_bring(name)}")
        return model.folder

    def look(self, name: str) -> InstalledModel | None:
        """A model that came here once; some of its files may be gone since (`missing_files`).

        Raises `EngineUnavailable` when its manifest cannot be read.
        """
        folder = self.folder / name
        if not re.fullmatch(NAME, name) or not (folder / MANIFEST).is_file():
            return None
        return InstalledModel(_read(folder / MANIFEST), folder)

    def all(self) -> Iterator[InstalledModel]:
        """Whatever came here, by name, whole or not. A manifest that cannot be read makes no model."""
        for name in self.names():
            with contextlib.suppress(EngineUnavailable):
                if (model := self.look(name)) is not None:
                    yield model

    def names(self) -> list[str]:
        """Of all folders that are models, whole or not."""
        return sorted(
            path.parent.name for path in self.folder.glob(f"*/{MANIFEST}") if re.fullmatch(NAME, path.parent.name)
        )

    def installed(self, engine: str | None = None) -> tuple[InstalledModel, ...]:
        """The models that are here and whole, of one engine or of all, by name; also imported ones of own names."""
        return tuple(
            model for model in self.all() if engine in (None, model.manifest.engine) and not missing_files(model)
        )

    def add(
        self,
        name: str,
        engine: str,
        source: Path,
        *,
        licence: str = "",
        revision: str = "",
        commercial: bool = True,
        origin: Path | None = None,
    ) -> Path:
        """Copy a folder, or a single file, into the store as a model, and replace what had its name.

        `origin` is where the operator had it, if not at `source`. Raises `InvalidRequest` for a bad name and links that
        lead nowhere, `StorageFull` and `Conflict`.
        """
        with self.alone(name):
            coming = self.prepare(name)
            try:
                with room(self.folder):
                    copy_files(source, coming)
                    came_from = str((origin or source).absolute())
                    manifest = Manifest(name, engine, revision, licence, commercial=commercial, imported_from=came_from)
                    return self.keep(coming, manifest)
            except (OSError, MynaError):
                shutil.rmtree(coming, ignore_errors=True)
                raise

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """One process at a time brings or removes a model. Raises `Conflict`, and `InvalidRequest` for a bad name."""
        if not re.fullmatch(NAME, name):
            raise InvalidRequest(
                f"`{name}` is no name for a model: names begin with a letter or digit and have lower-case letters, "
                "digits, dots, hyphens and underscores only, at most 64. `--name` gives it another."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(self.folder / f".{name}.lock"))
            except BlockingIOError as error:
                words = f"Another process brings or removes `{name}` just now. Try again when it is done."
                raise Conflict(words) from error
            yield

    def prepare(self, name: str, *, empty: bool = True) -> Path:
        """A folder for the files of a model that is on its way, for who is `alone` with it. `empty` forgets what came
        before an interruption.
        """
        coming = self._coming(name)
        if empty:
            shutil.rmtree(coming, ignore_errors=True)
        coming.mkdir(parents=True, exist_ok=True)
        return coming

    def _coming(self, name: str) -> Path:
        return self.folder / f".{name}.coming"

    def state(self, name: str) -> State:
        """How it stands with a model: a look, no reading."""
        try:
            model = self.look(name)
        except EngineUnavailable:
            return "damaged"
        if model is not None:
            return "damaged" if missing_files(model) else "yes"
        return "begun" if re.fullmatch(NAME, name) and self._coming(name).is_dir() else "no"

    def keep(self, coming: Path, manifest: Manifest) -> Path:
        """Make a model of a prepared folder whose files are all there: all of it, or nothing."""
        (coming / MANIFEST).unlink(missing_ok=True)
        files = {path: record(coming / path) for path in sorted(_files_of(coming))}
        written = {**asdict(manifest), "files": {path: asdict(known) for path, known in files.items()}}
        (coming / MANIFEST).write_text(json.dumps(written, indent=2) + "\n")
        target, leaving = self.folder / manifest.name, self.folder / f".{manifest.name}.leaving"
        shutil.rmtree(leaving, ignore_errors=True)
        if target.exists():
            target.rename(leaving)
        coming.rename(target)
        shutil.rmtree(leaving, ignore_errors=True)
        return target

    def remove(self, name: str) -> int:
        """Delete a model, also one that is not whole, and what an interrupted pull has left of it: how many bytes that
        were. Raises `NotFound` and `Conflict`.
        """
        with self.alone(name):
            model, coming = self.folder / name, self._coming(name)
            folders = [model] if (model / MANIFEST).is_file() else []
            folders += [coming] if coming.is_dir() else []
            if not folders:
                raise _not_here(name)
            files = [folder / path for folder in folders for path in _files_of(folder) - {MANIFEST}]
            size = sum(path.stat().st_size for path in files)
            leaving = self.folder / f".{name}.leaving"
            for folder in folders:
                shutil.rmtree(leaving, ignore_errors=True)
                folder.rename(leaving)
            shutil.rmtree(leaving)
        return size

    def verify(self, name: str) -> dict[str, str]:
        """Read every file again: what is wrong with which, in words; empty when all are as they came, and as the
        catalogue says where it has this revision. Raises `NotFound`.
        """
        try:
            model = self.look(name)
        except EngineUnavailable:
            return {MANIFEST: "cannot be read"}
        if model is None:
            raise _not_here(name)
        wrong = {path: "is gone or has another size" for path in missing_files(model)}
        pinned = _pinned(model.manifest)
        for path in model.manifest.files.keys() - wrong:
            found = sha256(model.folder / path)
            if found != model.manifest.files[path].sha256:
                wrong[path] = "is not what it was"
            elif found != pinned.get(path, found):
                wrong[path] = "is not what the catalogue says"
        more = sorted(_files_of(model.folder) - {MANIFEST, *model.manifest.files})
        return wrong | {path: "did not come with it" for path in more if not path.rpartition("/")[2].startswith(".")}


def missing_files(model: InstalledModel) -> list[str]:
    """The files that are gone or have another size: a look at the folder, no reading."""
    return [path for path, known in model.manifest.files.items() if _size(model.folder / path) != known.size_bytes]


def how_to_bring(name: str) -> str:
    """The one command, for a model of the catalogue and for any other."""
    if model := catalogue.known().get(name):
        return f"`myna models pull {name}` brings it ({catalogue.in_words(model.size_bytes)})."
    return f"`myna models import PATH --name {name}` brings it."


def _pinned(manifest: Manifest) -> dict[str, str]:
    """The checksums that the catalogue knows, of the same revision."""
    model = catalogue.known().get(manifest.name)
    if model is None or not model.revision or model.revision != manifest.revision:
        return {}
    return {file.path: file.sha256 for file in model.files if file.sha256 and not file.unpack}


def _not_here(name: str) -> NotFound:
    return NotFound(f"The model `{name}` is not here. `myna models list --here` shows what is.")


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(path: Path) -> FileRecord:
    """What a file is now."""
    return FileRecord(sha256(path), path.stat().st_size)


def _files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def unusable(name: str, what: str) -> EngineUnavailable:
    """A model that is here and of no use, with what to do. `what` says it of the model: `cannot be loaded: …`."""
    words = f"The model `{name}` {what.rstrip('.')}"
    return EngineUnavailable(f"{words}. `myna models verify {name}` looks for damage; {how_to_bring(name)}")


def _read(path: Path) -> Manifest:
    """Raises `EngineUnavailable` when it was damaged."""
    try:
        written: dict[str, Any] = json.loads(path.read_text())
        files = {name: FileRecord(**known) for name, known in written.pop("files").items()}
        return Manifest(**written, files=files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        name = path.parent.name
        raise EngineUnavailable(f"The manifest of the model `{name}` cannot be read. {how_to_bring(name)}") from error

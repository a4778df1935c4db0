"""The models on this machine: folders with a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from myna.errors import EngineUnavailable, InvalidRequest
from myna.settings import Settings

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of the store holds."""

    name: str
    engine: str
    revision: str = ""
    licence: str = ""
    """Of the weights."""
    files: dict[str, str] = field(default_factory=dict)
    """Path within the folder → SHA-256."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that is here, whole."""

    manifest: Manifest
    folder: Path


class ModelStore:
    """A folder with one folder for each model. A folder without a manifest is not a model (yet)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def here(cls) -> ModelStore:
        """The store of this machine, from the settings."""
        return cls(Settings().resolved_models_dir)

    def find(self, name: str) -> Path | None:
        """The folder of a model; None when it is not here."""
        folder = self.folder / name
        return folder if (folder / MANIFEST).is_file() else None

    def require(self, name: str) -> Path:
        """The folder of a model. Raises `EngineUnavailable`, which says how to bring it."""
        folder = self.find(name)
        if folder is None:
            raise EngineUnavailable(f"The model `{name}` is not here. `myna models pull {name}` brings it.")
        return folder

    def installed(self, engine: str | None = None) -> Iterator[InstalledModel]:
        """The models that are here, of one engine or of all, by name."""
        for path in sorted(self.folder.glob(f"*/{MANIFEST}")):
            manifest = Manifest(**json.loads(path.read_text()))
            if engine in (None, manifest.engine):
                yield InstalledModel(manifest, path.parent)

    def add(self, name: str, engine: str, source: Path, *, licence: str = "", revision: str = "") -> Path:
        """Copy a folder, or a single file, into the store as a model. Raises `InvalidRequest` for a bad name."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
            raise InvalidRequest("A model's name has lower-case letters, digits, dots, hyphens and underscores only.")
        target, coming = self.folder / name, self.folder / f".{name}.coming"
        shutil.rmtree(coming, ignore_errors=True)
        if source.is_dir():
            shutil.copytree(source, coming)
        else:
            coming.mkdir(parents=True)
            shutil.copy2(source, coming)
        files = {str(path.relative_to(coming)): _sha256(path) for path in sorted(coming.rglob("*")) if path.is_file()}
        manifest = Manifest(name, engine, revision, licence, files)
        (coming / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
        shutil.rmtree(target, ignore_errors=True)
        coming.rename(target)
        return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Brings a model of the catalogue to this machine: whole, checked, or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from myna.errors import Conflict, Forbidden, NotFound, StorageFull, Unavailable, Unsupported
from myna.models.catalogue import check_licence, in_words
from myna.models.download import PART, Downloader, Patience, Progress
from myna.models.forms import find_pickles
from myna.models.hub import Hub, Source
from myna.models.schemas import Model, ModelFile
from myna.models.store import Manifest, ModelStore, sha256
from myna.models.unpack import unpack
from myna.settings import Settings

_SPARE_BYTES = 50_000_000
"""What a pull leaves free on the disk."""


def pull(
    model: Model,
    store: ModelStore,
    progress: Progress,
    *,
    settings: Settings | None = None,
    allow_non_commercial: bool = False,
    patience: Patience | None = None,
) -> Path:
    """The folder of the model, which is fetched unless it is here at this revision.

    An interrupted pull goes on where it stopped. Raises `Forbidden` (the licence, or the hub's terms), `Unavailable`
    (offline, or the network fails), `StorageFull`, `NotFound`, `BrokenResult` (a wrong checksum, again and again) and
    `Conflict` (another process pulls it).
    """
    settings = settings or Settings()
    allowed = allow_non_commercial or settings.allow_non_commercial == "on"
    check_licence(model.name, model.licence_weights, model.commercial, allowed)
    if folder := _here(model, store):
        progress.say(f"`{model.name}` is here.")
        return folder
    hub = Hub.of(settings)
    if settings.offline == "on":
        raise Unavailable(f"Offline, so nothing is fetched. {files_to_bring(model, hub)}")
    coming = store.prepare(model.name, empty=False)
    with _alone(coming, model.name):
        _check_space(model, coming)
        commit = _fetch_all(model, coming, Downloader(hub, progress, patience), hub)
        _check_pickles(model, coming)
        manifest = Manifest(
            name=model.name,
            engine=model.engine,
            revision=model.revision or commit,
            licence=model.licence_weights,
            commercial=model.commercial,
            source=model.source,
        )
        return store.keep(coming, manifest)


def files_to_bring(model: Model, hub: Hub) -> str:
    """How a model comes to a machine without a network."""
    lines = [f"  {file.path}  from {hub.source(model, file).url}" for file in model.files]
    return "\n".join(
        [
            f"`{model.name}` is {_count(len(lines))}, {in_words(model.size_bytes)} together. Fetch on another machine, "
            "into one folder:",
            *lines,
            f"and bring them here with `myna models import FOLDER --name {model.name}`.",
        ]
    )


def _count(files: int) -> str:
    return "one file" if files == 1 else f"{files} files"


def _here(model: Model, store: ModelStore) -> Path | None:
    """The folder, when what is in it is what the catalogue says: another revision is not."""
    installed = store.look(model.name)
    if installed is None or (model.revision and installed.manifest.revision != model.revision):
        return None
    return store.find(model.name)


@contextmanager
def _alone(coming: Path, name: str) -> Iterator[None]:
    """Two pulls of one model at once would write into each other's files."""
    descriptor = os.open(coming, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Conflict(f"Another process pulls `{name}` just now.") from error
    finally:
        os.close(descriptor)


def _check_space(model: Model, coming: Path) -> None:
    """Raises `StorageFull` before a byte is fetched in vain."""
    here = sum(path.stat().st_size for path in coming.rglob("*") if path.is_file())
    packed = sum(file.size_bytes or model.size_bytes for file in model.files if file.unpack)
    needed, free = model.size_bytes + 2 * packed - here, shutil.disk_usage(coming).free
    if needed + _SPARE_BYTES > free:
        raise StorageFull(
            f"`{model.name}` needs {in_words(needed)} more, and the disk with `{coming.parent}` has {in_words(free)} "
            "left. Free some space, or set MYNA_MODELS_DIR to a folder on another disk."
        )


def _fetch_all(model: Model, coming: Path, downloader: Downloader, hub: Hub) -> str:
    """All files, those of archives too. Returns the commit that the hub named; empty when it named none."""
    commit = ""
    try:
        for file in model.files:
            source = hub.source(model, file)
            commit = _fetch(model, file, source, coming, downloader) or commit
    except StorageFull:
        raise
    except Unavailable as error:
        raise Unavailable(f"{error.message} What came is kept. {files_to_bring(model, hub)}") from error
    finally:
        downloader.close()
    return commit


def _fetch(model: Model, file: ModelFile, source: Source, coming: Path, downloader: Downloader) -> str:
    target = coming / file.path
    if _is_whole(target, source):
        return ""
    try:
        told = downloader.fetch(source, target)
    except Forbidden as error:
        raise Forbidden(f"{error.message} {_how_to_be_let_in(model, source)}") from error
    except NotFound as error:
        raise NotFound(
            f"{error.message} It was renamed or removed there; a newer Myna may know where it is."
        ) from error
    if file.unpack:
        unpack(target, coming, file.unpack)
        target.unlink()
    return told.commit


def _is_whole(target: Path, source: Source) -> bool:
    """A file that came before an interruption, whose checksum is known beforehand. Others are looked up again."""
    if not target.is_file():
        return False
    if source.sha256 and sha256(target) == source.sha256:
        return True
    target.replace(target.with_name(target.name + PART))
    return False


def _how_to_be_let_in(model: Model, source: Source) -> str:
    if not source.from_hub:
        return ""
    why = "The hub gives this model only to those who agreed to its terms." if model.gated else "Perhaps it has terms."
    return (
        f"{why} Log in there, agree at {source.page}, make a token that may read at {_root(source)}/settings/tokens, "
        f"and then: MYNA_HUB_TOKEN=hf_… myna models pull {model.name}"
    )


def _root(source: Source) -> str:
    return "/".join(source.page.split("/")[:3])


def _check_pickles(model: Model, coming: Path) -> None:
    if pickles := find_pickles(coming):
        raise Unsupported(
            f"`{model.name}` holds `{pickles[0]}`, a pickle: loading it would run whatever its maker wrote. Myna takes "
            "safetensors and ONNX."
        )

"""Brings a model of the catalogue to this machine: whole, checked, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from myna.errors import EngineUnavailable, Forbidden, NotFound, StorageFull, Unavailable, Unsupported
from myna.models.catalogue import check_licence, in_words
from myna.models.download import PART, Downloader, Patience, Progress
from myna.models.forms import find_pickles
from myna.models.hub import Hub, Source
from myna.models.room import room
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
    """The folder of the model, which is fetched unless it is here, whole, at this revision: that is read again.

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
    with store.alone(model.name), room(store.folder):
        if folder := _here(model, store):  # another process has just brought it
            return folder
        coming = store.prepare(model.name, empty=False)
        _check_space(model, coming)
        commit = _fetch_all(model, coming, progress, patience, hub)
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
    count = "one file" if len(model.files) == 1 else f"{len(model.files)} files"
    asked = f" (after you agreed to the terms at {hub.page(model)})" if model.gated else ""
    return "\n".join(
        [
            f"`{model.name}` is {count}, {in_words(model.size_bytes)} together. Fetch on another machine{asked}, into "
            "one folder, under these names:",
            *(_line(file, hub.source(model, file)) for file in model.files),
            f"and bring them here with `myna models import FOLDER --name {model.name}`.",
        ]
    )


def _line(file: ModelFile, source: Source) -> str:
    facts = [in_words(file.size_bytes)] if file.size_bytes else []
    facts += [f"SHA-256 {file.sha256}"] if file.sha256 else []
    words = f" ({', '.join(facts)})" if facts else ""
    return f"  {file.path}{words}  from {source.url}"


def _here(model: Model, store: ModelStore) -> Path | None:
    """The folder, when what is in it is what the catalogue says: another revision is not."""
    try:
        installed = store.look(model.name)
    except EngineUnavailable:
        return None
    if installed is None or (model.revision and installed.manifest.revision != model.revision):
        return None
    return None if store.verify(model.name) else installed.folder


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


def _fetch_all(model: Model, coming: Path, progress: Progress, patience: Patience | None, hub: Hub) -> str:
    """All files, those of archives too, and no others. Returns the commit that the hub named, if it named one: where
    none is pinned, all files are of the one that the first file came from.
    """
    downloader, commit, kept = Downloader(hub, progress, patience), "", set[Path]()
    try:
        for file in model.files:
            chosen = model if model.revision else model.model_copy(update={"revision": commit})
            source = hub.source(chosen, file)
            commit = _fetch(model, file, source, coming, downloader) or commit
            kept |= _unpacked(file, coming)
    except StorageFull:
        raise
    except Unavailable as error:
        raise Unavailable(f"{error.message} What came is kept. {files_to_bring(model, hub)}") from error
    finally:
        downloader.close()
    _forget_others(coming, kept)
    _refuse_pickles(model, coming)
    return commit


def _unpacked(file: ModelFile, coming: Path) -> set[Path]:
    """The files that came by this one: itself, or what it held."""
    target = coming / file.path
    if not file.unpack:
        return {target}
    taken = unpack(target, coming, file.unpack)
    target.unlink()
    return set(taken)


def _forget_others(coming: Path, kept: set[Path]) -> None:
    """What an earlier pull or import, of other files, has left behind."""
    for path in [path for path in coming.rglob("*") if path.is_file() or path.is_symlink()]:
        if path not in kept:
            path.unlink()


def _fetch(model: Model, file: ModelFile, source: Source, coming: Path, downloader: Downloader) -> str:
    target = coming / file.path
    if _is_whole(target, source):
        return ""
    try:
        return downloader.fetch(source, target).commit
    except Forbidden as error:
        raise Forbidden(f"{error.message} {_how_to_be_let_in(model, source)}") from error
    except NotFound as error:
        raise NotFound(
            f"{error.message} It was renamed or removed there; a newer Myna may know where it is."
        ) from error


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
        f"{why} Log in there, agree at {source.page}, make a token that may read at {source.tokens}, and then: "
        f"MYNA_HUB_TOKEN=hf_… myna models pull {model.name}"
    )


def _refuse_pickles(model: Model, coming: Path) -> None:
    if pickles := find_pickles(coming):
        shutil.rmtree(coming)
        raise Unsupported(
            f"`{model.name}` holds `{pickles[0]}`, a pickle: loading it would run whatever its maker wrote. Myna takes "
            "safetensors and ONNX. Nothing of it was kept."
        )

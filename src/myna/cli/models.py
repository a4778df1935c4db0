"""`myna models`: the weights of neural engines. Nothing is ever downloaded but by `myna models pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from myna.cli.local import load_settings
from myna.cli.names import told_of_changes
from myna.cli.show import AsJson, show_row, show_rows

if TYPE_CHECKING:
    from myna.models.schemas import Model
    from myna.models.store import ModelStore

app = typer.Typer(help="Models of neural engines: list, pull, import, verify, remove.", no_args_is_help=True)
NameOfModel = Annotated[str, typer.Argument(metavar="NAME", help="As `myna models list` shows it.")]
_MOST_NAMED = 4
"""Languages that a table names."""
NonCommercial = Annotated[
    bool, typer.Option("--allow-non-commercial", help="My use earns nothing: also models whose licence asks for that.")
]


@app.command("list")
def list_models(
    engine: Annotated[str | None, typer.Option(help="Such as `piper`.")] = None,
    language: Annotated[str | None, typer.Option(help="Such as `en` or `pt-BR`.")] = None,
    here: Annotated[bool, typer.Option("--here", help="Only those on this machine.")] = False,
    as_json: AsJson = False,
) -> None:
    """What can be had and what is here: size, languages, licence of the weights, what it needs."""
    store, models = _store(), _known()
    rows = [_row(model, store) for model in models.values()]
    rows += [_own_row(name, store) for name in store.names() if name not in models]
    rows = [
        row
        for row in rows
        if engine in (None, row["engine"])
        and (language is None or not row["languages"] or any(_speaks(tag, language) for tag in row["languages"]))
        and (row["here"] != "no" or not here)
    ]
    if not as_json:
        rows = [_for_people(row) for row in rows]
    show_rows(rows, as_json, empty="No model fits. `myna models list` shows all.")


@app.command()
def show(name: NameOfModel, as_json: AsJson = False) -> None:
    """All about one model: what it gives, its licences, its files and their checksums."""
    from myna.models.catalogue import in_words, named

    store, models = _store(), _known()
    if name not in models and (installed := store.look(name)) is not None:
        show_row({**_own_row(name, store), "came from": installed.manifest.imported_from}, as_json)
        return
    model = named(name)
    row: dict[str, Any] = {
        "name": model.name,
        "engine": model.engine,
        "gives": model.description,
        "languages": list(model.languages),
        "size": in_words(model.size_bytes),
        "licence of the code": model.licence_code,
        "licence of the weights": model.licence_weights,
        "commercial use": model.commercial,
        "needs": _needs(model),
        "from": f"{model.source} @ {model.revision or 'what is newest'}",
        "here": store.state(name),
    }
    if model.notice:
        row["notice"] = model.notice
    show_row(row | _files(model, as_json), as_json)


def _files(model: Model, as_json: bool) -> dict[str, Any]:
    """For people a line for each, for scripts a list with addresses."""
    from myna.models.hub import Hub

    if not as_json:
        return {file.path: file.sha256 or f"checksum: {file.checksum}" for file in model.files}
    hub = Hub.of(load_settings())
    return {
        "size_bytes": model.size_bytes,
        "files": [
            {
                "path": file.path,
                "url": hub.source(model, file).url,
                "sha256": file.sha256,
                "size_bytes": file.size_bytes,
                "checksum": file.checksum,
            }
            for file in model.files
        ],
    }


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="As `myna models list` shows them.")],
    allow_non_commercial: NonCommercial = False,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing; say which files to bring.")] = False,
) -> None:
    """Fetch models. What was interrupted goes on; nothing is kept that is not what it should be."""
    from myna.cli.progress import DownloadBars
    from myna.models.catalogue import in_words, named
    from myna.models.pull import pull as pull_model

    settings = load_settings(offline="on" if offline else None)
    store, models = _store(), [named(name) for name in dict.fromkeys(names)]
    with told_of_changes(model.engine for model in models):
        for model in models:
            print(f"{model.name}: {in_words(model.size_bytes)}, licence of the weights: {model.licence_weights}.")
            if model.notice:
                print(f"  {model.notice}")
            with DownloadBars() as bars:
                folder = pull_model(model, store, bars, settings=settings, allow_non_commercial=allow_non_commercial)
            print(f"  in {folder}")
            _say_what_is_missing(model)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder, a file, or an archive of Argos.")],
    name: Annotated[str, typer.Option(help="What to call it. Left out: the name of the file or folder.")] = "",
    engine: Annotated[str, typer.Option(help="Which engine loads it. Left out: seen in its files.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights. Left out: as the model card says.")] = "",
    allow_non_commercial: NonCommercial = False,
) -> None:
    """Copy a model from this machine's disk: fetched elsewhere, or your own. Pickles are refused."""
    from myna.models.catalogue import in_words
    from myna.models.importing import Wishes, import_model

    allowed = allow_non_commercial or load_settings().allow_non_commercial == "on"
    with told_of_changes([engine] if engine else {model.engine for model in _known().values()}):
        model = import_model(path, _store(), Wishes(name, engine, licence, allowed))
        known = model.manifest.licence or "not known; look it up before you use it"
        print(f"`{model.name}` for {model.manifest.engine}: {in_words(model.size_bytes)}, licence: {known}.")


@app.command()
def remove(names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Models on this machine.")]) -> None:
    """Delete models from this machine, and what interrupted pulls have left of them."""
    from myna.models.catalogue import in_words

    store = _store()
    with told_of_changes([model.manifest.engine for model in store.all() if model.name in names]):
        for name in names:
            print(f"`{name}` is gone; {in_words(store.remove(name))} are free.")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="Left out: all that are here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read every file again and compare its checksum with the one it came with. Ends with 1 when one differs."""
    store = _store()
    rows = [{"name": name, **_verified(store, name)} for name in names or store.names()]
    show_rows(rows, as_json, empty="No models are here.")
    if any(row["state"] != "ok" for row in rows):
        raise typer.Exit(1)


def _verified(store: ModelStore, name: str) -> dict[str, str]:
    from myna.models.store import how_to_bring

    if not (wrong := store.verify(name)):
        return {"state": "ok", "details": ""}
    words = "; ".join(f"`{path}` {what}" for path, what in wrong.items())
    return {"state": "damaged", "details": f"{words}. {how_to_bring(name)}"}


def _store() -> ModelStore:
    from myna.models.store import ModelStore

    return ModelStore(load_settings().resolved_models_dir)


def _known() -> dict[str, Model]:
    from myna.models.catalogue import known

    return known()


def _row(model: Model, store: ModelStore) -> dict[str, Any]:
    from myna.models.catalogue import in_words

    return {
        "name": model.name,
        "here": store.state(model.name),
        "size": in_words(model.size_bytes),
        "size_bytes": model.size_bytes,
        "engine": model.engine,
        "languages": list(model.languages),
        "licence": _licence(model.licence_weights, model.commercial),
        "commercial": model.commercial,
        "code": model.licence_code,
        "needs": _needs(model),
        "checksum": "pinned" if model.pinned else "recorded at first pull",
        "gives": model.description,
    }


def _own_row(name: str, store: ModelStore) -> dict[str, Any]:
    """A model that the catalogue does not know."""
    from myna.models.catalogue import in_words

    model = next((model for model in store.all() if model.name == name), None)
    size = model.size_bytes if model else 0
    return {
        "name": name,
        "here": store.state(name),
        "size": in_words(size),
        "size_bytes": size,
        "engine": model.manifest.engine if model else "",
        "languages": [],
        "licence": _licence(model.manifest.licence, model.manifest.commercial) if model else "not known",
        "commercial": bool(model and model.manifest.commercial),
        "code": "",
        "needs": "",
        "checksum": "recorded at import",
        "gives": "imported",
    }


def _licence(name: str, commercial: bool) -> str:
    return f"{name or 'not known'}{'' if commercial else ' (not for commerce)'}"


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """Without what is there in words already."""
    shown = {name: value for name, value in row.items() if name not in ("size_bytes", "commercial")}
    return {**shown, "languages": _few(row["languages"])}


def _needs(model: Model) -> str:
    """What besides it must be here: an extra, or an environment of its own, and a GPU where it is too slow without."""
    from myna.models.features import HEAVY

    code = f"myna engines install {model.engine}" if model.engine in HEAVY else f"myna[{model.needs[0]}]"
    more = [*model.needs[1:]] + ["terms to agree to"] * model.gated
    return ", ".join([code, *more])


def _few(languages: list[str]) -> str:
    """A long list tells less than its length."""
    if len(languages) > _MOST_NAMED:
        return f"{len(languages)} languages"
    return ", ".join(languages) or "any"


def _speaks(tag: str, language: str) -> bool:
    """`en` finds `en-US` and both directions of `en>es`."""
    return any(
        side.lower() == language.lower() or side.lower().startswith(f"{language.lower()}-") for side in tag.split(">")
    )


def _say_what_is_missing(model: Model) -> None:
    """A model without the library that reads it is of no use yet."""
    from myna.models.features import missing_installs

    if missing := missing_installs(model.engine, model.needs, load_settings()):
        print(f"  Its engine is not installed yet: {missing[0]}")

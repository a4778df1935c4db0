"""The models that Myna knows: where they come from, what they give, under which licences."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from myna.errors import Forbidden, NotFound, StartupError
from myna.models.schemas import Model
from myna.settings import Settings

_MODELS = TypeAdapter(tuple[Model, ...])


def known() -> dict[str, Model]:
    """All models by name: Myna's own, then those of `MYNA_MODELS_FILE`. Raises `StartupError` for a bad file."""
    further = Settings().models_file
    return load() | (_read(_text(further), str(further)) if further else {})


@cache
def load() -> dict[str, Model]:
    """Myna's own models by name, in the order of the file."""
    file = resources.files("myna.models") / "data" / "models.json"
    return _read(file.read_text(encoding="utf-8"), "models.json")


def named(name: str) -> Model:
    """Raises `NotFound`, which says what is near."""
    import difflib

    models = known()
    if model := models.get(name):
        return model
    near = difflib.get_close_matches(name, models, 3) or [other for other in models if other.startswith(name)][:3]
    hint = f"Did you mean {', '.join(f'`{other}`' for other in near)}?" if near else "`myna models list` shows all."
    raise NotFound(f"There is no model `{name}`. {hint}")


def check_licence(name: str, licence: str, commercial: bool, allowed: bool) -> None:
    """Raises `Forbidden` for a model that only those may use who earn nothing by it, unless that is allowed."""
    if not commercial and not allowed:
        raise Forbidden(
            f"The model `{name}` is not for commercial use, or nobody says that it is: {licence}. If your use is not "
            f"commercial, say so with `--allow-non-commercial`, or MYNA_ALLOW_NON_COMMERCIAL=on for all."
        )


def in_words(size_bytes: int) -> str:
    """`80 kB`, `63 MB`, `3.2 GB`: two figures or three, as people say sizes."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000 or unit == "GB":
            break
        size /= 1_000
    return f"{size:.1f} {unit}" if size < 10 and unit == "GB" else f"{size:.0f} {unit}"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"The models in `{file}` (MYNA_MODELS_FILE) cannot be read: {error}.") from None


def _read(text: str, source: str) -> dict[str, Model]:
    try:
        return {model.name: model for model in _MODELS.validate_python(json.loads(text))}
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"]))
        raise StartupError(f"The models in `{source}` cannot be read: {place}: {wrong['msg']}.") from None
    except ValueError as error:
        raise StartupError(f"The models in `{source}` cannot be read: {error}.") from None

"""The models that Myna knows: where they come from, what they give, under which licences."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from myna.models.schemas import Model

_FILE = "models.json"


@cache
def load() -> dict[str, Model]:
    """All known models by name, in the order of the file."""
    text = (resources.files("myna.models") / "data" / _FILE).read_text(encoding="utf-8")
    return {model.name: model for model in (Model.model_validate(entry) for entry in json.loads(text))}


def in_words(size_bytes: int) -> str:
    """`80 kB`, `63 MB`, `3.2 GB`: two figures or three, as people say sizes."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000 or unit == "GB":
            break
        size /= 1_000
    return f"{size:.1f} {unit}" if size < 10 and unit == "GB" else f"{size:.0f} {unit}"

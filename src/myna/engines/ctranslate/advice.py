"""Which models of the catalogue would join two languages. Nothing is ever pulled without being asked."""

from __future__ import annotations

from myna.engines.ctranslate.packages import ENGINE
from myna.engines.translation import base_language
from myna.models.catalogue import load
from myna.models.schemas import Model


def missing_models(source: str, target: str, *, non_commercial: bool = False) -> tuple[str, ...]:
    """The models to pull, directly or by way of English; empty when there are none.

    A model for the very pair comes before two that meet in English, and those before one of many languages.
    """
    models = [model for model in load().values() if model.engine == ENGINE and (model.commercial or non_commercial)]
    start, end = base_language(source), base_language(target)
    if direct := _joining(models, start, end):
        return (direct,)
    halves = _joining(models, start, "en"), _joining(models, "en", end)
    if halves[0] and halves[1]:
        return halves[0], halves[1]
    many = [model for model in models if {start, end} <= {base_language(tag) for tag in model.languages}]
    return (min(many, key=lambda model: model.size_bytes).name,) if many else ()


def _joining(models: list[Model], source: str, target: str) -> str | None:
    """The smallest model for one direction."""
    able = [model for model in models if (source, target) in map(_direction, model.languages)]
    return min(able, key=lambda model: model.size_bytes).name if able else None


def _direction(languages: str) -> tuple[str, str]:
    source, _, target = languages.partition(">")
    return base_language(source), base_language(target)

"""Translates with neural models. `packages.py` finds them, `model.py` runs one, `text.py` cuts and joins lines."""

from __future__ import annotations

from myna.engines.ctranslate.advice import missing_models
from myna.engines.ctranslate.engine import CTranslateEngine

__all__ = ["CTranslateEngine", "missing_models"]

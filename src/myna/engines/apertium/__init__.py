"""Translates with `apertium`, by rules and dictionaries, when it is installed.

`modes.py` knows what is installed and which way leads from one language to another, `pipeline.py` runs the programs of
one pair, `text.py` writes lines as apertium reads them, `packages.py` says what would have to be installed.
"""

from __future__ import annotations

from myna.engines.apertium.engine import ApertiumEngine
from myna.engines.apertium.packages import missing_packages

__all__ = ["ApertiumEngine", "missing_packages"]

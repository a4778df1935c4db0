"""What can be translated here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LanguagePair:
    """From one language to another, and by what. BCP 47 tags."""

    source: str
    target: str
    engine: str
    glossary: bool
    """It keeps to given words."""
    fits_length: bool
    """It can say the same in fewer words."""


ANY = "*"
"""In place of a tag: any language, or any other one of those that the engine lists so."""

"""Voices: what can speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from myna.engines.base import Gender


@dataclass(frozen=True, slots=True)
class Voice:
    """A stock voice, or a cloned voice that an account owns."""

    id: str
    """Stable. Of a stock voice: `engine:voice`, such as `espeak:en-us.f3`."""
    name: str
    engine: str
    languages: tuple[str, ...]
    """BCP 47 tags, its own first."""
    gender: Gender
    description: str = ""
    kind: Literal["stock", "cloned"] = "stock"
    account_id: str | None = None
    """The owner of a cloned voice."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its engine needs to know. JSON."""

    @property
    def language(self) -> str:
        return self.languages[0]


@dataclass(frozen=True, slots=True)
class Alias:
    """A vendor's name for a voice. A slot, not an impression: the voice claims nothing about that name."""

    api: str
    key: str
    """What clients send: a UUID or a label."""
    name: str
    """What clients see."""
    voice_id: str
    locale: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the vendor says about it, such as `label`, the name in its user interface."""

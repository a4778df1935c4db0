"""The names by which vendors know voices, and how each gets a voice of its own.

A name is a slot and claims nothing about the person or product of that name: it stands for one synthetic voice, always
the same, and a different one from all other slots while there are voices enough.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from myna.engines.base import Gender
from myna.voices.languages import base_language, usual_first
from myna.voices.schemas import Voice

APIS = ("openai", "stablecog", "magichour", "munsit", "modelslab")
"""Vendors with names of their own, in the order in which they choose voices."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A vendor's name that needs a voice."""

    api: str
    key: str
    """What clients send: a UUID or a label."""
    name: str
    """What clients see."""
    locale: str
    gender: Gender
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def id(self) -> str:
        return f"{self.api}:{self.key}"


@cache
def slots() -> tuple[Slot, ...]:
    """All slots, from `data/<api>.json`."""
    return tuple(
        Slot(api, row["key"], row.get("name", row["key"]), row["locale"], row["gender"], row.get("details", {}))
        for api in APIS
        for row in _read(api)
    )


@cache
def fixed_choices(engine: str) -> Mapping[str, str]:
    """Slot id → voice id where the choice is written down, so that no new voice ever changes it."""
    return dict(_read(f"voices-{engine}")) if engine in _FIXED else {}


_FIXED = ("espeak", "kokoro")


def choose(free: Iterable[Slot], voices: Sequence[Voice], taken: set[str], *, repeat: bool = False) -> dict[str, str]:
    """A voice for each slot: of its language, if possible of its gender, not `taken` unless `repeat`.

    The voice with the highest hash of slot and voice wins (rendezvous hashing), so a voice that comes or goes moves
    few others. Slots that find no voice are left out. `taken` grows.
    """
    by_language: dict[str, list[Voice]] = {}
    for voice in voices:
        by_language.setdefault(base_language(voice.language), []).append(voice)
    chosen: dict[str, str] = {}
    for slot in free:
        candidates = by_language.get(base_language(slot.locale), [])
        unused = [voice for voice in candidates if repeat or voice.id not in taken]
        if unused:
            winner = max(_best_fitting(unused, slot), key=lambda voice: _hash(slot.id, voice.id))
            chosen[slot.id] = winner.id
            taken.add(winner.id)
    return chosen


def _best_fitting(voices: list[Voice], slot: Slot) -> list[Voice]:
    fitting = [voice for voice in voices if slot.gender in ("neutral", voice.gender)]
    return usual_first(fitting or voices, slot.locale)


def _hash(slot_id: str, voice_id: str) -> bytes:
    return hashlib.sha256(f"{slot_id}\n{voice_id}".encode()).digest()


def _read(name: str) -> Any:
    return json.loads((files(__package__) / "data" / f"{name}.json").read_text(encoding="utf-8"))

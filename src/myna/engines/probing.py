"""What an engine says about itself, or why it cannot be used; as an object, and as JSON between two environments."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from myna.engines.base import Engine, StockVoice
from myna.engines.kinds import CAPABILITIES, AnyCapabilities, AnyEngine, Kind, kind_of
from myna.errors import EngineUnavailable


@dataclass(frozen=True, slots=True)
class Probed:
    """What an engine says about itself."""

    kind: Kind
    capabilities: AnyCapabilities
    voices: tuple[StockVoice, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """Why an engine cannot be used. One that cannot even be loaded counts as one that should have spoken."""

    reason: str
    kind: Kind = "speech"


def checked(found: object) -> tuple[type[AnyEngine], Kind]:
    """A class that is an engine, and its kind. Raises `EngineUnavailable`."""
    kind = kind_of(found)
    if kind is None:
        raise EngineUnavailable(
            f"`{found!r}` is not a subclass of one of the kinds of engines (myna.engines.kinds), such as Engine."
        )
    return cast(type[AnyEngine], found), kind


def probe(load: Callable[[], object], name: str | None) -> Probed | Absent:
    """Ask an engine's class, which has this name if one is given. Foreign code: whatever it raises is a reason."""
    kind: Kind = "speech"
    try:
        engine, kind = checked(load())
        if name and engine.name != name:
            return Absent(f"its class calls itself `{engine.name}`", kind)
        usable, reason = engine.available()
        if not usable:
            return Absent(reason, kind)
        return Probed(kind, engine.describe(), engine.voices() if issubclass(engine, Engine) else ())
    except EngineUnavailable as error:
        return Absent(error.message, kind)
    except ModuleNotFoundError as error:
        return Absent(f"it cannot be loaded: {sys.executable} has no module `{error.name}`", kind)
    except Exception as error:
        return Absent(f"it cannot be loaded: {type(error).__name__}: {error}", kind)


def to_json(found: Probed | Absent) -> dict[str, Any]:
    """Plain lists, texts and numbers."""
    if isinstance(found, Absent):
        return dataclasses.asdict(found)
    capabilities = dataclasses.asdict(found.capabilities)
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in capabilities.items()}
    voices = [dataclasses.asdict(voice) for voice in found.voices]
    return {"kind": found.kind, "capabilities": plain, "voices": voices}


def from_json(data: dict[str, Any]) -> Probed | Absent:
    """What `to_json` was made of. Raises `ValueError` when it is something else."""
    from pydantic import TypeAdapter

    if "reason" in data:
        return TypeAdapter(Absent).validate_python(data)
    if data.get("kind") not in CAPABILITIES:
        raise ValueError("neither a reason nor an engine of a kind that is known here")
    kind: Kind = data["kind"]
    capabilities = TypeAdapter(CAPABILITIES[kind]).validate_python(data.get("capabilities"))
    voices = TypeAdapter(tuple[StockVoice, ...]).validate_python(data.get("voices"))
    return Probed(kind, capabilities, voices)

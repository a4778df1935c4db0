"""A prepared voice as data: what `prepare_voice` returns and `voice_settings` brings back."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.audio.matching.regression import Regression
from myna.audio.matching.statistics import Melody
from myna.audio.matching.transform import Transform
from myna.audio.matching.vocoder import Matrix
from myna.engines.match.bases import Base, base_of
from myna.errors import Unsupported

FORMAT = "match/1"


@dataclass(frozen=True, slots=True)
class Match:
    """A base and the way from it to the reference."""

    base: Base
    language: str
    """BCP 47 tag of what the base said when it was measured."""
    melody: Melody
    """Of the base in that language."""
    transform: Transform


@dataclass(frozen=True, slots=True)
class MatchedVoice:
    """What is known of a reference, and how to come near to it."""

    melody: Melody
    """Of the reference."""
    language: str
    """Of the reference, or what it was taken for."""
    everywhere: Match
    """Speaks all languages."""
    english: Match | None = None
    """Speaks English better."""

    def match(self, language: str) -> Match:
        """The one that speaks a language."""
        english = (language or self.language).partition("-")[0].lower() == "en"
        return self.english if english and self.english else self.everywhere


def to_settings(voice: MatchedVoice) -> dict[str, Any]:
    """JSON of about 100 kB."""
    return {
        "format": FORMAT,
        "base": (voice.english or voice.everywhere).base.id,
        "language": voice.language,
        "melody": dataclasses.asdict(voice.melody),
        "everywhere": _of_match(voice.everywhere),
        "english": _of_match(voice.english) if voice.english else None,
    }


def from_settings(settings: Mapping[str, Any]) -> MatchedVoice:
    """Raises `Unsupported` when it is no voice of this engine, or damaged."""
    if settings.get("format") != FORMAT:
        raise Unsupported(
            f"The engine `match` speaks voices of the form `{FORMAT}`, not `{settings.get('format')}`. "
            "Clone the voice again."
        )
    try:
        english = settings["english"]
        return MatchedVoice(
            Melody(**settings["melody"]),
            str(settings["language"]),
            _to_match(settings["everywhere"]),
            _to_match(english) if english else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise Unsupported("The data of this cloned voice is damaged. Clone the voice again.") from None


def _of_match(match: Match) -> dict[str, Any]:
    return {
        "base": match.base.id,
        "language": match.language,
        "melody": dataclasses.asdict(match.melody),
        "transform": _packed(match.transform),
    }


def _to_match(data: Mapping[str, Any]) -> Match:
    transform = dict(data["transform"])
    regression = transform.pop("regression")
    known = Transform(
        **_unpacked(transform, Transform),
        regression=Regression(**_unpacked(regression, Regression)) if regression else None,
    )
    return Match(base_of(data["base"]), str(data["language"]), Melody(**data["melody"]), known)


def _packed(thing: Transform | Regression) -> dict[str, Any]:
    values = {item.name: getattr(thing, item.name) for item in dataclasses.fields(thing)}
    return {name: _pack(value) for name, value in values.items()}


def _pack(value: Any) -> Any:
    if isinstance(value, Regression):
        return _packed(value)
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "data": base64.b64encode(value.astype("<f4").tobytes()).decode()}
    return value


def _unpacked(data: Mapping[str, Any], kind: type) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)} - {"regression"}
    return {name: _unpack(data[name]) for name in names}


def _unpack(value: Any) -> Matrix | float:
    if not isinstance(value, Mapping):
        return float(value)
    numbers = np.frombuffer(base64.b64decode(value["data"], validate=True), "<f4").astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("not a number")
    return numbers.reshape(value["shape"])

"""The kinds of engines: they speak, hear, translate, separate, denoise. All share one way to be found and to be run."""

from __future__ import annotations

from typing import Literal

from myna.engines.base import Capabilities, Engine
from myna.engines.denoising import DenoisingCapabilities, DenoisingEngine
from myna.engines.recognition import RecognitionCapabilities, RecognitionEngine
from myna.engines.separation import SeparationCapabilities, SeparationEngine
from myna.engines.translation import TranslationCapabilities, TranslationEngine

Kind = Literal["speech", "recognition", "translation", "separation", "denoising"]
AnyEngine = Engine | RecognitionEngine | TranslationEngine | SeparationEngine | DenoisingEngine
AnyCapabilities = (
    Capabilities | RecognitionCapabilities | TranslationCapabilities | SeparationCapabilities | DenoisingCapabilities
)

_BASES: dict[Kind, type[AnyEngine]] = {
    "speech": Engine,
    "recognition": RecognitionEngine,
    "translation": TranslationEngine,
    "separation": SeparationEngine,
    "denoising": DenoisingEngine,
}
KINDS = tuple(_BASES)
CAPABILITIES: dict[Kind, type[AnyCapabilities]] = {
    "speech": Capabilities,
    "recognition": RecognitionCapabilities,
    "translation": TranslationCapabilities,
    "separation": SeparationCapabilities,
    "denoising": DenoisingCapabilities,
}
"""What an engine of each kind says it can do."""


def kind_of(engine: object) -> Kind | None:
    """Of which kind a class is; None when it is no engine."""
    if not isinstance(engine, type):
        return None
    return next((kind for kind, base in _BASES.items() if issubclass(engine, base)), None)

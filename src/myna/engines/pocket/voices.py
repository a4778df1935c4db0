"""Voices of pocket-tts: from a recording to a small text that a database can keep, and back to what the model reads.

What the model knows of a speaker are the latents of its codec: 12.5 vectors a second. They depend on the encoder of the
codec alone, so one set of them serves all languages whose models have the same encoder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from myna.engines.tensors import from_text, to_text
from myna.errors import Unsupported

FORMAT = "pocket/1"
_ENCODER = ("mimi.encoder.", "mimi.encoder_transformer.", "mimi.downsample.")
"""How the names of the encoder's tensors begin."""


def to_settings(latents: Mapping[str, Any], model: str) -> dict[str, Any]:
    """JSON of latents by encoder, and of the model for which the voice was made. 30 seconds take 64 kB an encoder."""
    return {"format": FORMAT, "model": model, "latents": to_text(latents)}


def latents_of(settings: Mapping[str, Any], encoder: str, model: str) -> Any:
    """The latents for one encoder, a tensor [1, frames, size]. Raises `Unsupported`, `EngineUnavailable`."""
    if settings.get("format") != FORMAT:
        raise Unsupported("This is no voice that the engine `pocket` has made.")
    found = from_text(settings["latents"])
    if encoder not in found:
        raise Unsupported(f"This voice was made before the model `{model}` was here. Make it again to speak with that.")
    return found[encoder]


@cache
def encoder_of(weights: Path) -> str:
    """What tells the encoder in a file of weights from others: a hash of its tensors. Takes a tenth of a second."""
    from safetensors import safe_open

    found = hashlib.sha256()
    with safe_open(weights, framework="np") as file:
        for name in sorted(file.keys()):
            if name.startswith(_ENCODER):
                tensor = file.get_tensor(name)
                found.update(f"{name}{tensor.dtype}{tensor.shape}".encode())
                found.update(np.ascontiguousarray(tensor).tobytes())
    return found.hexdigest()[:16]

"""Voices of pocket-tts: from a recording to a small text that a database can keep, and back to what the model reads.

What the model knows of a speaker are the latents of its codec: 12.5 vectors a second. They depend on the encoder of the
codec alone, so one set of them serves all languages whose models have the same encoder.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from myna.engines.base import Samples
from myna.errors import EngineUnavailable, ReferenceRefused, Unsupported

FORMAT = "pocket/1"
_LONGEST = 30.0
"""Seconds of a reference that are used, as the library does."""
_SHORTEST = 1.0
_SILENCE = 10 ** (-50 / 20)
"""Root mean square of a reference in which nobody speaks; full scale is 1."""
_ENCODER = ("mimi.encoder.", "mimi.encoder_transformer.", "mimi.downsample.")
"""How the names of the encoder's tensors begin."""


def to_settings(latents: Mapping[str, Any], model: str) -> dict[str, Any]:
    """JSON of latents by encoder, and of the model for which the voice was made. 30 seconds take 64 kB an encoder."""
    from safetensors.torch import save

    tensors = {encoder: tensor.contiguous() for encoder, tensor in latents.items()}
    return {"format": FORMAT, "model": model, "latents": base64.b64encode(save(tensors)).decode()}


def latents_of(settings: Mapping[str, Any], encoder: str, model: str) -> Any:
    """The latents for one encoder, a tensor [1, frames, size]. Raises `Unsupported`, `EngineUnavailable`."""
    from safetensors.torch import load

    if settings.get("format") != FORMAT:
        raise Unsupported("This is no voice that the engine `pocket` has made.")
    try:
        found = load(base64.b64decode(settings["latents"], validate=True))
    except Exception as error:  # whatever the library says of a broken text
        raise EngineUnavailable(f"This voice cannot be read: {error}") from error
    if encoder not in found:
        raise Unsupported(f"This voice was made before the model `{model}` was here. Make it again to speak with that.")
    return found[encoder]


def checked_reference(reference: Samples, rate: int) -> Samples:
    """The part of a recording that is used. Raises `ReferenceRefused`."""
    if len(reference) < _SHORTEST * rate:
        raise ReferenceRefused(f"The recording is shorter than {_SHORTEST:g} second.")
    used = reference[: round(_LONGEST * rate)]
    if float(np.sqrt(np.mean(np.square(used, dtype=np.float64)))) < _SILENCE:
        raise ReferenceRefused("There is no speech in the recording, it is as good as silent.")
    return used


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

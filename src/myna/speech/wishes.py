"""What somebody wishes of an engine that it would pass over."""

from __future__ import annotations

from myna.engines.base import Capabilities
from myna.errors import Unsupported
from myna.speech.schemas import SpeechRequest


def check_wishes(request: SpeechRequest, able: Capabilities) -> None:
    """For our own API and commands, where nobody sends what they do not mean. Raises `Unsupported`.

    Vendors' clients always send a temperature, a stability or a dialect; there, an engine without it passes it over. A
    seed is never refused: without temperature every seed sounds alike.
    """
    varies = not able.options.isdisjoint({"temperature", "stability"})
    refused = {
        "temperature": request.temperature > 0 and "temperature" not in able.options,
        "stability": request.stability is not None and not varies,
        "similarity": request.similarity is not None and "similarity" not in able.options,
        "dialect": request.dialect is not None and request.dialect not in able.dialects,
    }
    for name in (name for name, wrong in refused.items() if wrong):
        known = ", ".join(f"`{dialect}`" for dialect in able.dialects) if name == "dialect" else ""
        has = f"knows of dialects only {known}" if known else f"does not honour `{name}`"
        raise Unsupported(
            f"The engine `{able.name}` {has}. Leave it out, or name a voice of another engine: `myna engines` shows "
            "what each of them honours.",
            field=name,
        )

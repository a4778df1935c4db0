"""Hears with Whisper. `models.py` knows which sizes are here, `believing.py` what is not to be believed."""

from __future__ import annotations

from myna.engines.whisper.engine import WhisperEngine

__all__ = ["WhisperEngine"]

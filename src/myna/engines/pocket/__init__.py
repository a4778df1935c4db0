"""The engine `pocket`: speech and cloned voices on a CPU, with Kyutai's pocket-tts."""

from myna.engines.pocket.engine import PocketEngine

__all__ = ["PocketEngine"]

"""The engine `espeak`: languages, voices, prosody, and the library behind them."""

from myna.engines.espeak.engine import EspeakEngine

__all__ = ["EspeakEngine"]

"""Clones voices without any model: a base voice speaks, and WORLD moves its sound to that of the recording."""

from myna.engines.match.engine import MatchEngine

__all__ = ["MatchEngine"]

"""The contract of engines that take a sound apart: speech, and what else is heard. They run in child processes.

Sound goes in blocks, of any length and for any time: neither side keeps more of it than the engine looks at together.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import BaseEngine

Stereo = NDArray[np.float32]
"""Shape `[n, 2]`, full scale ±1."""
Stems = NDArray[np.float32]
"""Shape `[stems, n, 2]`, in the order of `SeparationCapabilities.stems`."""


@dataclass(frozen=True, slots=True)
class SeparationCapabilities:
    """What an engine that separates can do, as data."""

    name: str
    description: str
    version: str
    licence: str
    """Of the code and of the weights."""
    stems: tuple[str, ...]
    """What it tells apart, such as `drums`, `bass`, `other`, `vocals`."""
    speech: str
    """The stem in which voices are."""
    sample_rate: int
    """Hz of the sound that it takes and gives."""
    block_seconds: float
    """So much sound is best given at once."""
    device: str = "cpu"


class SeparationEngine(BaseEngine[SeparationCapabilities]):
    """Base class of engines that separate."""

    @abc.abstractmethod
    def begin(self) -> None:
        """A new sound begins. Of one that was left in the middle nothing stays."""

    @abc.abstractmethod
    def separate(self, sound: Stereo, *, last: bool) -> Stems:
        """What is ready after this block, of each stem; `last` gives the rest. Called in the child process.

        All that it gives is as long as all that it took, and in step. How the sound is cut changes nothing.
        """

"""The contract of engines that take a sound apart: speech, and what else is heard. They run in child processes.

Sound goes in blocks, of any length and for any time: neither side keeps more of it than the engine looks at together.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

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


class SeparationEngine(abc.ABC):
    """Base class of engines that separate. Heavy libraries are imported inside the methods, never at import."""

    name: ClassVar[str]

    @classmethod
    @abc.abstractmethod
    def available(cls) -> tuple[bool, str]:
        """Whether it can run here, and if not, why and what to do. Cheap; called in the server's process."""

    @classmethod
    @abc.abstractmethod
    def describe(cls) -> SeparationCapabilities:
        """What it can do. Cheap; called in the server's process."""

    @abc.abstractmethod
    def begin(self) -> None:
        """A new sound begins. Of one that was left in the middle nothing stays."""

    @abc.abstractmethod
    def separate(self, sound: Stereo, *, last: bool) -> Stems:
        """What is ready after this block, of each stem; `last` gives the rest. Called in the child process.

        All that it gives is as long as all that it took, and in step. How the sound is cut changes nothing.
        """

    def interrupt(self) -> None:  # noqa: B027 - an engine that works in small steps need not override it
        """Nobody wants the current sound any more: have the long step in progress fail soon.

        Called from another thread, only while a block is worked on. Whatever that raises then is forgotten.
        """

    def close(self) -> None:  # noqa: B027 - an engine without resources need not override it
        """Let go of everything. The process ends right after."""

"""The contract of engines that take noise out of speech. They run in child processes, and work block by block."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from myna.engines.base import BaseEngine, Samples


@dataclass(frozen=True, slots=True)
class DenoisingCapabilities:
    """What a denoiser is, as data."""

    name: str
    description: str
    version: str
    licence: str
    """Of the code and of the weights."""
    sample_rate: int
    """Hz of the sound that it takes and gives."""
    device: str = "cpu"


class DenoisingEngine(BaseEngine[DenoisingCapabilities]):
    """Base class of denoisers."""

    @abc.abstractmethod
    def begin(self) -> None:
        """A new recording begins. Of one that was left in the middle nothing stays."""

    @abc.abstractmethod
    def denoise(self, samples: Samples, *, last: bool) -> Samples:
        """What is ready after this block; `last` gives the rest. Called in the child process.

        All that it gives is as long as all that it took, and in step. How the sound is cut changes nothing.
        """

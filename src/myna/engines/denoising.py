"""The contract of engines that take noise out of speech. They run in child processes, and work block by block."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

from myna.engines.base import Samples


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


class DenoisingEngine(abc.ABC):
    """Base class of denoisers. Heavy libraries are imported inside the methods, never at import."""

    name: ClassVar[str]

    @classmethod
    @abc.abstractmethod
    def available(cls) -> tuple[bool, str]:
        """Whether it can run here, and if not, why and what to do. Cheap; called in the server's process."""

    @classmethod
    @abc.abstractmethod
    def describe(cls) -> DenoisingCapabilities:
        """What it is. Cheap; called in the server's process."""

    @abc.abstractmethod
    def begin(self) -> None:
        """A new recording begins. Of one that was left in the middle nothing stays."""

    @abc.abstractmethod
    def denoise(self, samples: Samples, *, last: bool) -> Samples:
        """What is ready after this block; `last` gives the rest. Called in the child process.

        All that it gives is as long as all that it took, and in step. How the sound is cut changes nothing.
        """

    def close(self) -> None:  # noqa: B027 - an engine without resources need not override it
        """Let go of everything. The process ends right after."""

"""Turns quiet sound off, for tests. Used only when `MYNA_ENGINES` names it.

Commands in the environment variable `FAKE_DENOISING` act on each block: `denoise:crash`, `denoise:crash-once=TOKEN`,
`denoise:hang`, `denoise:fail=MESSAGE`.
"""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np

from myna.engines.base import Samples
from myna.engines.denoising import DenoisingCapabilities, DenoisingEngine
from myna.engines.fake_commands import misbehave, parse

_QUIET = 0.05
"""Full scale is 1."""


class FakeDenoising(DenoisingEngine):
    """A gate for single samples."""

    name: ClassVar[str] = "fake-denoising"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> DenoisingCapabilities:
        return DenoisingCapabilities(
            name=cls.name,
            description="Turns quiet sound off, for tests; it knows no speech.",
            version="1",
            licence="Apache-2.0",
            sample_rate=16_000,
        )

    def begin(self) -> None:
        """It remembers nothing."""

    def denoise(self, samples: Samples, *, last: bool) -> Samples:
        for command in parse(os.environ.get("FAKE_DENOISING", ""), "denoise")[1]:
            misbehave(command)
        return np.where(np.abs(samples) < _QUIET, np.float32(0), samples)

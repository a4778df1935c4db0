"""Takes for speech what is in the middle of the stereo picture, for tests. Used only when `MYNA_ENGINES` names it.

Commands in the environment variable `FAKE_SEPARATION` act on each block: `separate:crash`, `separate:crash-once=TOKEN`,
`separate:hang`, `separate:fail=MESSAGE`, `separate:slow=SECONDS`, and `separate:nonsense` (sound that is not a number).
With `separate:from=NUMBER` they act from that block of a sound on; the first one is 1.
"""

from __future__ import annotations

import os
import time
from typing import ClassVar

import numpy as np

from myna.engines.fake_commands import Command, misbehave, parse
from myna.engines.separation import SeparationCapabilities, SeparationEngine, Stems, Stereo

_DELAY = 1_000
"""Samples that stay behind until the end, as with an engine that looks ahead."""


class FakeSeparation(SeparationEngine):
    """The middle and the sides."""

    name: ClassVar[str] = "fake-separation"

    def __init__(self) -> None:
        self._held = np.zeros((0, 2), np.float32)
        self._blocks = 0

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> SeparationCapabilities:
        return SeparationCapabilities(
            name=cls.name,
            description="What both channels have in common, for tests; it knows no voices.",
            version="1",
            licence="Apache-2.0",
            stems=("sides", "middle"),
            speech="middle",
            sample_rate=44_100,
            block_seconds=2.0,
        )

    def begin(self) -> None:
        self._held = np.zeros((0, 2), np.float32)
        self._blocks = 0

    def separate(self, sound: Stereo, *, last: bool) -> Stems:
        self._blocks += 1
        commands = self._commands()
        for command in commands:
            misbehave(command)
            if command.name == "slow":
                time.sleep(command.number())
        held = np.concatenate([self._held, sound])
        ready = len(held) if last else max(0, len(held) - _DELAY)
        self._held = held[ready:]
        middle = np.repeat(held[:ready].mean(axis=1, keepdims=True), 2, axis=1)
        if any(command.name == "nonsense" for command in commands):
            middle = np.full_like(middle, np.nan)
        return np.stack([held[:ready] - middle, middle])

    def _commands(self) -> list[Command]:
        """Those that act on this block."""
        _, commands = parse(os.environ.get("FAKE_SEPARATION", ""), "separate")
        begins = next((command.number() for command in commands if command.name == "from"), 1)
        return commands if self._blocks >= begins else []

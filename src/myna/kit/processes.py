"""What a process asks of its system."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

LESS_URGENT = 10
"""Steps of niceness for work that nobody waits for at this moment."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_MOST_ARENAS = -8  # M_ARENA_MAX


def die_with(parent: int) -> None:
    """Have the kernel end this process when the one that started it ends, however that happens."""
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the closed pipe is what ends it
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def share_memory_between_threads(arenas: int = 2) -> None:
    """Have glibc keep free memory in a few places for all threads, not in up to eight for each processor.

    Sound comes and goes in large pieces on many threads; what each keeps for itself looks like growth.
    """
    with contextlib.suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).mallopt(_MOST_ARENAS, arenas)

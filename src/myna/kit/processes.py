"""What a child process does for the one that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def die_with(parent: int) -> None:
    """Have the kernel end this process when the one that started it ends, however that happens."""
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the closed pipe is what ends it
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)

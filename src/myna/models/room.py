"""Says in words that a disk is full."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from myna.errors import StorageFull


@contextmanager
def room(folder: Path, advice: str = "Free some space, and try again.") -> Iterator[None]:
    """Raises `StorageFull` where the system says that the disk with `folder` has no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull(f"The disk with `{folder}` is full. {advice}") from error

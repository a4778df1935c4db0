"""Engines that a request names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from myna.errors import EngineNotFound, EngineUnavailable


@contextmanager
def named(field: str) -> Iterator[None]:
    """Raises `EngineNotFound` in place of `EngineUnavailable`: what a request names, in this field, and this node does
    not have, stays away until somebody changes the one or the other. To try again is in vain.
    """
    try:
        yield
    except EngineUnavailable as error:
        raise EngineNotFound(error.message, field=field) from error

"""Whether more than one person speaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myna.audio.speaker import mean_embedding, similarity

_LEAST_PART = 2
"""Windows that a part must have: a single one may hold a laugh or a cough."""
_MANY = 8
_ALIKE, _ALIKE_WHEN_SHORT = 0.75, 0.7
"""Parts of one voice are at least so alike when there are many windows, and when there are few."""


def seems_two_speakers(embeddings: NDArray[np.float32]) -> bool:
    """Whether the windows fall into two parts of different voices. Shape: `[windows, 256]`."""
    likeness = likeness_of_parts(embeddings)
    return likeness is not None and likeness < (_ALIKE if len(embeddings) >= _MANY else _ALIKE_WHEN_SHORT)


def likeness_of_parts(embeddings: NDArray[np.float32]) -> float | None:
    """How alike the voices of the two parts are into which the windows fall most clearly; None for fewer than four.

    Shape of `embeddings`: `[windows, 256]`. The parts need not be in one piece: people take turns.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(embeddings) < 2 * _LEAST_PART:
        return None
    parts = fcluster(linkage(embeddings, "ward"), 2, "maxclust")
    first, second = embeddings[parts == 1], embeddings[parts == 2]
    if min(len(first), len(second)) < _LEAST_PART:
        return similarity(mean_embedding(embeddings[::2]), mean_embedding(embeddings[1::2]))
    return similarity(mean_embedding(first), mean_embedding(second))

"""Which way leads from one language to another: one step, or two that go by a third language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from myna.engines.translation import base_language


class Step(Protocol):
    """One direction that something installed translates. Languages are BCP 47 tags."""

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...


Stepping = TypeVar("Stepping", bound=Step)


def routes(
    steps: Iterable[Stepping], pivots: Sequence[str], *, others: bool = True
) -> dict[tuple[str, str], tuple[Stepping, ...]]:
    """The best way for each pair of languages: direct, else by way of one other language.

    Steps come in order of preference, and so do `pivots`, the languages to go by; `others` allows further ones.
    """
    steps = tuple(steps)
    good = {base_language(tag): place for place, tag in enumerate(pivots)}
    place_of = {id(step): place for place, step in enumerate(steps)}

    def rank(route: tuple[Stepping, ...]) -> tuple[int, int, int, list[int]]:
        """Few steps, a good language to go by, its usual form, then the preferred step: always the same way."""
        pivot = route[0].target if len(route) > 1 else ""
        quality = good.get(base_language(pivot), len(good)) if pivot else 0
        return len(route), quality, pivot.count("-"), [place_of[id(step)] for step in route]

    joined = (
        (first, second)
        for first in steps
        for second in steps
        if base_language(first.target) == base_language(second.source)
        and base_language(first.source) != base_language(second.target)
        and (others or base_language(first.target) in good)
    )
    found: dict[tuple[str, str], tuple[Stepping, ...]] = {}
    for route in sorted([*((step,) for step in steps), *joined], key=rank):
        found.setdefault((route[0].source, route[-1].target), route)
    return found

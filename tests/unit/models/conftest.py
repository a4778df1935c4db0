"""A hub on loopback, a store in a temporary folder, and what a download tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.models.download import Patience
from myna.models.store import ModelStore
from tests.fixtures.hub import ModelHub, serving_models

QUICK = Patience(first_pause=0.01)


class Told:
    """Listens to a download."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, int | None]] = []
        self.bytes = 0
        self.words: list[str] = []

    def begin(self, name: str, done: int, total: int | None) -> None:
        self.begun.append((name, done, total))

    def advance(self, count: int) -> None:
        self.bytes += count

    def say(self, words: str) -> None:
        self.words.append(words)


@pytest.fixture
def hub() -> Iterator[ModelHub]:
    with serving_models() as hub:
        hub.files = {"weights.onnx": bytes(range(256)) * 2_000, "config.json": b'{"a": 1}\n'}
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def told() -> Told:
    return Told()

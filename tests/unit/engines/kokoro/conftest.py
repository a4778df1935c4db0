"""Kokoro on tiny checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from myna.engines.kokoro import KokoroEngine
from myna.models.store import ModelStore

MakeModel = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """An empty one, for this process and those of engines."""
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
    return ModelStore.here()


@pytest.fixture
def make_model(store: ModelStore, tmp_path: Path) -> MakeModel:
    """Puts a model into the store; returns its folder there."""
    pytest.importorskip("kokoro_onnx")
    from tests.fixtures.checkpoints import kokoro

    def make(name: str = "kokoro", **options: bool) -> Path:
        return store.add(name, "kokoro", kokoro.build(tmp_path / f"source-{name}", **options))

    return make


@pytest.fixture
def engine(make_model: MakeModel) -> Iterator[KokoroEngine]:
    make_model()
    made = KokoroEngine()
    yield made
    made.close()

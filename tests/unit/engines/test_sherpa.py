"""Which files sherpa-onnx is given, and which are refused because they would end its process."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from myna.engines import needs, sherpa
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.engines.sherpa import SherpaEngine
from myna.errors import EngineUnavailable
from myna.kit.installing import install_extra
from myna.models.store import ModelStore
from myna.settings import Settings


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    made = ModelStore(tmp_path / "store")
    monkeypatch.setenv("MYNA_MODELS_DIR", str(made.folder))
    monkeypatch.setattr(needs, "find_spec", lambda _: True)
    return made


@pytest.mark.parametrize("data", [b"", b"no network", b"gtcrn sample_rate version"])
def test_a_file_that_does_not_say_all_that_is_needed_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.onnx"
    path.write_bytes(data)
    with pytest.raises(EngineUnavailable, match=r"odd\.onnx is no GTCRN"):
        sherpa._load(path)


async def test_a_file_that_only_says_so_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own: sherpa-onnx has an onnxruntime of its own too."""
    if find_spec("sherpa_onnx") is None:
        pytest.skip("sherpa-onnx is not installed")
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "odd.onnx").write_bytes(b" ".join(sherpa._TOLD))
    ModelStore(tmp_path / "store").add("odd", "sherpa", folder)
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "store"))
    host = EngineHost(Settings(engine_processes=1), EngineRegistry.load(["sherpa"]))
    try:
        with pytest.raises(EngineUnavailable, match=r"cannot be loaded.*myna models verify"):
            await host.warm("sherpa")
    finally:
        await host.close()


def test_what_is_missing_has_the_command_that_brings_it(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "myna models pull gtcrn" in SherpaEngine.available()[1]
    monkeypatch.setattr(needs, "find_spec", lambda _: None)
    assert install_extra("sherpa") in SherpaEngine.available()[1]


def test_a_model_of_several_networks_is_refused(store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    for name in ("one.onnx", "two.onnx"):
        (folder / name).write_bytes(b"gtcrn")
    store.add("two", "sherpa", folder)
    usable, reason = SherpaEngine.available()
    assert not usable
    assert "2 files" in reason

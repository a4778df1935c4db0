from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.audio import checkpoint
from myna.audio.checkpoint import BadCheckpoint, read_checkpoint

NUMBERS = np.arange(12, dtype=np.float32)


class Named:
    """Pickled as a reference to a name that only the real library has."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Storage:
    def __init__(self, key: str, kind: str = "FloatStorage") -> None:
        self.key, self.kind = key, kind


class Tensor:
    def __init__(self, key: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], kind: str) -> None:
        self.arguments = (Storage(key, kind), offset, shape, stride, False, {})


class Writer(pickle._Pickler):
    """Writes what torch.save of PyTorch 1.0 wrote."""

    def persistent_id(self, thing: Any) -> Any:
        if isinstance(thing, Storage):
            return ("storage", Named("torch", thing.kind), thing.key, "cpu", 12, None)
        return None

    def save(self, thing: Any, save_persistent_id: bool = True) -> None:
        if isinstance(thing, Named):
            self.write(pickle.GLOBAL + f"{thing.module}\n{thing.name}\n".encode())
        elif isinstance(thing, Tensor):
            self.save(Named("torch._utils", "_rebuild_tensor_v2"))
            self.save(thing.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(thing, save_persistent_id)


def written(path: Path, entries: Any, *, magic: int = checkpoint._MAGIC, keys: tuple[str, ...] = ("7", "9")) -> Path:
    file = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True}, entries, list(keys)):
        Writer(file, 2).dump(part)
    for number, _ in enumerate(keys):
        file.write(len(NUMBERS).to_bytes(8, "little") + (NUMBERS + 100 * number).tobytes())
    path.write_bytes(file.getvalue())
    return path


def tensor(
    offset: int = 4, shape: tuple[int, ...] = (2, 3), *, stride: Any = None, kind: str = "FloatStorage"
) -> Tensor:
    return Tensor("9", offset, shape, stride or (3, 1), kind)


def test_the_tensors_of_one_entry_are_read(tmp_path: Path):
    path = written(tmp_path / "c.pt", {"step": 1, "model_state": {"weight": tensor()}, "rest": {}})
    (read,) = read_checkpoint(path, "model_state").items()
    assert read[0] == "weight"
    np.testing.assert_array_equal(read[1], NUMBERS[4:10].reshape(2, 3) + 100)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path):
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path}/ran",)

    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Evil(), 2))
    with pytest.raises(BadCheckpoint, match="system"):
        read_checkpoint(path, "model_state")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"model_state": {"weight": tensor(stride=(1, 2))}}, "plain order"),
        ({"model_state": {"weight": tensor(kind="HalfStorage")}}, "HalfStorage"),
        ({"model_state": {"weight": tensor(offset=10)}}, "cannot be read"),
        ({"other": {}}, "model_state"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, entries: Any, message: str):
    with pytest.raises(BadCheckpoint, match=message):
        read_checkpoint(written(tmp_path / "c.pt", entries), "model_state")


def test_other_files_are_refused(tmp_path: Path):
    with pytest.raises(BadCheckpoint):
        read_checkpoint(tmp_path / "missing.pt", "model_state")
    with pytest.raises(BadCheckpoint, match="known kind"):
        read_checkpoint(written(tmp_path / "magic.pt", {}, magic=5), "model_state")
    whole = written(tmp_path / "c.pt", {"model_state": {"weight": tensor()}}).read_bytes()
    for length in (0, 1, 20, len(whole) // 2, len(whole) - 8):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        with pytest.raises(BadCheckpoint):
            read_checkpoint(tmp_path / "cut.pt", "model_state")

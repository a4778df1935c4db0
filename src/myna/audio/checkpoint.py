"""Read the tensors of a PyTorch checkpoint without PyTorch, and without running anything that is in it.

The format is the one before version 1.6: pickles one after the other (a magic number, the version of the protocol, the
machine, the object, the keys of its storages), then for each storage its length as int64 and its numbers as they are.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from myna.errors import MynaError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
Weights = dict[str, NDArray[np.float32]]


class BadCheckpoint(MynaError):
    """This file does not hold the tensors that it should."""

    code = "bad_checkpoint"


@dataclass(frozen=True, slots=True)
class _Tensor:
    """Where a tensor lies: in which storage, from which number on."""

    storage: str
    offset: int
    shape: tuple[int, ...]


class _Storage:
    """Stands for `torch.FloatStorage`."""


def _tensor(storage: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Tensor:
    """Stands for `torch._utils._rebuild_tensor_v2`."""
    plain = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    if stride != plain:
        raise BadCheckpoint("A tensor of this checkpoint is not stored in plain order.")
    return _Tensor(storage, offset, shape)


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "FloatStorage"): _Storage,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
}


class _Reader(pickle.Unpickler):
    """Knows three names and refuses all others, so that a checkpoint cannot run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise BadCheckpoint(f"This checkpoint asks for `{module}.{name}`, which has no place in it.")
        return _KNOWN[module, name]

    def persistent_load(self, reference: Any) -> str:
        kind, storage_type, key, *_ = reference
        if kind != "storage" or storage_type is not _Storage:
            raise BadCheckpoint("This checkpoint holds other things than 32-bit floats.")
        return str(key)


def read_checkpoint(path: Path, entry: str) -> Weights:
    """The tensors under `entry` of the checkpoint, by name. Raises `BadCheckpoint`."""
    try:
        with path.open("rb") as file:
            return _read(file, entry)
    except (OSError, pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BadCheckpoint(f"The checkpoint {path.name} cannot be read: {error}") from error


def _read(file: IO[bytes], entry: str) -> Weights:
    magic, protocol, machine = (_Reader(file).load() for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL or not machine["little_endian"]:
        raise BadCheckpoint("This is not a PyTorch checkpoint of the known kind.")
    tensors: dict[str, _Tensor] = _Reader(file).load()[entry]
    storages = _storages(file, _Reader(file).load(), {tensor.storage for tensor in tensors.values()})
    return {name: _numbers(storages[tensor.storage], tensor) for name, tensor in tensors.items()}


def _storages(file: IO[bytes], keys: list[str], wanted: set[str]) -> dict[str, NDArray[np.float32]]:
    found = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        if key in wanted:
            found[key] = np.frombuffer(file.read(4 * count), "<f4", count).astype(np.float32)
        else:
            file.seek(4 * count, 1)
    return found


def _numbers(storage: NDArray[np.float32], tensor: _Tensor) -> NDArray[np.float32]:
    count = int(np.prod(tensor.shape))
    return storage[tensor.offset : tensor.offset + count].reshape(tensor.shape).copy()

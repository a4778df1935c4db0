"""Which files demucs is made of, and which are refused before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from myna.engines import demucs, needs
from myna.engines.demucs import DemucsEngine
from myna.errors import EngineUnavailable
from myna.models.store import ModelStore

FACTS = {"sources": ["noise", "vocals"], "audio_channels": 2, "samplerate": 32_000, "segment": 4}
TOLD = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(FACTS)}


def weights(folder: Path, told: dict[str, Any] | None) -> Path:
    """A safetensors file without tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"__metadata__": told} if told is not None else {}).encode()
    path = folder / "made.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    return path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    made = ModelStore(tmp_path / "store")
    monkeypatch.setenv("MYNA_MODELS_DIR", str(made.folder))
    monkeypatch.setattr(needs, "find_spec", lambda _: True)
    return made


@pytest.mark.parametrize(
    "told",
    [
        None,
        {**TOLD, "klass": "os.system", "args": '["true"]'},
        {**TOLD, "klass": "demucs.htdemucs.Other"},
        {**TOLD, "structure": "{}"},
        {**TOLD, "kwargs": "no JSON"},
        {**TOLD, "kwargs": json.dumps({**FACTS, "sources": ["drums", "bass"]})},
        {**TOLD, "kwargs": json.dumps({**FACTS, "audio_channels": 1})},
    ],
)
def test_nothing_but_a_stereo_network_of_demucs_with_voices_is_taken(
    told: dict[str, Any] | None, store: ModelStore, tmp_path: Path
) -> None:
    store.add("mine", "demucs", weights(tmp_path / "made", told).parent)
    usable, reason = DemucsEngine.available()
    assert not usable
    assert "made.safetensors" in reason


@pytest.mark.parametrize("data", [b"", b"\x80\x02}q\x00.", b"\xff" * 8 + b"{}", b"\x02" + b"\0" * 7 + b"[]"])
def test_other_files_are_no_models(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(data)
    with pytest.raises(EngineUnavailable, match="no model of demucs"):
        demucs._check(path)


def test_one_that_was_brought_is_described_as_it_is(store: ModelStore, tmp_path: Path) -> None:
    store.add("mine", "demucs", weights(tmp_path / "made", TOLD).parent)
    assert DemucsEngine.available() == (True, "")
    able = DemucsEngine.describe()
    assert (able.stems, able.speech, able.sample_rate) == (("noise", "vocals"), "vocals", 32_000)
    assert able.block_seconds == pytest.approx(3.0)


def test_a_segment_may_be_a_fraction(store: ModelStore, tmp_path: Path) -> None:
    fraction = {"_type": "fraction", "numerator": 39, "denominator": 5}
    told = {**TOLD, "kwargs": json.dumps({**FACTS, "segment": fraction})}
    store.add("mine", "demucs", weights(tmp_path / "made", told).parent)
    assert DemucsEngine.describe().block_seconds == pytest.approx(0.75 * 7.8)


def test_a_bag_of_networks_is_refused(store: ModelStore, tmp_path: Path) -> None:
    folder = weights(tmp_path / "made", TOLD).parent
    (folder / "second.safetensors").write_bytes((folder / "made.safetensors").read_bytes())
    store.add("bag", "demucs", folder)
    usable, reason = DemucsEngine.available()
    assert not usable
    assert "2 files" in reason


def test_what_is_missing_has_the_command_that_brings_it(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "myna models pull demucs" in DemucsEngine.available()[1]
    monkeypatch.setattr(needs, "find_spec", lambda _: None)
    assert "myna engines install demucs" in DemucsEngine.available()[1]
    assert DemucsEngine.describe().stems == ("drums", "bass", "other", "vocals")

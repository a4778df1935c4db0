"""What lies in the store is whole, or it is no model."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from myna.errors import EngineUnavailable, InvalidRequest, NotFound, StorageFull
from myna.models.store import MANIFEST, ModelStore, missing_files
from tests.fixtures.hub import sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "weights.onnx").write_bytes(b"weights")
    (made / "deep" / "config.json").write_bytes(b"{}")
    (made / ".cache").mkdir()
    (made / ".cache" / "rubbish").write_bytes(b"rubbish")
    return made


def test_an_added_folder_is_a_model(store: ModelStore, folder: Path) -> None:
    added = store.add("tiny", "kokoro", folder, licence="MIT", revision="1")
    assert store.find("tiny") == store.require("tiny") == added == store.folder / "tiny"
    (model,) = store.installed("kokoro")
    assert (model.name, model.size_bytes, model.manifest.licence, model.manifest.revision) == ("tiny", 9, "MIT", "1")
    assert model.manifest.imported_from == str(folder)
    assert {path: known.sha256 for path, known in model.manifest.files.items()} == {
        "deep/config.json": sha256(b"{}"),
        "weights.onnx": sha256(b"weights"),
    }


def test_a_single_file_may_be_a_model(store: ModelStore, folder: Path) -> None:
    store.add("one", "sherpa", folder / "weights.onnx")
    assert [path.name for path in (store.folder / "one").iterdir() if path.name != MANIFEST] == ["weights.onnx"]


def test_models_of_an_engine_are_told_apart(store: ModelStore, folder: Path) -> None:
    for name, engine in (("b", "piper"), ("a", "piper"), ("c", "kokoro")):
        store.add(name, engine, folder)
    assert [model.name for model in store.installed("piper")] == ["a", "b"]
    assert [model.name for model in store.installed()] == ["a", "b", "c"]
    assert store.installed("whisper") == ()


def test_a_second_model_of_the_name_takes_the_place_of_the_first(store: ModelStore, folder: Path) -> None:
    store.add("tiny", "kokoro", folder)
    store.add("tiny", "kokoro", folder / "deep")
    found = store.look("tiny")
    assert found
    assert list(found.manifest.files) == ["config.json"]
    assert [path.name for path in store.folder.iterdir()] == ["tiny"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", ".hidden", "-x", "x" * 65])
def test_names_that_are_no_folders_are_refused(store: ModelStore, folder: Path, name: str) -> None:
    with pytest.raises(InvalidRequest):
        store.add(name, "kokoro", folder)
    assert store.find(name) is None


def test_a_model_that_is_not_here_says_how_it_comes(store: ModelStore) -> None:
    assert store.find("kokoro") is None
    with pytest.raises(EngineUnavailable, match=r"`myna models pull kokoro` brings it \(354 MB\)"):
        store.require("kokoro")
    with pytest.raises(EngineUnavailable, match="myna models import PATH --name ours"):
        store.require("ours")


def test_a_file_that_is_gone_makes_it_no_model(store: ModelStore, folder: Path) -> None:
    (store.add("tiny", "kokoro", folder) / "weights.onnx").unlink()
    assert store.find("tiny") is None
    assert store.installed() == ()
    with pytest.raises(EngineUnavailable, match=r"has lost `weights\.onnx`"):
        store.require("tiny")
    found = store.look("tiny")
    assert found
    assert missing_files(found) == ["weights.onnx"]
    assert store.verify("tiny") == {"weights.onnx": "is gone or has another size"}


def test_a_changed_file_is_found_by_reading(store: ModelStore, folder: Path) -> None:
    (store.add("tiny", "kokoro", folder) / "weights.onnx").write_bytes(b"weighty")
    assert store.find("tiny") is not None
    assert store.verify("tiny") == {"weights.onnx": "is not what it was"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {}, "other": 1}', '{"name": "tiny", "files": {"a": 1}}'])
def test_a_damaged_manifest_spoils_one_model_only(store: ModelStore, folder: Path, text: str) -> None:
    store.add("good", "kokoro", folder)
    (store.add("tiny", "kokoro", folder) / MANIFEST).write_text(text)
    assert [model.name for model in store.installed()] == ["good"]
    assert store.names() == ["good", "tiny"]
    with pytest.raises(EngineUnavailable, match="manifest of the model `tiny` cannot be read"):
        store.require("tiny")


def test_what_is_on_its_way_is_no_model(store: ModelStore, folder: Path) -> None:
    coming = store.prepare("tiny")
    (coming / "weights.onnx").write_bytes(b"weights")
    (coming / MANIFEST).write_text(json.dumps({"name": "tiny", "engine": "kokoro", "files": {}}))
    assert store.find("tiny") is None
    assert store.installed() == ()


def test_what_is_removed_is_gone(store: ModelStore, folder: Path) -> None:
    store.add("tiny", "kokoro", folder)
    assert store.remove("tiny") == 9
    assert not list(store.folder.iterdir())
    for call in (store.remove, store.verify):
        with pytest.raises(NotFound, match="`tiny` is not here"):
            call("tiny")


def test_what_a_pull_left_goes_too_and_other_folders_stay(store: ModelStore, folder: Path) -> None:
    (store.prepare("tiny") / "weights.onnx.part").write_bytes(b"half")
    assert store.remove("tiny") == 4
    (store.folder / "mine").mkdir()
    with pytest.raises(NotFound):
        store.remove("mine")
    assert [path.name for path in store.folder.iterdir()] == ["mine"]


def test_a_model_whose_manifest_is_damaged_is_found_and_can_go(store: ModelStore, folder: Path) -> None:
    (store.add("tiny", "kokoro", folder) / MANIFEST).write_text("{")
    assert store.verify("tiny") == {MANIFEST: "cannot be read"}
    assert store.remove("tiny") == 9


def test_a_file_that_did_not_come_with_it_is_seen(store: ModelStore, folder: Path) -> None:
    added = store.add("tiny", "kokoro", folder)
    (added / "deep" / "more.onnx").write_bytes(b"x")
    (added / ".DS_Store").write_bytes(b"of a file browser")
    assert store.verify("tiny") == {"deep/more.onnx": "did not come with it"}


def test_links_are_followed(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    """As in the caches of the hub's own tools."""
    (tmp_path / "blob").write_bytes(b"blob")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "a.bin").write_bytes(b"a")
    (folder / "linked.bin").symlink_to("../blob")
    (folder / "voices").symlink_to(tmp_path / "blobs")
    added = store.add("tiny", "kokoro", folder)
    assert (added / "linked.bin").read_bytes() == b"blob"
    assert not (added / "linked.bin").is_symlink()
    assert (added / "voices" / "a.bin").read_bytes() == b"a"
    assert not (added / "voices").is_symlink()


def test_what_cannot_be_copied_is_named_and_nothing_stays(store: ModelStore, folder: Path) -> None:
    for name, make, words in (
        ("nowhere", lambda path: path.symlink_to("gone"), "`deep/nowhere` is a link that leads nowhere"),
        ("circle", lambda path: path.symlink_to(folder), "`deep/circle` is a link to a folder that it is in"),
        ("pipe", os.mkfifo, "`deep/pipe` is neither a file nor a folder"),
    ):
        make(folder / "deep" / name)
        with pytest.raises(InvalidRequest, match=words):
            store.add("tiny", "kokoro", folder)
        (folder / "deep" / name).unlink()
    assert list(store.folder.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_disk_is_said(store: ModelStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy goes to Linux's device that is always full."""
    copy = shutil.copyfile
    monkeypatch.setattr("shutil.copyfile", lambda source, target: copy(source, "/dev/full"))
    with pytest.raises(StorageFull, match=f"The disk with `{store.folder}` is full"):
        store.add("tiny", "kokoro", folder)
    assert list(store.folder.iterdir()) == []


def test_the_store_of_this_machine_is_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYNA_MODELS_DIR", raising=False)
    monkeypatch.setenv("MYNA_DATA_DIR", str(tmp_path))
    assert ModelStore.here().folder == tmp_path / "models"
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "elsewhere"))
    assert ModelStore.here().folder == tmp_path / "elsewhere"

"""What comes from this machine's disk: recognised, checked, never a pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from myna.errors import Forbidden, InvalidRequest, NotFound, Unsupported
from myna.models.forms import find_pickles, forbids_commerce, guess_engine
from myna.models.importing import Wishes, import_model
from myna.models.store import ModelStore
from tests.fixtures.hub import ModelHub

PICKLE = b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01."


def safetensors(metadata: dict[str, str]) -> bytes:
    head = json.dumps({"__metadata__": metadata}).encode()
    return len(head).to_bytes(8, "little") + head


def piper(folder: Path) -> None:
    (folder / "en_US-tiny-medium.onnx").write_bytes(b"\x08\x08graph")
    (folder / "en_US-tiny-medium.onnx.json").write_text('{"phoneme_id_map": {}}')


def kokoro(folder: Path) -> None:
    (folder / "kokoro.onnx").write_bytes(b"\x08\x08graph")
    with (folder / "voices.bin").open("wb") as file:
        np.savez(file, af=np.zeros(3, np.float32))


def whisper(folder: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_bytes(b"{}")


def argos(folder: Path) -> None:
    (folder / "model").mkdir()
    for name in ("model/model.bin", "sentencepiece.model", "metadata.json"):
        (folder / name).write_bytes(b"{}")


def opus(folder: Path) -> None:
    for name in ("model.bin", "source.spm", "target.spm", "shared_vocabulary.txt"):
        (folder / name).write_bytes(b"{}")


def chatterbox(folder: Path) -> None:
    for name in ("t3_mtl23ls_v2.safetensors", "s3gen.safetensors", "ve.safetensors"):
        (folder / name).write_bytes(safetensors({}))


def qwen(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen3_tts"}')
    (folder / "model.safetensors").write_bytes(safetensors({}))


def demucs(folder: Path) -> None:
    (folder / "955717e8.safetensors").write_bytes(safetensors({"klass": "demucs.htdemucs.HTDemucs"}))


def pocket(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(safetensors({}))
    (folder / "tokenizer.json").write_text("{}")


def denoiser(folder: Path) -> None:
    (folder / "clean.onnx").write_bytes(b"\x08\x08graph" + b"model_type\x12\x05gtcrn")


FORMS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "piper": ("piper", piper),
    "kokoro": ("kokoro", kokoro),
    "whisper": ("whisper", whisper),
    "argos": ("ctranslate", argos),
    "opus": ("ctranslate", opus),
    "chatterbox": ("chatterbox", chatterbox),
    "qwen": ("qwen-tts", qwen),
    "demucs": ("demucs", demucs),
    "pocket": ("pocket", pocket),
    "denoiser": ("sherpa", denoiser),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "My Model"
    made.mkdir()
    return made


@pytest.mark.parametrize("form", FORMS)
def test_the_engine_is_seen_in_the_files(store: ModelStore, folder: Path, form: str) -> None:
    engine, make = FORMS[form]
    make(folder)
    assert guess_engine(folder) == engine
    assert find_pickles(folder) == []
    model = import_model(folder, store)
    assert (model.name, model.manifest.engine) == ("my-model", engine)
    assert store.verify("my-model") == {}


def checkpoint(name: str) -> ModuleType:
    return pytest.importorskip(f"tests.fixtures.checkpoints.{name}", reason=f"the library of {name} is not installed")


@pytest.mark.parametrize(
    ("module", "options", "engine"),
    [
        ("kokoro", {}, "kokoro"),
        ("kokoro", {"raw_voices": True}, "kokoro"),
        ("piper", {}, "piper"),
        ("whisper", {}, "whisper"),
        ("translation", {}, "ctranslate"),
    ],
)
def test_real_files_are_known_and_are_no_pickles(
    store: ModelStore, folder: Path, module: str, options: dict[str, Any], engine: str
) -> None:
    """Written by the libraries themselves, as the engines' own tests use them."""
    checkpoint(module).build(folder, **options)
    assert import_model(folder, store).manifest.engine == engine


def test_files_of_no_engine_want_its_name(store: ModelStore, folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    with pytest.raises(Unsupported, match="--engine NAME"):
        import_model(folder, store)
    assert import_model(folder, store, Wishes(engine="piper")).manifest.engine == "piper"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.th", b"anything"),
        ("ve.pt", b"anything"),
        ("pytorch_model.bin", PICKLE),
        ("model.safetensors", PICKLE),
        ("deep/weights.dat", PICKLE),
    ],
)
def test_pickles_are_refused_whatever_they_are_called(store: ModelStore, folder: Path, name: str, data: bytes) -> None:
    piper(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    with pytest.raises(Unsupported, match=f"`{name}` is a pickle"):
        import_model(folder, store)
    assert store.installed() == ()


def test_a_checkpoint_of_pytorch_is_a_zip_with_a_pickle(store: ModelStore, folder: Path) -> None:
    piper(folder)
    with zipfile.ZipFile(folder / "weights.bin", "w") as archive:
        archive.writestr("archive/data.pkl", PICKLE)
    with pytest.raises(Unsupported, match="is a pickle"):
        import_model(folder, store)


def test_pickles_behind_a_link_are_seen(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    piper(folder)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "weights.bin").write_bytes(PICKLE)
    (folder / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unsupported, match=r"`deep/weights\.bin` is a pickle"):
        import_model(folder, store)


def test_hidden_files_stay_behind_whatever_they_are(store: ModelStore, folder: Path) -> None:
    piper(folder)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "old.pt").write_bytes(PICKLE)
    assert len(import_model(folder, store).manifest.files) == 2


def test_a_broken_archive_is_no_pickle(store: ModelStore, folder: Path) -> None:
    """It is for its engine to say that it is broken."""
    kokoro(folder)
    data = (folder / "voices.bin").read_bytes()
    (folder / "voices.bin").write_bytes(data.replace(b"PK\x01\x02", b"PK\x09\x09"))
    assert find_pickles(folder) == []


@pytest.mark.parametrize("name", ["../escape", "/tmp/x", "A b", ".hidden", "a" * 65])
def test_a_name_stays_within_the_store(store: ModelStore, folder: Path, name: str) -> None:
    piper(folder)
    with pytest.raises(InvalidRequest, match=r"is no name for a model.*--name"):
        import_model(folder, store, Wishes(name=name))
    assert list(store.folder.rglob("*")) == []
    assert not (store.folder.parent / "escape").exists()


def test_an_engine_that_nobody_has_is_not_believed(store: ModelStore, folder: Path) -> None:
    piper(folder)
    with pytest.raises(NotFound, match=r"no engine `pipr`\. Did you mean `piper`"):
        import_model(folder, store, Wishes(engine="pipr"))
    with pytest.raises(NotFound, match=r"There are .*whisper"):
        import_model(folder, store, Wishes(engine="zzz"))


def test_an_engine_that_these_files_are_not_for_is_not_believed(store: ModelStore, folder: Path) -> None:
    piper(folder)
    with pytest.raises(InvalidRequest, match="those of `piper`, not of `whisper`"):
        import_model(folder, store, Wishes(engine="whisper"))
    assert store.installed() == ()


def test_a_folder_without_files_is_no_model(store: ModelStore, folder: Path) -> None:
    (folder / ".hidden").write_text("x")
    with pytest.raises(InvalidRequest, match="There are no files"):
        import_model(folder, store, Wishes(engine="piper"))


def test_what_is_no_file_is_not_opened(store: ModelStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="neither a file nor a folder"):
        import_model(tmp_path / "pipe", store)


def test_a_voice_of_piper_may_be_named_by_its_first_file(store: ModelStore, folder: Path) -> None:
    piper(folder)
    model = import_model(folder / "en_US-tiny-medium.onnx", store)
    assert model.name == "en_us-tiny-medium"
    assert set(model.manifest.files) == {"en_US-tiny-medium.onnx", "en_US-tiny-medium.onnx.json"}


def test_an_archive_of_argos_is_unpacked(store: ModelStore, tmp_path: Path) -> None:
    packed = tmp_path / "translate-en_es-1_0.argosmodel"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("metadata.json", "sentencepiece.model", "model/model.bin", "stanza/ancora.pt"):
            archive.writestr(f"en_es/{name}", "{}")
    model = import_model(packed, store, Wishes(name="en-es"))
    assert model.manifest.engine == "ctranslate"
    assert set(model.manifest.files) == {"metadata.json", "sentencepiece.model", "model/model.bin"}


@pytest.mark.parametrize(
    ("card", "refused"),
    [("license: cc-by-nc-4.0", True), ("licence: 'CPML'", True), ("license: apache-2.0", False), ("", False)],
)
def test_the_model_card_is_believed(store: ModelStore, folder: Path, card: str, refused: bool) -> None:
    piper(folder)
    (folder / "README.md").write_text(f"---\n{card}\n---\n# A voice\n")
    if refused:
        with pytest.raises(Forbidden, match="--allow-non-commercial"):
            import_model(folder, store)
    model = import_model(folder, store, Wishes(allow_non_commercial=True))
    assert model.manifest.commercial is not refused


def test_what_is_said_of_the_licence_counts_more(store: ModelStore, folder: Path) -> None:
    piper(folder)
    assert import_model(folder, store, Wishes(licence="MIT")).manifest.licence == "MIT"
    with pytest.raises(Forbidden):
        import_model(folder, store, Wishes(licence="for research only"))


@pytest.mark.parametrize("licence", ["CC-BY-NC-SA-4.0", "cc_by_nc_4.0", "Non-Commercial", "research", "CPML"])
def test_licences_against_commerce_are_known_by_their_names(licence: str) -> None:
    assert forbids_commerce(licence)


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0", "CC-BY-SA-4.0", "public domain", "Unlicense", "NCSA-free"])
def test_other_licences_are_not(licence: str) -> None:
    assert not forbids_commerce(licence)


class TestTheFilesOfTheCatalogue:
    """Fetched on another machine, as an offline refusal asks for."""

    @pytest.fixture
    def brought(self, hub: ModelHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        hub.files = {"voices/a.safetensors": safetensors({}), "weights.onnx": b"\x08\x08graph"}
        monkeypatch.setenv("MYNA_MODELS_FILE", str(hub.catalogue(tmp_path / "models.json")))
        brought = tmp_path / "brought"
        brought.mkdir()
        for path, data in hub.files.items():
            (brought / Path(path).name).write_bytes(data)
        return brought

    def test_are_checked_and_put_in_their_places(self, store: ModelStore, brought: Path, hub: ModelHub) -> None:
        (brought / "other.txt").write_text("not of the model")
        model = import_model(brought, store, Wishes(name="tiny"))
        assert set(model.manifest.files) == set(hub.files)
        assert (model.manifest.engine, model.manifest.licence) == ("kokoro", "Apache-2.0")
        assert model.manifest.imported_from == str(brought)
        assert hub.asked == []

    def test_must_all_be_there(self, store: ModelStore, brought: Path) -> None:
        (brought / "a.safetensors").unlink()
        with pytest.raises(InvalidRequest, match=r"needs `voices/a\.safetensors`"):
            import_model(brought, store, Wishes(name="tiny"))

    def test_of_the_same_name_are_not_mistaken_for_each_other(
        self, store: ModelStore, hub: ModelHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.files = {"config.json": b"{}", "tokenizer/config.json": b"[]"}
        monkeypatch.setenv("MYNA_MODELS_FILE", str(hub.catalogue(tmp_path / "twice.json", hub.entry(pinned=False))))
        (tmp_path / "flat").mkdir()
        (tmp_path / "flat" / "config.json").write_bytes(b"{}")
        with pytest.raises(InvalidRequest, match=r"needs `tokenizer/config\.json`"):
            import_model(tmp_path / "flat", store, Wishes(name="tiny"))

    def test_are_for_their_engine(self, store: ModelStore, brought: Path) -> None:
        with pytest.raises(InvalidRequest, match="those of `kokoro`, not of `piper`"):
            import_model(brought, store, Wishes(name="tiny", engine="piper"))

    def test_must_be_the_right_ones(self, store: ModelStore, brought: Path) -> None:
        (brought / "weights.onnx").write_bytes(b"\x08\x08other")
        with pytest.raises(InvalidRequest, match="its checksum differs"):
            import_model(brought, store, Wishes(name="tiny"))
        assert store.installed() == ()


def test_a_path_that_is_not_there_is_named(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no"):
        import_model(tmp_path / "nothing", store)

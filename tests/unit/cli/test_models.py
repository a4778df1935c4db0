"""`myna models`, and what `myna doctor` says of models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from myna.kit.installing import install_extra
from myna.models.features import Feature
from myna.models.store import ModelStore
from tests.fixtures.hub import COMMIT, ModelHub, serving_models, sha256
from tests.unit.cli.conftest import CommandLine


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    """A hub with two models: `tiny`, and `guarded`, which is not for commerce."""
    with serving_models() as hub:
        hub.files = {"weights.onnx": b"w" * 100_000, "config.json": b"{}"}
        guarded = hub.entry("guarded", commercial=False, licence_weights="CC-BY-NC-4.0", notice="Mind the licence.")
        unsure = hub.entry("unsure", pinned=False, languages=["pt-BR", "en>es"], needs=["kokoro", "gpu"])
        monkeypatch.setenv("MYNA_MODELS_FILE", str(hub.catalogue(tmp_path / "m.json", hub.entry(), guarded, unsure)))
        monkeypatch.setenv("MYNA_HUB_URL", hub.url)
        monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "models"))
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def listed(myna: CommandLine, *options: str) -> dict[str, Any]:
    return {row["name"]: row for row in myna("models", "list", "--json", *options).json}


class TestList:
    def test_says_what_each_gives_and_costs(self, myna: CommandLine, hub: ModelHub) -> None:
        row = listed(myna)["kokoro"]
        assert row["engine"] == "kokoro"
        assert (row["size"], row["size_bytes"] // 1_000_000, row["commercial"]) == ("354 MB", 353, True)
        assert row["licence"] == "Apache-2.0"
        assert "GPL" in row["code"]
        assert "pt-BR" in row["languages"]
        assert row["needs"] == "myna[kokoro]"
        assert row["checksum"] == "pinned"
        assert row["here"] == "no"

    def test_says_which_checksums_are_only_recorded(self, myna: CommandLine, hub: ModelHub) -> None:
        assert listed(myna)["unsure"]["checksum"] == "recorded at first pull"

    def test_marks_what_is_not_for_commerce(self, myna: CommandLine, hub: ModelHub) -> None:
        assert listed(myna)["guarded"]["licence"] == "CC-BY-NC-4.0 (not for commerce)"

    def test_finds_by_engine_and_language(self, myna: CommandLine, hub: ModelHub) -> None:
        assert {row["engine"] for row in listed(myna, "--engine", "whisper").values()} == {"whisper"}
        assert {"unsure", "piper-pt-br-faber"} <= set(listed(myna, "--language", "pt"))
        assert {"unsure", "opus-mt-es-en"} <= set(listed(myna, "--language", "es"))
        assert "whisper-base" in listed(myna, "--language", "es"), "which hears any language"
        assert "tiny" not in listed(myna, "--language", "es")

    def test_shows_what_is_here_also_of_ones_own(self, myna: CommandLine, hub: ModelHub, store: ModelStore) -> None:
        own = store.folder.parent / "own.onnx"
        own.write_bytes(b"x")
        store.add("mine", "sherpa", own)
        myna("models", "pull", "tiny")
        found = listed(myna, "--here")
        assert {name: row["here"] for name, row in found.items()} == {"tiny": "yes", "mine": "yes"}
        (store.folder / "tiny" / "config.json").unlink()
        (store.folder / "mine" / "manifest.json").write_text("{")
        store.prepare("unsure")
        found = listed(myna, "--here")
        assert found["tiny"]["here"] == "damaged"
        assert found["mine"]["here"] == "damaged"
        assert found["unsure"]["here"] == "begun"
        assert myna("models", "remove", "unsure").code == 0
        assert "unsure" not in listed(myna, "--here")

    def test_a_table_names_few_languages(self, myna: CommandLine, hub: ModelHub) -> None:
        lines = {line.split()[0]: line for line in myna("models", "list").lines}
        assert "9 languages" in lines["kokoro"]
        assert " any " in lines["whisper-base"]

    def test_nothing_found_says_where_to_look(self, myna: CommandLine, hub: ModelHub) -> None:
        assert "myna models list" in myna("models", "list", "--engine", "nothing").out


class TestPull:
    def test_brings_models_and_says_their_licences(self, myna: CommandLine, hub: ModelHub, store: ModelStore) -> None:
        ended = myna("models", "pull", "tiny", "unsure")
        assert ended.code == 0, ended.err
        assert [model.name for model in store.installed()] == ["tiny", "unsure"]
        assert "tiny: 100 kB, licence of the weights: Apache-2.0." in ended.lines
        assert f"  in {store.folder / 'tiny'}" in ended.lines
        assert "weights.onnx of 100 kB" in ended.err

    def test_goes_on_after_drops_and_a_wrong_checksum(
        self, myna: CommandLine, hub: ModelHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        hub.drops["weights.onnx"] = [20_000, 40_000]
        hub.spoils["weights.onnx"] = 3
        ended = myna("models", "pull", "tiny")
        assert ended.code == 0, ended.err
        assert ended.err.count("Next try in") == 2
        assert "It is fetched anew." in ended.err
        assert myna("models", "verify", "tiny").code == 0

    def test_offline_ends_with_words_and_1(self, myna: CommandLine, hub: ModelHub) -> None:
        ended = myna("models", "pull", "tiny", "--offline")
        assert ended.code == 1
        assert f"weights.onnx (100 kB, SHA-256 {sha256(hub.files['weights.onnx'])})  from {hub.url}" in ended.err
        assert "myna models import FOLDER --name tiny" in ended.err
        assert hub.asked == []

    def test_a_licence_against_commerce_needs_a_word(self, myna: CommandLine, hub: ModelHub) -> None:
        refused = myna("models", "pull", "guarded")
        assert refused.code == 1
        assert "--allow-non-commercial" in refused.err
        assert "Mind the licence." in refused.out
        assert myna("models", "pull", "guarded", "--allow-non-commercial").code == 0

    def test_a_folder_that_cannot_be_used_is_named(
        self, myna: CommandLine, hub: ModelHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path / "file"))
        ended = myna("models", "pull", "tiny")
        assert (ended.code, hub.asked) == (1, [])
        assert f"Cannot use `{tmp_path / 'file'}`" in ended.err

    def test_an_unknown_name_fetches_nothing(self, myna: CommandLine, hub: ModelHub) -> None:
        ended = myna("models", "pull", "tiny", "tinny")
        assert ended.code == 1
        assert "Did you mean `tiny`" in ended.err
        assert hub.asked == []


def test_show_names_the_files_and_their_checksums(myna: CommandLine, hub: ModelHub) -> None:
    row = myna("models", "show", "guarded", "--json").json
    assert row["licence_of_the_weights"] == "CC-BY-NC-4.0"
    assert row["commercial_use"] is False
    assert row["notice"] == "Mind the licence."
    assert row["files"][0] == {
        "path": "weights.onnx",
        "url": f"{hub.url}/{hub.entry()['source']}/resolve/{COMMIT}/weights.onnx",
        "sha256": sha256(hub.files["weights.onnx"]),
        "size_bytes": 100_000,
        "checksum": "pinned",
    }
    assert myna("models", "show", "unsure", "--json").json["files"][1]["checksum"] == "recorded at first pull"
    assert sha256(hub.files["weights.onnx"]) in myna("models", "show", "guarded").out
    assert "checksum: recorded at first pull" in myna("models", "show", "unsure").out


def test_import_show_verify_and_remove_a_model_of_ones_own(
    myna: CommandLine, hub: ModelHub, store: ModelStore, tmp_path: Path
) -> None:
    (tmp_path / "voice.onnx").write_bytes(b"\x08\x08graph")
    (tmp_path / "voice.onnx.json").write_text('{"phoneme_id_map": {}}')
    ended = myna("models", "import", str(tmp_path / "voice.onnx"), "--name", "our-voice")
    assert ended.code == 0, ended.err
    assert ended.lines == ["`our-voice` for piper: 29 B, licence: not known; look it up before you use it."]
    assert myna("models", "show", "our-voice", "--json").json["came_from"] == str(tmp_path / "voice.onnx")
    assert myna("models", "verify", "--json").json == [{"name": "our-voice", "state": "ok", "details": ""}]
    (store.folder / "our-voice" / "voice.onnx").write_bytes(b"\x08\x08graPh")
    damaged = myna("models", "verify")
    assert damaged.code == 1
    assert "`voice.onnx` is not what it was. `myna models import PATH --name our-voice` brings it." in damaged.out
    (store.folder / "our-voice" / "manifest.json").write_text("{")
    unreadable = myna("models", "verify")
    assert unreadable.code == 1
    assert "`manifest.json` cannot be read" in unreadable.out
    assert myna("models", "remove", "our-voice").lines == ["`our-voice` is gone; 29 B are free."]
    assert myna("models", "verify").out.strip() == "No models are here."
    assert myna("models", "remove", "our-voice").code == 1


def test_an_imported_model_that_is_not_for_commerce_is_marked(myna: CommandLine, hub: ModelHub, tmp_path: Path) -> None:
    (tmp_path / "voice.onnx").write_bytes(b"\x08\x08graph")
    (tmp_path / "voice.onnx.json").write_text('{"phoneme_id_map": {}}')
    order = ("models", "import", str(tmp_path / "voice.onnx"), "--name", "theirs", "--licence", "CC-BY-NC-4.0")
    assert "--allow-non-commercial" in myna(*order).err
    assert myna(*order, "--allow-non-commercial").code == 0
    [listed] = myna("models", "list", "--here", "--json").json
    assert (listed["licence"], listed["commercial"]) == ("CC-BY-NC-4.0 (not for commerce)", False)


def test_import_brings_what_was_fetched_elsewhere(myna: CommandLine, hub: ModelHub, tmp_path: Path) -> None:
    brought = tmp_path / "brought"
    brought.mkdir()
    for name, data in hub.files.items():
        (brought / name).write_bytes(data)
    assert myna("models", "import", str(brought), "--name", "tiny").code == 0
    assert listed(myna)["tiny"]["here"] == "yes"
    assert myna("models", "pull", "tiny").code == 0
    assert hub.asked == []


def test_import_refuses_pickles(myna: CommandLine, hub: ModelHub, tmp_path: Path) -> None:
    (tmp_path / "htdemucs.th").write_bytes(b"\x80\x02.")
    ended = myna("models", "import", str(tmp_path / "htdemucs.th"), "--engine", "demucs")
    assert ended.code == 1
    assert "`htdemucs.th` is a pickle" in ended.err


class TestDoctor:
    @pytest.fixture(autouse=True)
    def quick_engines(self, myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
        """It tries every engine; these answer at once."""
        monkeypatch.setenv("MYNA_ENGINES", "fake,fake-recognition,fake-translation,fake-separation,fake-denoising")

    def rows(self, myna: CommandLine) -> dict[str, dict[str, str]]:
        return {row["part"]: row for row in myna("doctor", "--json").json}

    def test_names_the_command_for_each_feature(
        self, myna: CommandLine, hub: ModelHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("myna.models.features._is_installed", lambda package: False)
        rows = self.rows(myna)
        assert rows["natural speech"]["state"] == "absent"
        assert f"{install_extra('kokoro')} && myna models pull kokoro  (354 MB)" in rows["natural speech"]["details"]
        assert "myna models pull whisper-base" in rows["recognition of many languages"]["details"]

    def test_names_the_model_that_gives_it_and_the_one_that_is_damaged(
        self, myna: CommandLine, hub: ModelHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("myna.models.features._is_installed", lambda package: True)
        myna("models", "pull", "tiny", "unsure")
        (store.folder / "unsure" / "config.json").write_bytes(b"")
        shutil.copytree(store.folder / "tiny", store.folder / "mine")
        manifest = store.folder / "mine" / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"tiny"', '"mine"').replace('"kokoro"', '"fake"'))
        natural = Feature("natural speech", ("kokoro", "fake"))
        monkeypatch.setattr("myna.models.features.FEATURES", (natural, Feature("other speech", ("kokoro",))))
        rows = self.rows(myna)
        assert rows["natural speech"] == {"part": "natural speech", "state": "ok", "details": "by mine"}
        assert rows["other speech"]["state"] == "absent"
        assert "`tiny` is here, but MYNA_ENGINES does not name its engine `kokoro`" in rows["other speech"]["details"]
        assert rows["model tiny"]["state"] == "ok"
        assert rows["model unsure"]["state"] == "broken"
        assert "`config.json`" in rows["model unsure"]["details"]
        assert "myna models pull unsure" in rows["model unsure"]["details"]

    def test_a_model_without_its_library_is_not_enough(
        self, myna: CommandLine, hub: ModelHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("myna.models.features._is_installed", lambda package: False)
        ended = myna("models", "pull", "unsure")
        assert install_extra("kokoro") in ended.out
        details = self.rows(myna)["natural speech"]["details"]
        assert details.endswith(f": {install_extra('kokoro')}")

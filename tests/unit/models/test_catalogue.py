"""The catalogue that ships: every entry can be pulled, and says what it should say."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from myna.errors import NotFound, StartupError
from myna.models.catalogue import in_words, known, load, named
from myna.models.features import HEAVY
from myna.models.forms import forbids_commerce
from myna.models.hub import Hub
from myna.models.schemas import Model, ModelFile

MODELS = list(load().values())
HUB = Hub("https://hub.example")
EXTRAS = set(metadata.metadata("myna").get_all("Provides-Extra") or ())
PICKLES = (".pt", ".pth", ".th", ".ckpt", ".pkl")


def entry(**changes: Any) -> dict[str, Any]:
    return json.loads(load()["gtcrn"].model_dump_json()) | changes


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_entry_is_sound(model: Model) -> None:
    urls = [HUB.source(model, file).url for file in model.files]
    assert all(url.startswith("https://") for url in urls)
    assert len(set(urls)) == len({file.path for file in model.files}) == len(model.files)
    assert not any(file.path.endswith(PICKLES) for file in model.files)
    assert model.description.endswith(".")
    assert set(model.needs) <= EXTRAS | set(HEAVY) | {"gpu"}
    known_bytes = sum(file.size_bytes or 0 for file in model.files)
    assert known_bytes <= model.size_bytes < 8_000_000_000


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_a_licence_forbids_is_not_called_commercial(model: Model) -> None:
    if forbids_commerce(model.licence_weights) or model.licence_weights.startswith("not "):
        assert not model.commercial


@pytest.mark.parametrize("model", [model for model in MODELS if "/" in model.source and "://" not in model.source])
def test_revisions_of_the_hub_are_commits(model: Model) -> None:
    if model.pinned:
        assert re.fullmatch(r"[0-9a-f]{40}", model.revision), model.name
    for file in model.files:
        if file.url.startswith("hf://"):
            assert re.search(r"@[0-9a-f]{40}$", file.url), model.name


def test_what_is_not_on_the_hub_has_its_checksum_pinned() -> None:
    """The hub says its checksums itself; nobody else does."""
    unsure = [f"{model.name}: {file.path}" for model in MODELS for file in model.files if not file.sha256]
    elsewhere = [f"{model.name}: {f.path}" for model in MODELS for f in model.files if f.url.startswith("https://")]
    assert not set(unsure) & set(elsewhere)


def test_every_engine_of_issue_5_has_a_model() -> None:
    engines = {model.engine for model in MODELS}
    assert engines >= {
        "kokoro",
        "piper",
        "pocket",
        "chatterbox",
        "qwen-tts",
        "whisper",
        "ctranslate",
        "demucs",
        "sherpa",
    }
    assert len([model for model in MODELS if model.engine == "piper"]) >= 12


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Up"},
        {"name": "../up"},
        {"kind": "magic"},
        {"files": []},
        {"files": [{"path": "../x", "url": "x"}]},
        {"files": [{"path": "/x", "url": "x"}]},
        {"files": [{"path": "a\\b", "url": "x"}]},
        {"files": [{"path": "x", "url": "x", "sha256": "12"}]},
        {"licence_weights": ""},
        {"surprise": 1},
    ],
    ids=str,
)
def test_entries_of_another_form_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Model.model_validate(entry(**change))


def test_files_say_whether_their_checksum_is_pinned() -> None:
    assert ModelFile(path="a", url="a", sha256="0" * 64).checksum == "pinned"
    assert ModelFile(path="a", url="a").checksum == "recorded at first pull"


def test_operators_may_have_models_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    further = tmp_path / "models.json"
    further.write_text(json.dumps([entry(name="ours"), entry(name="kokoro", description="Another.")]))
    monkeypatch.setenv("MYNA_MODELS_FILE", str(further))
    assert named("ours").engine == "sherpa"
    assert known()["kokoro"].description == "Another."


@pytest.mark.parametrize(("text", "words"), [("{", "cannot be read"), ('[{"name": 1}]', "0.name")])
def test_a_bad_file_of_models_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    further = tmp_path / "models.json"
    further.write_text(text)
    monkeypatch.setenv("MYNA_MODELS_FILE", str(further))
    with pytest.raises(StartupError, match=words):
        known()


def test_a_file_of_models_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_MODELS_FILE", str(tmp_path / "gone.json"))
    with pytest.raises(StartupError, match=r"gone\.json.*MYNA_MODELS_FILE"):
        known()


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(NotFound, match="Did you mean `kokoro`"):
        named("kokor")
    with pytest.raises(NotFound, match="myna models list"):
        named("zzzz")


@pytest.mark.parametrize(
    ("size", "words"), [(12, "12 B"), (80_400, "80 kB"), (63_201_294, "63 MB"), (3_206_000_000, "3.2 GB")]
)
def test_sizes_are_said_as_people_say_them(size: int, words: str) -> None:
    assert in_words(size) == words

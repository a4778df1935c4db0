"""The Whisper models on this machine, and which of them hears a language best."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from myna.engines.whisper.languages import CODES, tag_of
from myna.errors import EngineUnavailable, InvalidRequest, Unsupported
from myna.models.store import InstalledModel, ModelStore, how_to_bring, missing_files
from myna.settings import Settings

ENGINE = "whisper"
_NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer faster-whisper would download one."""
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
ENGLISH = ("en",)


@dataclass(frozen=True, slots=True)
class WhisperModel:
    """A folder in the format of CTranslate2."""

    name: str
    folder: Path
    size_bytes: int
    languages: tuple[str, ...]
    """BCP 47 tags, of `LANGUAGES`."""

    @property
    def multilingual(self) -> bool:
        """Whether it can tell languages apart."""
        return len(self.languages) > 1


def installed_models(settings: Settings | None = None) -> tuple[WhisperModel, ...]:
    """The models that may be used, the best first: the one that the settings name, or all, the largest first.

    Raises `EngineUnavailable`, which says what to do, when there is none.
    """
    settings = settings or Settings()
    store = ModelStore(settings.resolved_models_dir)
    if settings.whisper_model:
        store.require(settings.whisper_model)
    models, broken = [], []
    for found in store.installed(ENGINE):
        if settings.whisper_model in ("", found.name):
            try:
                models.append(_read(found))
            except EngineUnavailable as error:
                broken.append(error)
    if not models:
        raise broken[0] if broken else _none_here(store)
    return tuple(sorted(models, key=lambda model: (-model.size_bytes, model.name)))


def _read(found: InstalledModel) -> WhisperModel:
    """Raises `EngineUnavailable` for one that is not what it should be, which spoils no other one."""
    if lost := missing(found.folder):
        raise EngineUnavailable(f"the model `{found.name}` has no `{lost[0]}`, as Whisper models for CTranslate2 have")
    return WhisperModel(found.name, found.folder, found.size_bytes, languages_of(found.folder))


def best_model(models: Sequence[WhisperModel], language: str | None, wanted: str = "") -> WhisperModel:
    """The first that hears the language (a tag of `LANGUAGES`); for an unknown one, one that can tell languages apart.

    Raises `InvalidRequest` for a model that is not among them, `Unsupported` for a language that they do not hear.
    """
    if wanted and wanted not in {model.name for model in models}:
        raise InvalidRequest(f"The model `{wanted}` is not here. `myna models list` shows what is.", field="model")
    named = [model for model in models if wanted in ("", model.name)]
    if language is None:
        return next((model for model in named if model.multilingual), named[0])
    able = next((model for model in named if language in model.languages), None)
    if able is None:
        names = ", ".join(f"`{model.name}`" for model in named)
        raise Unsupported(f"Whisper ({names}) does not understand `{language}`, only English.", field="language")
    return able


def missing(folder: Path) -> tuple[str, ...]:
    """The files without which a folder is no Whisper model."""
    lost = tuple(name for name in _NEEDED if not (folder / name).is_file())
    return lost if _vocabulary(folder) else (*lost, _VOCABULARIES[0])


def languages_of(folder: Path) -> tuple[str, ...]:
    """What a model understands: English alone, unless its vocabulary has the empty token.

    By that CTranslate2 (4.8) tells multilingual models. Their languages have a token each.
    """
    path = _vocabulary(folder)
    return _languages_in(path, path.stat().st_mtime_ns) if path else ENGLISH


def _vocabulary(folder: Path) -> Path | None:
    return next((folder / name for name in _VOCABULARIES if (folder / name).is_file()), None)


@cache
def _languages_in(path: Path, changed: int) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
        tokens = set(json.loads(text) if path.suffix == ".json" else text.removesuffix("\n").split("\n"))
    except (ValueError, TypeError):
        raise EngineUnavailable(f"The vocabulary {path} of a Whisper model cannot be read.") from None
    known = tuple(tag_of(code) for code in CODES if f"<|{code}|>" in tokens)
    return known if "" in tokens and known else ENGLISH


def _none_here(store: ModelStore) -> EngineUnavailable:
    for found in store.all():
        if found.manifest.engine == ENGINE and (lost := missing_files(found)):
            return EngineUnavailable(f"the model `{found.name}` has lost `{lost[0]}`. {how_to_bring(found.name)}")
    return EngineUnavailable("no Whisper model is here: `myna models pull whisper-small` brings one")

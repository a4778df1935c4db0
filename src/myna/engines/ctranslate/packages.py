"""The translation models on this machine, in the three forms in which they come.

- An Argos package: `metadata.json`, `sentencepiece.model` and a folder `model`.
- Opus-MT: `model.bin`, `source.spm`, `target.spm`; two languages, or one and a group of them.
- A model of many languages (M2M100, MADLAD, NLLB): `model.bin`, one SentencePiece model, a token for each language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from myna.engines.ctranslate.languages import is_nllb, language_tokens, stands_before_source, tag_of
from myna.engines.translation import base_language
from myna.models.forms import forbids_commerce
from myna.models.store import InstalledModel, ModelStore, how_to_bring, missing_files
from myna.settings import Settings

ENGINE = "ctranslate"
_NAMED = re.compile(r"(?:^|[-_])([a-z]{2,3})[-_]([a-z]{2,3})(?:[-_.]v?[\d_.]+)?$")
"""`opus-mt-en-es`, `translate-en_es-1_9`: what a model translates, by its name."""
_MANY = 8
"""Languages of a model that is listed as a group, not pair by pair."""


@dataclass(frozen=True, slots=True)
class Package:
    """A model, and how it wants to be asked."""

    name: str
    folder: Path
    """Of `model.bin`."""
    source_pieces: Path
    target_pieces: Path
    """SentencePiece models."""
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    """BCP 47 tags: from any of the former into any of the latter."""
    licence: str
    """Of the weights."""
    size_bytes: int
    tokens: Mapping[str, str] = field(default_factory=dict)
    """By tag, for a model that has to be told languages."""
    ends_source: bool = False
    """`</s>` is put after the source, as the model was trained."""

    def __hash__(self) -> int:
        return hash((self.name, self.folder))

    @property
    def is_group(self) -> bool:
        return self.sources == self.targets and len(self.sources) >= _MANY

    @property
    def names_source(self) -> bool:
        """The token of the source's language goes before the source."""
        return self.is_group and not any(map(stands_before_source, self.tokens.values()))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (source, target)
            for source in self.sources
            for target in self.targets
            if base_language(source) != base_language(target)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The models of this engine: those that may be used, the largest first, and why others may not."""

    packages: tuple[Package, ...]
    refused: Mapping[str, str]


def installed_packages(settings: Settings | None = None) -> Found:
    """What is in the store."""
    settings = settings or Settings()
    packages, refused = [], {}
    for model in ModelStore(settings.resolved_models_dir).all():
        if model.manifest.engine != ENGINE:
            continue
        if lost := missing_files(model):
            refused[model.name] = f"it has lost `{lost[0]}`. {how_to_bring(model.name)}"
            continue
        try:
            package = _package(model)
        except _NotAPackage as reason:
            refused[model.name] = str(reason)
            continue
        if settings.allow_non_commercial == "off" and not _is_commercial(model, package):
            licence = package.licence or "of the weights"
            refused[model.name] = (
                f"its licence ({licence}) forbids commercial use; MYNA_ALLOW_NON_COMMERCIAL=on allows it"
            )
            continue
        packages.append(package)
    return Found(tuple(sorted(packages, key=lambda package: (-package.size_bytes, package.name))), refused)


class _NotAPackage(Exception):
    """Why a folder cannot be used, in words."""


def _package(model: InstalledModel) -> Package:
    folder = model.folder
    if (folder / "metadata.json").is_file() and (folder / "model" / "model.bin").is_file():
        return _argos(model)
    if not (folder / "model.bin").is_file():
        raise _NotAPackage("it has no `model.bin`, as models for CTranslate2 have")
    if (folder / "source.spm").is_file() and (folder / "target.spm").is_file():
        return _opus(model)
    pieces = sorted([*folder.glob("*.spm"), *folder.glob("s*piece*.model")])
    if not pieces:
        raise _NotAPackage("it has no SentencePiece model")
    return _of_many_languages(model, pieces[0])


def _argos(model: InstalledModel) -> Package:
    known = _json(model.folder / "metadata.json")
    pieces = model.folder / "sentencepiece.model"
    if not pieces.is_file():
        raise _NotAPackage("it has no `sentencepiece.model`; Argos packages with other tokenizers are not understood")
    try:
        pair = tag_of(str(known["from_code"])), tag_of(str(known["to_code"]))
    except KeyError:
        raise _NotAPackage("its `metadata.json` names no languages") from None
    return _of_pair(model, model.folder / "model", (pieces, pieces), pair, ends_source=False)


def _opus(model: InstalledModel) -> Package:
    folder = model.folder
    source, target = _pair_of(model)
    tokens = language_tokens(_vocabulary(folder))
    pieces = folder / "source.spm", folder / "target.spm"
    made = _of_pair(model, folder, pieces, (source, target), ends_source=_wants_end(folder))
    if not tokens:
        return made
    return Package(
        made.name,
        folder,
        *pieces,
        (source,),
        tuple(tokens),
        made.licence,
        made.size_bytes,
        tokens,
        made.ends_source,
    )


def _of_many_languages(model: InstalledModel, pieces: Path) -> Package:
    tokens = language_tokens(_vocabulary(model.folder))
    if not tokens:
        raise _NotAPackage("its vocabulary has no languages")
    tags = tuple(tokens)
    return Package(
        model.name,
        model.folder,
        pieces,
        pieces,
        tags,
        tags,
        model.manifest.licence,
        model.size_bytes,
        tokens,
        _wants_end(model.folder),
    )


def _of_pair(
    model: InstalledModel, folder: Path, pieces: tuple[Path, Path], pair: tuple[str, str], *, ends_source: bool
) -> Package:
    licence = model.manifest.licence
    return Package(model.name, folder, *pieces, pair[:1], pair[1:], licence, model.size_bytes, ends_source=ends_source)


def _pair_of(model: InstalledModel) -> tuple[str, str]:
    known = _json(model.folder / "tokenizer_config.json")
    named = _NAMED.search(model.name)
    source, target = str(known.get("source_lang", "")), str(known.get("target_lang", ""))
    if not (_is_code(source) and _is_code(target)):
        if not named:
            raise _NotAPackage("it does not say which languages it translates; a name such as `opus-mt-en-es` would")
        source, target = named[1], named[2]
    return tag_of(source), tag_of(target)


def _is_code(name: str) -> bool:
    return re.fullmatch(r"[a-z]{2,3}", name) is not None


def _wants_end(folder: Path) -> bool:
    """Models by way of Transformers were trained with `</s>` after the source; CTranslate2 may add it by itself."""
    return not _json(folder / "config.json").get("add_source_eos", False)


def _is_commercial(model: InstalledModel, package: Package) -> bool:
    if not model.manifest.commercial or forbids_commerce(package.licence):
        return False
    return bool(package.licence) or not is_nllb(package.tokens.values())


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise _NotAPackage(f"its `{path.name}` cannot be read") from None
    return found if isinstance(found, dict) else {}


def _vocabulary(folder: Path) -> Iterable[str]:
    path = vocabulary_of(folder, "source")
    if path is None:
        raise _NotAPackage("it has no vocabulary")
    return _marks_in(path, path.stat().st_mtime_ns)


def vocabulary_of(folder: Path, side: str) -> Path | None:
    """The file with the tokens of a model, of its `source` or its `target`."""
    places = (folder / f"{name}_vocabulary.{form}" for name in ("shared", side) for form in ("json", "txt"))
    return next((path for path in places if path.is_file()), None)


def read_vocabulary(path: Path) -> list[str]:
    """All tokens. Raises `ValueError` when it is something else."""
    text = path.read_text(encoding="utf-8")
    tokens = json.loads(text) if path.suffix == ".json" else text.split("\n")
    if not isinstance(tokens, list):
        raise ValueError(f"`{path.name}` is no list of tokens")
    return [token for token in tokens if isinstance(token, str)]


@cache
def _marks_in(path: Path, changed: int) -> tuple[str, ...]:
    """Of the tokens of a vocabulary, those that look like names of languages or like marks."""
    try:
        return tuple(token for token in read_vocabulary(path) if not token.startswith("▁"))
    except (OSError, ValueError):
        raise _NotAPackage(f"its `{path.name}` cannot be read") from None

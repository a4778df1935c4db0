"""What the neural engines give, in the words of whoever uses Myna, and what is missing for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from myna.kit.installing import install_extra
from myna.models import catalogue
from myna.models.store import ModelStore
from myna.settings import Settings


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a neural engine, or an extra of the package, adds. The first model is the one to begin with."""

    name: str
    models: tuple[str, ...]
    instead: str = ""
    """What there is without it."""
    extra: str = ""
    """What brings it, when it needs no model."""


_LANGUAGES = ("english", "french", "german", "spanish", "italian", "portuguese", "dutch")
_CLONING = tuple(f"pocket-{language}" for language in _LANGUAGES)
FEATURES = (
    Feature("natural speech", ("kokoro", "piper", "pocket", "chatterbox", "qwen-tts"), "espeak and flite speak"),
    Feature("neural cloning", (*_CLONING, "chatterbox", "qwen-tts-0.6b-base"), "voices are matched, not cloned"),
    Feature("recognition of many languages", ("whisper-base", "whisper"), "clear American English is understood"),
    Feature(
        "neural translation",
        ("opus-mt-en-es", "m2m100-418m", "ctranslate"),
        "apertium, a language model or a human translates",
    ),
    Feature("speech apart from music", ("demucs",), "a dub turns its voices down to the level of the pauses"),
    Feature("neural denoising", ("gtcrn", "sherpa"), "noise goes with RNNoise"),
    Feature("Japanese in kanji", (), "espeak reads kana", extra="japanese"),
)
"""Each of `models` is a model of the catalogue or an engine, any model of which will do."""
HEAVY = {"pocket": "pocket-tts", "chatterbox": "chatterbox-tts", "qwen-tts": "qwen-tts", "demucs": "demucs"}
"""Engines that bring PyTorch and want an environment of their own, and the package that each of them needs."""


@dataclass(frozen=True, slots=True)
class Findings:
    """How it stands with a feature."""

    feature: Feature
    by: str = ""
    """The model, or the extra, that gives it; empty when none does."""
    missing: str = ""
    """The command that brings what is missing, or what keeps a model from being used."""


def examine(store: ModelStore, settings: Settings, unusable: Mapping[str, str] | None = None) -> list[Findings]:
    """Every feature. Only looks: nothing is loaded, nothing fetched. `unusable`: engines that cannot be used here
    although their libraries may be installed, and why.
    """
    return [_examine(feature, store, settings, unusable or {}) for feature in FEATURES]


def missing_installs(engine: str, needs: Iterable[str], settings: Settings) -> list[str]:
    """The commands that install what an engine's code needs and what is not here. An engine that has an environment of
    its own needs nothing in this one.
    """
    if engine in settings.resolved_engine_pythons:
        return []
    if package := HEAVY.get(engine):
        return [] if _is_installed(package) else [f"myna engines install {engine}"]
    return [install_extra(need) for need in needs if not _has_extra(need)]


def _has_extra(name: str) -> bool:
    """True also for what is no extra, such as `gpu`."""
    return all(map(_is_installed, _extras().get(name, ())))


def _examine(feature: Feature, store: ModelStore, settings: Settings, unusable: Mapping[str, str]) -> Findings:
    if not feature.models:
        if _has_extra(feature.extra):
            return Findings(feature, by=f"myna[{feature.extra}]")
        return Findings(feature, missing=install_extra(feature.extra))
    known, half = catalogue.known(), ""
    for installed in store.installed():
        engine, name = installed.manifest.engine, installed.name
        if name not in feature.models and engine not in feature.models:
            continue
        needs = known[name].needs if name in known else (engine,)
        missing = missing_installs(engine, needs, settings)
        if not missing and engine not in unusable:
            return Findings(feature, by=name)
        half = half or (missing[0] if missing else f"the model `{name}` is here, but {unusable[engine]}")
    return Findings(feature, missing=half or _first_steps(feature.models[0], settings))


def _first_steps(name: str, settings: Settings) -> str:
    model = catalogue.known()[name]
    return (
        " && ".join([*missing_installs(model.engine, model.needs, settings), f"myna models pull {name}"])
        + f"  ({catalogue.in_words(model.size_bytes)})"
    )


def _extras() -> dict[str, Sequence[str]]:
    """The packages of each extra, as the metadata of this installation name them. Those that only some versions of
    Python get are no part of it: their engine does without them.
    """
    found: dict[str, list[str]] = {}
    for requirement in metadata.requires("myna") or ():
        match = re.fullmatch(r"(?P<package>[\w.-]+)[^;]*;\s*extra == ['\"](?P<extra>[\w-]+)['\"]", requirement)
        if match:
            found.setdefault(match["extra"], []).append(match["package"])
    return dict(found)


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True

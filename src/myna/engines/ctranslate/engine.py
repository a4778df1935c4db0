"""Translates with neural models in the format of CTranslate2, cut into pieces by SentencePiece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

from myna.engines.ctranslate.model import LoadedModel
from myna.engines.ctranslate.packages import ENGINE, Package, installed_packages
from myna.engines.ctranslate.text import Glossary, halved, plain, sentences, untranslated
from myna.engines.glossary import has_words
from myna.engines.needs import missing_library
from myna.engines.routes import routes
from myna.engines.translation import (
    TranslationCapabilities,
    TranslationEngine,
    TranslationRequest,
    fitting_in,
    fitting_pair,
)
from myna.errors import Unsupported
from myna.kit.scripts import joined
from myna.settings import Settings

_PIVOTS = ("en",)
"""Two models meet in English alone: that is what most of them are made for."""
_MOST_LOADED = 4
_NEEDED = {"ctranslate2": "ctranslate2", "sentencepiece": "sentencepiece"}


@dataclass(frozen=True, slots=True)
class _Step:
    """One model, from one language to another, tags as the model has them."""

    source: str
    target: str
    package: Package


_Way = tuple[_Step, ...]


class CTranslateEngine(TranslationEngine):
    """Opus-MT, Argos, M2M100 and their like."""

    name: ClassVar[str] = ENGINE

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._packages = installed_packages(self._settings).packages
        self._ways = _ways(self._packages)
        self._loaded: dict[Package, LoadedModel] = {}

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if missing := missing_library(ENGINE, _NEEDED):
            return False, missing
        found = installed_packages()
        if found.packages:
            return True, ""
        if found.refused:
            name, reason = next(iter(found.refused.items()))
            return False, f"the model `{name}` cannot be used: {reason}"
        return False, "no translation model is here: `myna models pull opus-mt-en-es` brings one of many"

    @classmethod
    def describe(cls) -> TranslationCapabilities:
        packages = installed_packages().packages
        return TranslationCapabilities(
            name=cls.name,
            description="Neural translation with models such as Opus-MT, Argos and M2M100, by English if need be.",
            version=_version(),
            licence="MIT (CTranslate2), Apache-2.0 (SentencePiece); the models' own",
            pairs=tuple(_ways(packages)),
            groups=tuple(package.sources for package in packages if package.is_group),
            fits_length=True,
            glossary=True,
            models=tuple((package.name, package.licence or "unknown") for package in packages),
            device=Settings().engine_devices.get(cls.name, "cpu"),
        )

    def translate(self, request: TranslationRequest) -> tuple[str, ...]:
        way = self._way(request.source, request.target)
        fits = self._model(way[0].package).fits
        cut = [sentences(plain(line), request.source, fits) for line in request.lines]
        asked = [sentence for parts in cut for sentence in parts]
        answers = iter(self._guarded(way, asked, Glossary(request.glossary), request.shorten))
        return tuple(
            joined(next(answers) for _ in parts) if parts else line
            for line, parts in zip(request.lines, cut, strict=True)
        )

    def close(self) -> None:
        for model in self._loaded.values():
            model.close()
        self._loaded = {}

    def _guarded(self, way: _Way, asked: Sequence[str], glossary: Glossary, shorter: bool) -> list[str]:
        """The sentences translated, with the words of the glossary in them.

        They go through the model as placeholders. Where it loses one, what stands between them is translated by itself.
        """
        guards = [glossary.guard(sentence) for sentence in asked]
        made = self._through(
            way, [guard.text if guard else sentence for guard, sentence in zip(guards, asked, strict=True)], shorter
        )
        answers = [guard.restored(text) if guard else text for guard, text in zip(guards, made, strict=True)]
        lost = [guard for guard, answer in zip(guards, answers, strict=True) if guard and answer is None]
        between = iter(self._through(way, [part for guard in lost for part in untranslated(guard.parts)], shorter))
        rejoined = iter(
            joined(
                next(between) if place % 2 == 0 and has_words(part) else part
                for place, part in enumerate(guard.parts)
                if part
            )
            for guard in lost
        )
        return [next(rejoined) if answer is None else answer for answer in answers]

    def _through(self, way: _Way, texts: Sequence[str], shorter: bool) -> list[str]:
        """The texts by one model, or by two. What a model makes nothing of stays as it is."""
        for step in way:
            model = self._model(step.package)
            cut = [list(halved(text, model.fits)) for text in texts]  # the first model may have made it longer
            asked = [part for parts in cut for part in parts]
            made = model.translate(asked, step.source, step.target, shorter=shorter and step is way[-1])
            answers = (answer or part for answer, part in zip(made, asked, strict=True))
            texts = [joined(next(answers) for _ in parts) for parts in cut]
        return list(texts)

    def _way(self, source: str, target: str) -> _Way:
        """A model for the very pair, else one of many languages, else two that meet in English."""
        pair = fitting_pair(self._ways, source, target)
        if pair and len(self._ways[pair]) == 1:
            return self._ways[pair]
        for package in self._packages:
            if package.is_group and (tags := fitting_in(package.sources, source, target)):
                return (_Step(*tags, package),)
        if pair:
            return self._ways[pair]
        raise Unsupported(
            f"No translation model here leads from `{source}` to `{target}`. `myna models list` has more."
        )

    def _model(self, package: Package) -> LoadedModel:
        """Loaded, and the last to be let go of when there are too many."""
        model = self._loaded.pop(package, None)
        if model is None:
            while len(self._loaded) >= _MOST_LOADED:
                self._loaded.pop(next(iter(self._loaded))).close()
            device = self._settings.engine_devices.get(self.name, "cpu")
            model = LoadedModel(package, self._settings, device)
        self._loaded[package] = model
        return model


def _ways(packages: Sequence[Package]) -> dict[tuple[str, str], _Way]:
    """For each pair of languages of models that are not of many languages."""
    steps = [_Step(*pair, package) for package in packages if not package.is_group for pair in package.pairs]
    return routes(steps, _PIVOTS, others=False)


def _version() -> str:
    try:
        return version("ctranslate2")
    except PackageNotFoundError:
        return ""

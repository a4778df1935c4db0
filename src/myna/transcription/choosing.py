"""Which engine hears: the one that is named, else the preferred one that understands the language."""

from __future__ import annotations

from collections.abc import Iterator

from myna.engines.naming import named
from myna.engines.recognition import RecognitionCapabilities
from myna.engines.registry import EngineRegistry
from myna.engines.translation import base_language
from myna.errors import EngineUnavailable, Unsupported
from myna.models.catalogue import in_words, load
from myna.models.store import ModelStore

DEFAULT_LANGUAGE = "en"
_USUAL_MODEL = "whisper-small"
"""Of those that understand a language, the one to advise."""


class Recognisers:
    """The engines that hear, and what they understand. Languages are BCP 47 tags."""

    def __init__(self, registry: EngineRegistry) -> None:
        self._registry = registry

    def preferred(self, language: str | None, alignment: bool = False) -> RecognitionCapabilities | None:
        """For an unknown language, one that finds it out before one for English. None when none understands it."""
        able = [each for each in self._all() if each.alignment or not alignment]
        if language is None and (finds := next((each for each in able if each.detects_language), None)):
            return finds
        wanted = language or DEFAULT_LANGUAGE
        return next((each for each in able if offered(each, wanted)), None)

    def named(self, name: str) -> tuple[RecognitionCapabilities, str]:
        """The engine of this name, or the one whose model is called so, and that model.

        Raises `EngineNotFound`, which says what to do.
        """
        with named("recogniser"):
            return self._named(name)

    def _named(self, name: str) -> tuple[RecognitionCapabilities, str]:
        if self._registry.knows(name):
            return self._registry.describe_recogniser(name), ""
        if able := next((each for each in self._all() if name in each.models), None):
            return able, name
        model = load().get(name)
        if model is None:
            raise EngineUnavailable(
                f"There is no engine or model `{name[:64]}`. `myna engines` and `myna models list` show what there is."
            )
        if model.kind != "recognition":
            raise EngineUnavailable(f"The model `{name}` cannot hear; it is for {model.kind}.")
        ModelStore.here().require(name)
        self._registry.describe_recogniser(model.engine)
        raise EngineUnavailable(f"The model `{name}` came after this server was started. Start it again.")

    def chosen(self, language: str | None, name: str = "") -> tuple[RecognitionCapabilities, str]:
        """Who hears a language, and by which model, if one was named. None: the language is found out, else English.

        Raises `EngineNotFound` for one that is named and not here, and `Unsupported`, which says what to do, when
        it, or nobody, understands the language.
        """
        if not name:
            if (able := self.preferred(language)) is None:
                raise Unsupported(_nobody(language or DEFAULT_LANGUAGE), field="source_language")
            return able, ""
        able, model = self.named(name)
        if not (language is None and able.detects_language) and not offered(able, language or DEFAULT_LANGUAGE):
            others = ", ".join(f"`{each.name}`" for each in self._all() if offered(each, language or DEFAULT_LANGUAGE))
            raise Unsupported(
                f"The engine `{able.name}` does not understand `{language or DEFAULT_LANGUAGE}`. "
                + (f"Name another one ({others}), or none." if others else _nobody(language or DEFAULT_LANGUAGE)),
                field="source_language",
            )
        return able, model

    def _all(self) -> Iterator[RecognitionCapabilities]:
        return (self._registry.describe_recogniser(name) for name in self._registry.recognisers)


def offered(able: RecognitionCapabilities, language: str) -> str | None:
    """The engine's tag for a language: the very same, else another region."""
    near = [tag for tag in able.languages if base_language(tag) == base_language(language)]
    return language if language in near else next(iter(near), None)


def _nobody(language: str) -> str:
    return (
        f"No engine of this server understands `{language}`. Send what is said as a transcript (plain lines, SRT or "
        f"WebVTT), or install an engine: {_model_advice(language)}."
    )


def _model_advice(language: str) -> str:
    """Which model would understand a language, and how it comes here."""
    able = [
        model
        for model in load().values()
        if model.kind == "recognition"
        and (not model.languages or any(base_language(tag) == base_language(language) for tag in model.languages))
    ]
    if not able:
        return "`myna engines` shows what there is"
    model = next((model for model in able if model.name == _USUAL_MODEL), able[0])
    return f"`myna models pull {model.name}` brings one ({in_words(model.size_bytes)})"

"""The engine: lines go through one running pipeline, or through two for a pair that has no direct mode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from myna.engines.apertium.modes import Mode, Route, data_folder, installed_modes, routes
from myna.engines.apertium.pipeline import Pipeline, PipelineBroken
from myna.engines.apertium.text import decoded, encoded, onward, pieces
from myna.engines.glossary import has_words
from myna.engines.translation import (
    TranslationCapabilities,
    TranslationEngine,
    TranslationRequest,
    fitting_pair,
)
from myna.errors import EngineFailed, Unsupported

_SECONDS = 20.0
"""The longest that one line may take."""
_SHOWN = 80


class ApertiumEngine(TranslationEngine):
    """Gives the gist: closely related languages well, others roughly."""

    name: ClassVar[str] = "apertium"

    def __init__(self, seconds: float = _SECONDS) -> None:
        """`seconds`: the longest that one line may take."""
        self._routes = _routes(data_folder())
        self._pipelines: dict[Mode, Pipeline] = {}
        self._seconds = seconds

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if _routes(data_folder()):
            return True, ""
        install = "apt-get install apertium apertium-eng-spa apertium-fr-es apertium-es-pt apertium-spa-ita"
        return False, f"no pair of languages of `apertium` is installed (Debian: {install})"

    @classmethod
    def describe(cls) -> TranslationCapabilities:
        return TranslationCapabilities(
            name=cls.name,
            description="Translation by rules and dictionaries, for the gist; by a third language where need be.",
            version="3",
            licence="GPL-2.0-or-later (programs and pairs, in processes of their own)",
            pairs=tuple(_routes(data_folder())),
            glossary=True,
        )

    def translate(self, request: TranslationRequest) -> tuple[str, ...]:
        if request.shorten:
            raise Unsupported("apertium cannot make a translation shorter.")
        route = self._route(request.source, request.target)
        asked = [(number, piece) for number, line in enumerate(request.lines) for piece in _asked(line)]
        streams = [encoded(piece, request.glossary) for _, piece in asked]
        for mode in route:
            answered = self._through(mode, streams)
            streams = [onward(stream, piece) for stream, (_, piece) in zip(answered, asked, strict=True)]
        answers: dict[int, list[str]] = {}
        for (number, piece), stream in zip(asked, streams, strict=True):
            answers.setdefault(number, []).append(decoded(stream, piece) or piece)
        return tuple(" ".join(answers.get(number, [line])) for number, line in enumerate(request.lines))

    def close(self) -> None:
        for pipeline in self._pipelines.values():
            pipeline.close()
        self._pipelines = {}

    def _route(self, source: str, target: str) -> Route:
        pair = fitting_pair(self._routes, source, target)
        if pair is None:
            raise Unsupported(f"apertium has no installed way from `{source}` to `{target}`.")
        return self._routes[pair]

    def _through(self, mode: Mode, lines: Sequence[str]) -> list[str]:
        """The lines translated by one mode. It is started anew when it breaks, once for each line that breaks it."""
        answers: list[str] = []
        blamed = -1
        while len(answers) < len(lines):
            try:
                for answer in self._pipeline(mode).ask(lines[len(answers) :], self._seconds):
                    answers.append(answer)  # noqa: PERF402 - what came before it breaks is kept
            except PipelineBroken as broken:
                self._drop(mode)
                if blamed == len(answers):
                    line = lines[blamed][:_SHOWN]
                    raise EngineFailed(f"apertium ({mode.name}) failed twice, {broken}, at: {line}") from None
                blamed = len(answers)
            except BaseException:
                self._drop(mode)
                raise
        return answers

    def _pipeline(self, mode: Mode) -> Pipeline:
        if mode not in self._pipelines:
            self._pipelines[mode] = Pipeline(mode.path)
        return self._pipelines[mode]

    def _drop(self, mode: Mode) -> None:
        if mode in self._pipelines:
            self._pipelines.pop(mode).close()


def _asked(line: str) -> list[str]:
    """What of a line is to be translated; nothing of one without words, which stays as it is."""
    return pieces(line) if has_words(line) else []


@cache
def _routes(folder: Path) -> dict[tuple[str, str], Route]:
    """What is installed, looked up once: a pair that comes later is found after a restart."""
    return routes(installed_modes(folder))

"""Puts the target's language before each line, for tests and trials. Used only when `MYNA_ENGINES` names it.

`Good day.` becomes `es Good day.`, with the words of the glossary replaced; asked to shorten, the first half of its
words stays. Commands in a line act on it:

    translate:crash              the process ends
    translate:crash-once=TOKEN   the process ends the first time; a marker in the temporary folder remembers the token
    translate:hang               no answer comes
    translate:fail=MESSAGE       EngineFailed with the message (`_` stands for a space)
    translate:slow=SECONDS       it takes that much longer
    translate:long=TIMES         the line comes that many times over
    translate:lose               one line fewer is returned
    translate:empty              nothing is returned for the line
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from myna.engines.fake_commands import misbehave, parse
from myna.engines.translation import TranslationCapabilities, TranslationEngine, TranslationRequest


class FakeTranslation(TranslationEngine):
    """Knows all languages equally well."""

    name: ClassVar[str] = "fake-translation"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> TranslationCapabilities:
        return TranslationCapabilities(
            name=cls.name,
            description="The same words again, for tests; no translation.",
            version="1",
            licence="Apache-2.0",
            any_pair=True,
            fits_length=True,
            glossary=True,
        )

    def translate(self, request: TranslationRequest) -> tuple[str, ...]:
        return tuple(self._translated(request))

    def _translated(self, request: TranslationRequest) -> Iterator[str]:
        for line in request.lines:
            text, commands = parse(line, "translate") if line.strip() else (line, [])
            named = {command.name: command for command in commands}
            for command in commands:
                misbehave(command)
            if slow := named.get("slow"):
                time.sleep(slow.number())
            if "lose" in named:
                continue
            times = round(named["long"].number()) if "long" in named and not request.shorten else 1
            yield "" if "empty" in named else self._line(text, request, times)

    def _line(self, text: str, request: TranslationRequest, times: int) -> str:
        words = [request.glossary.get(word, word) for word in text.split()]
        if request.shorten:
            return " ".join(words[: max(1, len(words) // 2)])
        language = request.target.partition("-")[0]
        return " ".join([language, *words * times]) if words else text

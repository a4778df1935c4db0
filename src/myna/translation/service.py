"""Text of one language into another: chooses the engine, cuts the lines into batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from myna.engines.apertium import missing_packages
from myna.engines.ctranslate.advice import missing_models
from myna.engines.forgiving import forgiving
from myna.engines.host import EngineHost
from myna.engines.naming import named
from myna.engines.registry import EngineRegistry
from myna.engines.translation import TranslationCapabilities, TranslationRequest, base_language
from myna.errors import Unsupported
from myna.translation.schemas import ANY, LanguagePair

Progress = Callable[[float], Awaitable[None]]
"""Told how much is done, 0 to 1."""

_BATCH = 200
_MODEL_BATCH = 25
"""Lines that a language model gets at once: enough to see what belongs together, few enough not to lose count."""
_BATCH_CHARACTERS = 6_000


class TranslationService:
    """Translates with the first engine, in the operator's order, that can do what is asked."""

    def __init__(self, engines: EngineHost, registry: EngineRegistry) -> None:
        self._engines = engines
        self._registry = registry

    def pairs(self) -> tuple[LanguagePair, ...]:
        """What can be translated here, the preferred engines first."""
        return tuple(
            LanguagePair(source, target, able.name, able.glossary, able.fits_length)
            for able in self._able()
            for source, target in _listed(able)
        )

    def check(self, source: str | None, target: str, *, glossary: bool = False, engine: str = "") -> None:
        """Raises `Unsupported`, which says what to do, when nothing here, or not the engine that is named, translates
        these languages, and `EngineNotFound` when that one is not here.

        Without a source, which is yet to be found out, something must translate into the target.
        """
        able = self._able(engine)
        if source is None:
            if not any(each.serves_target(target) for each in able):
                raise self._nobody("en", target, engine)
        elif not same_language(source, target):
            self._choose(source, target, glossary=glossary, engine=engine)

    def check_name(self, engine: str) -> None:
        """Raises `EngineNotFound` unless an engine of this name translates here."""
        self._able(engine)

    def can_shorten(self, source: str, target: str, *, glossary: bool = False, engine: str = "") -> bool:
        """Whether `translate` may be asked to `shorten`."""
        if same_language(source, target):
            return False
        fitting = self._fitting(source, target, engine)
        return any(able.fits_length for able in fitting if able.glossary or not glossary)

    def engine_for(
        self, source: str, target: str, *, glossary: bool = False, shorten: bool = False, engine: str = ""
    ) -> str:
        """The engine that would translate; empty for one language. Raises as `check`."""
        if same_language(source, target):
            return ""
        return self._choose(source, target, glossary=glossary, shorten=shorten, engine=engine).name

    async def translate(
        self,
        lines: Sequence[str],
        source: str,
        target: str,
        glossary: Mapping[str, str] | None = None,
        seconds: Sequence[float | None] = (),
        shorten: bool = False,
        progress: Progress | None = None,
        engine: str = "",
    ) -> tuple[str, ...]:
        """As many lines as were given, in order; unchanged when both languages are one.

        `seconds` says how long each may take to be said, for engines that can fit it. With `shorten`, the lines (of
        the source) were translated before and came out too long. `engine` names the one that translates. Raises what
        `check` raises, and what the engines raise.
        """
        if seconds and len(seconds) != len(lines):
            raise ValueError("There are not as many times as lines.")
        if same_language(source, target):
            return tuple(lines)
        able = self._choose(source, target, glossary=bool(glossary), shorten=shorten, engine=engine)
        translated: list[str] = []
        for batch in _batches(lines, _MODEL_BATCH if able.any_pair else _BATCH):
            request = TranslationRequest(
                tuple(lines[batch.start : batch.stop]),
                source,
                target,
                dict(glossary or {}),
                tuple(seconds[batch.start : batch.stop]),
                shorten,
            )
            translated += await self._translated(able.name, request)
            if progress:
                await progress(len(translated) / len(lines))
        return tuple(translated)

    async def _translated(self, engine: str, request: TranslationRequest) -> tuple[str, ...]:
        return await forgiving(engine, lambda: self._engines.translate(engine, request))

    def _choose(
        self, source: str, target: str, *, glossary: bool, shorten: bool = False, engine: str = ""
    ) -> TranslationCapabilities:
        fitting = self._fitting(source, target, engine)
        for able in fitting:
            if (able.glossary or not glossary) and (able.fits_length or not shorten):
                return able
        if not fitting:
            raise self._nobody(source, target, engine)
        names = ", ".join(f"`{able.name}`" for able in fitting)
        unable = f"What translates from `{source}` to `{target}` here ({names}) cannot"
        if shorten:
            raise Unsupported(f"{unable} make a translation shorter.")
        raise Unsupported(f"{unable} keep to a glossary.", field="glossary")

    def _fitting(self, source: str, target: str, engine: str = "") -> list[TranslationCapabilities]:
        return [able for able in self._able(engine) if able.serves(source, target)]

    def _able(self, engine: str = "") -> list[TranslationCapabilities]:
        """The one that is named, else all, the preferred first."""
        if engine:
            with named("translator"):
                return [self._registry.describe_translator(engine)]
        return [self._registry.describe_translator(name) for name in self._registry.translators]

    def _nobody(self, source: str, target: str, engine: str) -> Unsupported:
        if others := engine and ", ".join(f"`{able.name}`" for able in self._fitting(source, target)):
            message = f"The engine `{engine}` does not translate from `{source}` to `{target}` here; {others} would."
            return Unsupported(f"{message} Name one that does, or none.", field="target_language")
        return Unsupported(_advice(source, target), field="target_language")


def same_language(source: str, target: str) -> bool:
    """Whether two BCP 47 tags are one language, maybe of two regions."""
    return base_language(source) == base_language(target)


def _batches(lines: Sequence[str], most: int) -> Iterator[range]:
    """Neighbouring lines, not too many and not too long at once."""
    start = characters = 0
    for number, line in enumerate(lines):
        characters += len(line)
        if number > start and (number - start >= most or characters > _BATCH_CHARACTERS):
            yield range(start, number)
            start, characters = number, len(line)
    if lines:
        yield range(start, len(lines))


def _listed(able: TranslationCapabilities) -> Iterator[tuple[str, str]]:
    """Pair by pair; languages of a group with `*` in place of any other."""
    if able.any_pair:
        yield ANY, ANY
        return
    yield from able.pairs
    yield from dict.fromkeys((tag, ANY) for group in able.groups for tag in group)


def _advice(source: str, target: str) -> str:
    ways = ["set MYNA_TRANSLATION_URL to a language model", "send the translation as text or subtitles"]
    if packages := missing_packages(source, target):
        ways.insert(0, f"install {' and '.join(packages)} (Debian: apt-get install apertium {' '.join(packages)})")
    if models := missing_models(source, target):
        ways.insert(0, f"bring a model (`{' && '.join(f'myna models pull {name}' for name in models)}`)")
    return (
        f"Nothing here translates from `{source}` to `{target}`. Either {', or '.join(ways)}. See docs/translation.md."
    )

"""Which engine translates, and how lines reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from importlib.metadata import EntryPoint

import pytest

from myna.engines.host import EngineHost
from myna.engines.registry import GROUP, EngineRegistry
from myna.engines.translation import TranslationCapabilities, TranslationEngine, TranslationRequest
from myna.errors import EngineCrashed, EngineFailed, EngineNotFound, Unsupported
from myna.settings import Settings
from myna.translation.service import TranslationService, same_language


class Pairs(TranslationEngine):
    """Stands for one that knows some pairs and nothing else."""

    name = "pairs"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> TranslationCapabilities:
        return TranslationCapabilities(cls.name, "", "1", "CC0", pairs=(("en", "es"), ("en", "pt-BR")))

    def translate(self, request: TranslationRequest) -> tuple[str, ...]:
        return tuple(f"pairs {line}" for line in request.lines)


class Group(Pairs):
    """Stands for one that knows a group of languages."""

    name = "group"

    @classmethod
    def describe(cls) -> TranslationCapabilities:
        return TranslationCapabilities(cls.name, "", "1", "CC0", pairs=(("en", "eo"),), groups=(("en", "ja", "pt"),))


class RecordingHost(EngineHost):
    """Notes what is asked of the engines, which really run."""

    def __init__(self, registry: EngineRegistry) -> None:
        super().__init__(Settings(engine_processes=1), registry)
        self.requests: list[TranslationRequest] = []

    async def translate(self, engine: str, request: TranslationRequest) -> tuple[str, ...]:
        self.requests.append(request)
        return await super().translate(engine, request)


def registry(*names: str) -> EngineRegistry:
    values = {
        "pairs": f"{__name__}:Pairs",
        "group": f"{__name__}:Group",
        "fake-translation": "myna.engines.fake_translation:FakeTranslation",
    }
    return EngineRegistry({name: EntryPoint(name, values[name], GROUP) for name in names})


@pytest.fixture
async def host() -> AsyncIterator[RecordingHost]:
    made = RecordingHost(registry("fake-translation"))
    yield made
    await made.close()


@pytest.fixture
def service(host: RecordingHost) -> TranslationService:
    return TranslationService(host, registry("fake-translation"))


def choosing(*names: str) -> TranslationService:
    known = registry(*names)
    return TranslationService(EngineHost(Settings(), known), known)


async def test_lines_come_back_translated_in_order(service: TranslationService, host: RecordingHost) -> None:
    lines = await service.translate(["Good day.", "", "Bye."], "en", "es", {"Bye.": "Adiós."}, [1.0, None, 2.0])
    assert lines == ("es Good day.", "", "es Adiós.")
    (request,) = host.requests
    assert (request.seconds, request.shorten) == ((1.0, None, 2.0), False)


async def test_a_shorter_text_is_asked_for(service: TranslationService) -> None:
    assert await service.translate(["one two three four"], "en", "es", shorten=True) == ("one two",)


async def test_one_language_is_not_translated(service: TranslationService, host: RecordingHost) -> None:
    assert await service.translate(["Good day."], "en-US", "en-GB") == ("Good day.",)
    assert await service.translate([], "en", "es") == ()
    assert host.requests == []
    assert service.engine_for("pt", "pt-BR") == ""
    assert not service.can_shorten("pt", "pt-BR")
    service.check("xx", "xx-YY")


async def test_many_lines_go_in_batches_and_progress_is_told(service: TranslationService, host: RecordingHost) -> None:
    told: list[float] = []

    async def note(done: float) -> None:
        told.append(done)

    texts = [f"line {number}" for number in range(60)]
    seconds: Sequence[float] = [float(number) for number in range(60)]
    lines = await service.translate(texts, "en", "es", seconds=seconds, progress=note)
    assert lines == tuple(f"es line {number}" for number in range(60))
    assert [len(request.lines) for request in host.requests] == [25, 25, 10]
    assert host.requests[1].seconds[0] == 25.0
    assert told == [25 / 60, 50 / 60, 1.0]


async def test_long_lines_make_small_batches(service: TranslationService, host: RecordingHost) -> None:
    texts = ["a" * 10_000, "b", "c" * 3_000, "d" * 3_000]
    assert len(await service.translate(texts, "en", "es")) == 4
    assert [len(request.lines) for request in host.requests] == [1, 2, 1]


async def test_a_crash_is_survived_once(service: TranslationService, tmp_path_factory: pytest.TempPathFactory) -> None:
    token = tmp_path_factory.mktemp("crash").name + "-translation"
    lines = await service.translate([f"translate:crash-once={token} Good day."], "en", "es")
    assert lines[0].endswith("Good day.")
    with pytest.raises(EngineCrashed):
        await service.translate(["translate:crash"], "en", "es")


async def test_what_the_engine_says_is_wrong_is_not_hidden(service: TranslationService) -> None:
    with pytest.raises(EngineFailed, match="no idea"):
        await service.translate(["translate:fail=no_idea"], "en", "es")


async def test_times_and_lines_must_be_as_many(service: TranslationService) -> None:
    with pytest.raises(ValueError, match="as many"):
        await service.translate(["a", "b"], "en", "es", seconds=[1.0])


def test_the_first_engine_that_can_is_chosen() -> None:
    service = choosing("pairs", "fake-translation")
    assert service.engine_for("en", "es") == "pairs"
    assert service.engine_for("en", "pt-BR") == "pairs"
    assert service.engine_for("en", "pt-PT") == "fake-translation"
    assert service.engine_for("es", "en") == "fake-translation"
    assert service.engine_for("en", "es", glossary=True) == "fake-translation"
    assert service.engine_for("en", "es", shorten=True) == "fake-translation"
    assert choosing("fake-translation", "pairs").engine_for("en", "es") == "fake-translation"


async def test_the_engine_that_is_named_translates_or_nobody() -> None:
    service = choosing("pairs", "fake-translation")
    assert service.engine_for("en", "es", engine="fake-translation") == "fake-translation"
    assert service.can_shorten("en", "es", engine="fake-translation")
    assert not service.can_shorten("en", "es", engine="pairs")
    with pytest.raises(Unsupported, match="`pairs` does not translate from `es` to `en` here; `fake-tr"):
        await service.translate(["Buenos días."], "es", "en", engine="pairs")
    with pytest.raises(Unsupported, match="keep to a glossary"):
        service.check("en", "es", glossary=True, engine="pairs")
    with pytest.raises(Unsupported, match="`pairs` does not translate from `en` to `de`"):
        service.check(None, "de", engine="pairs")
    with pytest.raises(EngineNotFound, match="none of this name; `myna engines`"):
        service.check("en", "es", engine="apertium")


def test_what_can_be_translated_is_listed() -> None:
    listed = [(pair.source, pair.target, pair.engine) for pair in choosing("pairs", "fake-translation").pairs()]
    assert listed == [("en", "es", "pairs"), ("en", "pt-BR", "pairs"), ("*", "*", "fake-translation")]


def test_any_two_languages_of_a_group_are_translated() -> None:
    service = choosing("group")
    for source, target in [("en-GB", "ja"), ("ja", "pt-BR"), ("pt-PT", "en"), ("en", "eo")]:
        assert service.engine_for(source, target) == "group"
    for source, target in [("ja", "eo"), ("es", "en"), ("en", "fr")]:
        with pytest.raises(Unsupported):
            service.engine_for(source, target)
    listed = [(pair.source, pair.target) for pair in service.pairs()]
    assert listed == [("en", "eo"), ("en", "*"), ("ja", "*"), ("pt", "*")]


def test_of_a_source_that_is_yet_to_be_heard_only_the_target_can_be_checked() -> None:
    choosing("pairs").check(None, "es")
    choosing("group").check(None, "pt-BR")
    choosing("fake-translation").check(None, "tlh")
    with pytest.raises(Unsupported, match="myna models pull argos-en-ja"):
        choosing("pairs").check(None, "ja")


def test_whether_it_can_be_shortened() -> None:
    assert choosing("pairs", "fake-translation").can_shorten("en", "es")
    assert not choosing("pairs").can_shorten("en", "es")
    assert not choosing().can_shorten("en", "es")


@pytest.mark.parametrize(
    ("source", "target", "advice"),
    [
        ("en", "fr", "apt-get install apertium apertium-eng-spa apertium-fr-es"),
        ("en", "ca", "install apertium-eng-cat"),
        ("en", "ja", "from `en` to `ja`. Either bring a model (`myna models pull argos-en-ja`)"),
        ("fr", "ja", "`myna models pull argos-fr-en && myna models pull argos-en-ja`"),
        ("en", "tlh", "from `en` to `tlh`. Either set MYNA_TRANSLATION_URL"),
        ("en", "ja", "send the translation as text or subtitles"),
    ],
)
def test_without_an_engine_it_says_what_to_do(source: str, target: str, advice: str) -> None:
    with pytest.raises(Unsupported) as refused:
        choosing("pairs").check(source, target)
    assert advice in refused.value.message
    assert refused.value.field == "target_language"


def test_an_engine_that_cannot_do_all_of_it_is_not_used_silently() -> None:
    with pytest.raises(Unsupported, match=r"`pairs`.*glossary") as refused:
        choosing("pairs").check("en", "es", glossary=True)
    assert refused.value.field == "glossary"
    with pytest.raises(Unsupported, match="shorter"):
        choosing("pairs").engine_for("en", "es", shorten=True)


def test_regions_are_one_language() -> None:
    assert same_language("pt-BR", "pt_PT")
    assert same_language("cmn", "zh-TW")
    assert not same_language("es", "pt")

"""Stock voices, and the vendors' names for them."""

from __future__ import annotations

from collections import Counter

import pytest

from myna.engines.registry import EngineRegistry
from myna.errors import StartupError
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.languages import base_language
from myna.voices.slots import APIS, choose, fixed_choices, slots

MORE_MALE_SLOTS = {("fake", "magichour"), ("fake", "modelslab")}
"""Lists with more male names than the fake engine has male voices for."""


@pytest.fixture(scope="module")
def espeak() -> VoiceCatalogue:
    return VoiceCatalogue(EngineRegistry.load(["espeak"]))


@pytest.fixture(scope="module")
def fake() -> VoiceCatalogue:
    return VoiceCatalogue(EngineRegistry.load(["fake"]))


def test_ids_are_engine_and_voice(espeak: VoiceCatalogue) -> None:
    ids = [voice.id for voice in espeak.voices]
    assert len(set(ids)) == len(ids) >= 1000
    voice = espeak.get("espeak:en-us.f3")
    assert voice is not None
    assert (voice.engine, voice.language, voice.gender, voice.kind) == ("espeak", "en-US", "female", "stock")
    assert espeak.get("espeak:nobody") is None


def test_a_name_is_found_in_any_case(espeak: VoiceCatalogue) -> None:
    voice = espeak.voices[0]
    assert espeak.named(voice.name.upper()) == voice
    assert espeak.named(voice.id.partition(":")[2].upper()) == voice
    assert espeak.named("nobody") is None


def test_there_are_as_many_slots_as_the_vendors_have_names() -> None:
    found = Counter(slot.api for slot in slots())
    assert found == {"stablecog": 44, "magichour": 199, "openai": 13, "munsit": 10, "modelslab": 54}
    assert len({slot.id for slot in slots()}) == 320


@pytest.mark.parametrize("engine", ["espeak", "fake"])
@pytest.mark.parametrize("api", APIS)
def test_every_slot_has_a_voice_of_its_own(engine: str, api: str, request: pytest.FixtureRequest) -> None:
    catalogue: VoiceCatalogue = request.getfixturevalue(engine)
    aliases = catalogue.aliases(api)
    assert len({alias.voice_id for alias in aliases}) == len(aliases)
    assert [alias.key for alias in aliases] == [slot.key for slot in slots() if slot.api == api]
    for alias, slot in zip(aliases, (slot for slot in slots() if slot.api == api), strict=True):
        voice = catalogue.get(alias.voice_id)
        assert voice is not None
        assert base_language(voice.language) == base_language(slot.locale)
        assert slot.gender in ("neutral", voice.gender) or (engine, api) in MORE_MALE_SLOTS


def test_no_two_slots_share_a_voice_even_across_vendors(espeak: VoiceCatalogue) -> None:
    voices = [alias.voice_id for api in APIS for alias in espeak.aliases(api)]
    assert len(set(voices)) == len(voices) == 320


def test_the_voices_of_espeak_are_written_down(espeak: VoiceCatalogue) -> None:
    fixed = fixed_choices("espeak")
    assert set(fixed) == {slot.id for slot in slots()}
    assert all(espeak.get(voice_id) for voice_id in fixed.values())
    assert {f"{alias.api}:{alias.key}": alias.voice_id for api in APIS for alias in espeak.aliases(api)} == fixed


def test_the_long_list_sounds_different_in_every_name(espeak: VoiceCatalogue) -> None:
    voices = [espeak.get(alias.voice_id) for alias in espeak.aliases("magichour")]
    assert len({str(voice.settings["recipe"]) for voice in voices if voice}) == 199


def test_an_alias_is_found_by_key_and_by_name(espeak: VoiceCatalogue) -> None:
    by_key = espeak.alias("stablecog", "0140c5dc-af12-4643-bfec-650d3cd03c56")
    assert by_key is not None
    assert (by_key.name, by_key.locale, by_key.details) == ("v2/en_speaker_0", "en", {"label": "Bryan"})
    assert espeak.alias("stablecog", "v2/en_speaker_0") == by_key
    assert espeak.alias("stablecog", "alloy") is None
    assert espeak.alias("nobody", "alloy") is None


def test_choices_are_steady(fake: VoiceCatalogue) -> None:
    again = VoiceCatalogue(EngineRegistry.load(["fake"]))
    assert [again.aliases(api) for api in APIS] == [fake.aliases(api) for api in APIS]


def test_a_voice_that_goes_moves_few_others(fake: VoiceCatalogue) -> None:
    before = choose(slots(), fake.voices, set())
    gone = before["openai:alloy"]
    after = choose(slots(), [voice for voice in fake.voices if voice.id != gone], set())
    moved = [slot for slot in before if before[slot] != after.get(slot)]
    assert "openai:alloy" in moved
    assert len(moved) < 30


def test_when_voices_run_out_they_are_used_again(espeak: VoiceCatalogue) -> None:
    few = [voice for voice in espeak.voices if voice.language == "en-GB"][:3]
    taken: set[str] = set()
    first = choose(slots(), few, taken)
    assert sorted(first.values()) == sorted(voice.id for voice in few)
    left = [slot for slot in slots() if slot.id not in first]
    again = choose(left, few, taken, repeat=True)
    assert {slot.id for slot in left if base_language(slot.locale) == "en"} == set(again)


def test_another_engine_fills_what_the_preferred_one_lacks() -> None:
    catalogue = VoiceCatalogue(EngineRegistry.load(["fake", "espeak"]))
    voices = [alias.voice_id for api in APIS for alias in catalogue.aliases(api)]
    assert len(set(voices)) == 320
    assert sum(voice.startswith("fake:") for voice in voices) > 200
    assert all(alias.voice_id.startswith("fake:") for alias in catalogue.aliases("openai"))


@pytest.mark.parametrize(
    ("language", "tag"),
    [("en", "en-US"), ("en-GB", "en-GB"), ("pt", "pt-BR"), ("cmn", "zh-CN"), ("de", "de"), ("es_ES", "es-ES")],
)
def test_default_voices(espeak: VoiceCatalogue, language: str, tag: str) -> None:
    voice = espeak.default(language)
    assert voice is not None
    assert voice.language == tag


def test_one_default_voice_for_each_language(espeak: VoiceCatalogue) -> None:
    languages = [base_language(voice.language) for voice in espeak.defaults()]
    assert len(set(languages)) == len(languages)
    assert {"en", "es", "fr", "hi", "it", "pt", "ja", "zh", "ar", "de", "ru", "tr"} <= set(languages)
    assert espeak.default("xx") is None


def test_an_operator_may_bind_names() -> None:
    bindings = {
        "magichour:Lorde": "espeak:en-gb.f3",
        "stablecog:v2/en_speaker_0": "espeak:en-us.m3",
        "openai:narrator": "espeak:fr-fr.f3",
    }
    catalogue = VoiceCatalogue(EngineRegistry.load(["espeak"]), bindings)
    bound = [catalogue.alias(*name.split(":", 1)) for name in bindings]
    assert [alias.voice_id for alias in bound if alias] == list(bindings.values())
    assert len(catalogue.aliases("magichour")) == 199
    assert catalogue.aliases("openai")[-1].name == "narrator"


@pytest.mark.parametrize(
    "binding", [{"magichour:Lorde": "espeak:nobody"}, {"Lorde": "espeak:en-us.f3"}, {"magichour:Lorde": "alloy"}]
)
def test_a_binding_that_leads_nowhere_is_refused(binding: dict[str, str]) -> None:
    catalogue = VoiceCatalogue(EngineRegistry.load(["espeak"]), binding)
    with pytest.raises(StartupError, match=next(iter(binding))):
        catalogue.aliases("magichour")

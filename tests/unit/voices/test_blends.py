"""Voices between voices."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from myna.engines.registry import GROUP, EngineRegistry
from myna.voices.blends import name_of, parts_of
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.languages import base_language
from myna.voices.slots import fixed_choices, slots


def catalogue_of(*engines: str) -> VoiceCatalogue:
    classes = {"kokoro": "tests.fixtures.engines:AsKokoro", "espeak": "myna.engines.espeak:EspeakEngine"}
    return VoiceCatalogue(EngineRegistry({name: EntryPoint(name, classes[name], GROUP) for name in engines}))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("af_heart+am_adam", {"af_heart": 1.0, "am_adam": 1.0}),
        ("af_heart(2)+am_adam(0.5)", {"af_heart": 2.0, "am_adam": 0.5}),
        ("af_bella, af_sky", {"af_bella": 1.0, "af_sky": 1.0}),
        ("af_heart", None),
        ("af_heart+", None),
        ("af_heart+af_heart", None),
        ("af_heart(0)+am_adam", None),
        ("af_heart(x)+am_adam", None),
        ("+".join(f"voice{number}" for number in range(9)), None),
    ],
)
def test_the_parts_of_a_name(name: str, parts: dict[str, float] | None) -> None:
    assert parts_of(name) == parts


def test_a_name_is_written_in_one_way() -> None:
    assert name_of({"af_heart": 2.0, "am_adam": 0.5}) == "af_heart(2)+am_adam(0.5)"


def test_a_blend_is_a_voice_of_its_engine() -> None:
    catalogue = catalogue_of("kokoro", "espeak")
    voice = catalogue.get("kokoro:ef_dora+af_heart(3)")
    assert voice is not None
    assert (voice.id, voice.engine, voice.language) == ("kokoro:ef_dora(1)+af_heart(3)", "kokoro", "en-US")
    assert voice.settings == {"blend": {"ef_dora": 1.0, "af_heart": 3.0}}
    assert catalogue.get(voice.id) == catalogue.named("ef_dora+af_heart(3)") == voice


@pytest.mark.parametrize(
    "name", ["kokoro:af_heart+nobody", "espeak:en-us.f3+en-us.m3", "nobody:a+b", "kokoro:af_heart+"]
)
def test_what_cannot_be_blended_is_no_voice(name: str) -> None:
    assert catalogue_of("kokoro", "espeak").get(name) is None


def test_names_of_kokoro_are_its_voices_whichever_engine_comes_first() -> None:
    for order in (("kokoro", "espeak"), ("espeak", "kokoro")):
        aliases = catalogue_of(*order).aliases("modelslab")
        assert {alias.key: alias.voice_id for alias in aliases if "f_" in alias.key or "m_" in alias.key} == {
            alias.key: f"kokoro:{alias.key}" for alias in aliases
        }
    alone = catalogue_of("espeak").alias("modelslab", "af_heart")
    assert alone is not None
    assert alone.voice_id.startswith("espeak:")


def test_the_other_names_are_voices_and_blends_of_kokoro_each_its_own() -> None:
    catalogue, fixed = catalogue_of("kokoro", "espeak"), fixed_choices("kokoro")
    assert len(set(fixed.values())) == len(fixed)
    by_id = {slot.id: slot for slot in slots()}
    for slot_id, voice_id in fixed.items():
        voice, slot = catalogue.get(voice_id), by_id[slot_id]
        assert voice is not None, voice_id
        assert base_language(voice.language) == base_language(slot.locale), slot_id
        assert slot.gender in ("neutral", voice.gender), slot_id
    chosen = {
        f"{alias.api}:{alias.key}": alias.voice_id
        for api in ("openai", "magichour")
        for alias in catalogue.aliases(api)
    }
    assert chosen == {slot_id: voice_id for slot_id, voice_id in fixed.items() if not slot_id.startswith("stablecog")}

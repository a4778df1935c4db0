"""From a recording to a voice that can speak."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from myna.engines.host import EngineHost
from myna.errors import (
    BodyTooLarge,
    EngineCrashed,
    EngineFailed,
    EngineNotFound,
    EngineTimeout,
    InvalidRequest,
    RateLimited,
    ReferenceRefused,
    Unsupported,
    UnsupportedMedia,
    VoiceBlocked,
)
from myna.voices.blocked import BlockedVoices
from myna.voices.places import Places
from myna.voices.preparing import Preparation
from myna.voices.schemas import REFERENCE_VOICE, NewVoice
from tests.fixtures.cloning import Studio, hum
from tests.fixtures.recordings import median_pitch, wav
from tests.fixtures.speech import ESPEAK_RATE


async def prepared_settings(studio: Studio, recording: bytes, **values: Any) -> dict[str, Any]:
    prepared = await studio.cloning.prepare(studio.ada, recording, **values)
    return dict(prepared.voice.settings)


def prepared_count(studio: Studio) -> int:
    """How often an engine was asked for anything."""
    counters = studio.engines.counters.get("fake")
    return counters.requests if counters else 0


async def test_a_voice_that_can_speak(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    prepared = await studio.cloning.prepare(studio.ada, brief, language="en", similarity=0.5, stability=0.25)
    voice = prepared.voice
    assert (voice.id, voice.kind, voice.engine, voice.quality) == (REFERENCE_VOICE, "cloned", "fake", "matched")
    assert (voice.similarity, voice.stability, voice.language) == (0.5, 0.25, "en")
    assert voice.settings["frequency"] == pytest.approx(median_pitch(brief), rel=0.06)
    assert prepared.capabilities.name == "fake"
    assert len(prepared.embedding) == 256
    assert prepared.reference.base is None, "the rest of the recording does not stay in memory"
    assert prepared.report["language"] == "en"
    assert prepared.report["refusals"] == []
    kept = await studio.cloning.create(studio.ada, prepared, NewVoice("Myna"), api="native")
    assert kept.reference_hash == prepared.reference_hash
    assert (await studio.voices.get(kept.id, studio.ada.account.id)).settings == voice.settings
    assert (await studio.cloning.read_file(kept, "reference.flac")) != brief


async def test_it_is_done_once(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    first, second = await asyncio.gather(*(prepared_settings(studio, brief) for _ in range(2)))
    assert first == second
    assert prepared_count(studio) == 1
    again = await studio.cloning.prepare(studio.ada, brief, similarity=0.1)
    assert (again.voice.similarity, prepared_count(studio)) == (0.1, 1)
    assert (await studio.cloning.prepare(studio.ada, brief)).voice.similarity is None
    await studio.cloning.prepare(studio.grace, brief)
    assert prepared_count(studio) == 2, "accounts share nothing"
    await studio.cloning.prepare(studio.ada, brief, language="de")
    assert prepared_count(studio) == 3


async def test_nothing_of_a_deleted_voice_stays_in_memory(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    prepared = await studio.cloning.prepare(studio.ada, brief)
    kept = await studio.clone(studio.ada, prepared=prepared)
    await studio.cloning.prepare(studio.ada, brief)
    assert prepared_count(studio) == 1
    await studio.cloning.delete(studio.ada.account.id, kept.id)
    await studio.cloning.prepare(studio.ada, brief)
    assert prepared_count(studio) == 2


async def test_a_poor_recording_is_refused_with_its_report(local_studio: Studio) -> None:
    silence = wav(np.zeros(5 * ESPEAK_RATE, np.float32))
    report = await local_studio.cloning.examine(silence, caller=local_studio.ada)
    assert report.refusals
    with pytest.raises(ReferenceRefused) as refused:
        await local_studio.cloning.prepare(local_studio.ada, silence)
    assert refused.value.details["report"] == report.as_json()
    assert report.refusals[0].remedy in refused.value.message
    assert prepared_count(local_studio) == 0


async def test_examine_keeps_nothing(local_studio: Studio, brief: bytes) -> None:
    report = await local_studio.cloning.examine(brief)
    assert (report.refusals, report.second_speaker) == ((), False)
    assert prepared_count(local_studio) == 0
    assert await local_studio.files() == []


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"similarity": 1.5}, InvalidRequest),
        ({"stability": float("nan")}, InvalidRequest),
        ({"language": "no language"}, InvalidRequest),
        ({"transcript": "x" * 5_001}, InvalidRequest),
        ({"engine": "nothing"}, EngineNotFound),
    ],
)
async def test_what_is_refused_before_anything_is_done(
    local_studio: Studio, values: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await local_studio.cloning.prepare(local_studio.ada, b"not even sound", **values)


async def test_recordings_have_limits(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    with pytest.raises(UnsupportedMedia):
        await studio.cloning.prepare(studio.ada, b"no sound at all")
    small = studio.service(max_reference_bytes=1_000)
    for attempt in (small.prepare(studio.ada, brief), small.examine(brief)):
        with pytest.raises(BodyTooLarge, match="1000"):
            await attempt
    short = studio.service(max_reference_seconds=3.0)
    with pytest.raises(ReferenceRefused, match=r"longer than 3 s\. Cut it"):
        await short.prepare(studio.ada, brief)
    with pytest.raises(UnsupportedMedia, match="longer than 3 seconds"):
        await short.examine(brief)


async def test_blocked_speakers_are_refused_also_when_they_were_prepared_before(
    local_studio: Studio, brief: bytes
) -> None:
    studio = local_studio
    await studio.cloning.prepare(studio.ada, brief)
    blocked = await studio.cloning.block(brief, "Somebody", "")
    for caller in (studio.ada, studio.grace):
        with pytest.raises(VoiceBlocked):
            await studio.cloning.prepare(caller, brief)
    await studio.cloning.unblock(blocked.id)
    await studio.cloning.prepare(studio.ada, brief)
    assert prepared_count(studio) == 1


@pytest.mark.parametrize(
    ("transcript", "error", "said"),
    [
        ("fake:refuse=too_faint", ReferenceRefused, "too faint"),
        ("fake:fail=out_of_breath", EngineFailed, "out of breath"),
        ("fake:form=other/2", EngineFailed, "`other"),
        ("fake:crash", EngineCrashed, "ended"),
        ("fake:hang", EngineTimeout, "said nothing"),
    ],
)
async def test_an_engine_that_fails(local_studio: Studio, transcript: str, error: type[Exception], said: str) -> None:
    studio = local_studio
    studio.settings.engine_prepare_seconds = 1.0
    engines = EngineHost(studio.settings, studio.registry)
    blocked = BlockedVoices(studio.settings, studio.database)
    preparation = Preparation(studio.settings, engines, studio.registry, blocked, Places(studio.settings))
    recording = studio.prepared(reference=hum(), transcript=transcript)
    try:
        with pytest.raises(error, match=said):
            await preparation.with_engine(recording, "fake")
        made = await preparation.with_engine(replace(recording, transcript=None), "fake")
    finally:
        await engines.close()
    assert made.voice.settings["format"] == "fake/1"


async def test_an_engine_that_crashes_once_is_asked_again(local_studio: Studio, brief: bytes) -> None:
    transcript = f"fake:crash-once={uuid4()}"
    assert await prepared_settings(local_studio, brief, transcript=transcript, language="ar")


async def test_an_account_has_a_number_of_places(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    asked = [asyncio.create_task(studio.cloning.prepare(studio.ada, brief, language=tag)) for tag in ("en", "de")]
    await asyncio.sleep(0.05)
    for attempt in (
        studio.cloning.prepare(studio.ada, brief, language="fr"),
        studio.cloning.examine(brief, caller=studio.ada),
    ):
        with pytest.raises(RateLimited) as refused:
            await attempt
        assert refused.value.retry_after == 1
    joined = studio.cloning.prepare(studio.ada, brief, language="en")
    other = studio.cloning.prepare(studio.grace, brief)
    await asyncio.gather(joined, other, *asked)
    await studio.cloning.prepare(studio.ada, brief, language="fr")


async def test_without_limits_there_are_places_for_all(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    open_house = studio.service(rate_limits="off", max_concurrent_clones=1)
    await asyncio.gather(*(open_house.prepare(studio.ada, brief, language=tag) for tag in ("en", "de")))
    assert prepared_count(studio) == 2


async def test_who_goes_away_frees_the_place(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    narrow = studio.service(max_concurrent_clones=1)
    asked = asyncio.create_task(narrow.prepare(studio.ada, brief))
    await asyncio.sleep(0.05)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await asyncio.sleep(0.05)
    assert (await narrow.prepare(studio.ada, brief)).voice.engine == "fake"


async def test_work_of_the_server_itself_needs_no_place(local_studio: Studio, brief: bytes) -> None:
    narrow = local_studio.service(max_concurrent_clones=1)
    made = await asyncio.gather(*(narrow.prepare(None, brief, language=tag) for tag in ("en", "de")))
    assert {prepared.language for prepared in made} == {"en", "de"}


async def test_work_for_an_account_waits_its_turn(local_studio: Studio, brief: bytes) -> None:
    """As jobs do: they were accepted, so they are not refused later."""
    narrow = local_studio.service(max_concurrent_clones=1)
    account = local_studio.ada.account
    work = [asyncio.create_task(narrow.prepare(account, brief, language=tag)) for tag in ("en", "de", "fr")]
    await asyncio.sleep(0.05)
    with pytest.raises(RateLimited):
        await narrow.prepare(local_studio.ada, brief)
    assert [prepared.language for prepared in await asyncio.gather(*work)] == ["en", "de", "fr"]
    assert (await narrow.prepare(local_studio.ada, brief)).language is None


async def test_every_recording_takes_a_place(local_studio: Studio, brief: bytes) -> None:
    studio = local_studio
    narrow = studio.service(max_concurrent_clones=1)
    asked = asyncio.create_task(narrow.prepare(studio.ada, brief))
    await asyncio.sleep(0.05)
    for attempt in (
        narrow.read_preview(studio.ada, brief, max_seconds=10),
        narrow.add_consent(studio.ada, "Ada", "en", brief),
        narrow.examine(brief, caller=studio.ada),
    ):
        with pytest.raises(RateLimited):
            await attempt
    await narrow.read_preview(studio.grace, brief, max_seconds=10)
    await asked
    assert (await narrow.read_preview(studio.ada, brief, max_seconds=10)).seconds > 3


def test_the_first_engine_that_clones(local_studio: Studio) -> None:
    assert local_studio.cloning.engine().name == "fake"
    assert local_studio.cloning.engine("fake").cloning
    local_studio.speak_with("espeak", "fake")
    both = local_studio.service()
    assert both.engine().name == "fake"
    with pytest.raises(Unsupported) as refused:
        both.engine("espeak")
    assert refused.value.field == "engine"
    local_studio.speak_with("espeak")
    with pytest.raises(Unsupported, match="No engine"):
        local_studio.service().engine()


async def test_the_first_engine_that_clones_and_speaks_the_language_of_the_recording(local_studio: Studio) -> None:
    local_studio.speak_with("fake", "match")
    service = local_studio.service()
    spoken = {tag.partition("-")[0] for tag in local_studio.registry.describe("fake").languages}
    assert "cy" not in spoken
    assert service._preparation.engine(None, "cy-GB").name == "match"
    assert service._preparation.engine(None, "en-US").name == "fake"
    assert service._preparation.engine(None, "xx").name == "fake"
    assert service._preparation.engine("fake", "cy").name == "fake"


async def test_a_voice_is_kept_for_the_engine_that_was_heard(local_studio: Studio) -> None:
    """The client previewed with one engine and names another when it keeps the voice."""
    studio = local_studio
    heard = studio.prepared()
    await studio.cloning.remember_preview(studio.ada.account.id, b"\1\0\2\0", heard, None)
    another = replace(heard, capabilities=replace(heard.capabilities, name="another"), reference=hum())
    sent_back = (np.array([1, 2], np.float32) / 32_768, 24_000)
    kept = await studio.clone(studio.ada, prepared=another, preview=sent_back)
    assert (kept.engine, kept.preview_verified) == ("fake", True)
    voice = await studio.voices.get(kept.id, studio.ada.account.id)
    assert voice.settings["frequency"] == pytest.approx(220, rel=0.03)

"""Dubs from beginning to end, with fake engines and a film of six seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.dubbing.schemas import STAGES, Dub, LineEdit
from myna.errors import (
    BodyTooLarge,
    Conflict,
    InsufficientCredits,
    InvalidRequest,
    NotFound,
    Unavailable,
    UnsupportedMedia,
    VoiceNotFound,
)
from myna.kit.finishing import all_finished
from myna.media.fetch import Fetcher
from myna.media.probe import packet_hash
from tests.fixtures.dubs import (
    FILM_LINES,
    FILM_SECONDS,
    PRICE,
    SCRIPT,
    SECONDS_TO_DUB,
    Studio,
    hold,
    make_film,
    new_caller,
    request_for,
)
from tests.fixtures.speech import Speak

pytestmark = pytest.mark.timeout(240)


async def test_a_film_is_dubbed_charged_and_recorded(studio: Studio, tmp_path: Path) -> None:
    dub = await studio.dub(details={"output": {"id": "0b6f1e2c-0000-4000-8000-000000000000", "file_name": "mine.mp4"}})
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert await studio.balance() == 100_000 - PRICE
    assert {name: record.starts for name, record in dub.stages.items()} == dict.fromkeys(STAGES, 1)
    target = dub.targets[0]
    assert [(line.source_text, line.text) for line in target.lines] == [
        (text, f"es {text}") for _, _, text in FILM_LINES
    ]
    assert [line.fit for line in target.lines] == ["natural", "absorbed"]
    output = (await studio.services.outputs.of_job(dub.job.id))[0]
    assert (output.id, output.file_name) == (target.output_id, "mine.mp4")
    assert (output.media_type, output.duration) == ("video/mp4", FILM_SECONDS)
    assert (len(output.waveform), max(output.waveform)) == (50, 1.0)
    result = tmp_path / "result.mp4"
    result.write_bytes(await studio.services.storage.get(output.object_key))
    assert await packet_hash(result) == await packet_hash(studio.film)
    assert set(target.files) == {"result", "dialogue", "bed", "source_srt", "source_vtt", "target_srt", "target_vtt"}
    for file in target.files.values():
        assert (await studio.services.storage.head(file.object_key)).size == file.size
    assert not list(studio.work_folder.glob("*"))
    assert (await studio.dubbing.of_job(studio.account_id, dub.job.id)).id == dub.id


async def test_the_dialogue_begins_where_the_source_speaks(studio: Studio) -> None:
    sound = await studio.dialogue(await studio.dub())
    assert len(sound) == FILM_SECONDS * 48_000
    loud = np.flatnonzero(np.abs(sound) > 0.01) / 48_000
    starts = loud[np.concatenate([[True], np.diff(loud) > 0.3])]
    assert np.abs(starts - [start for start, _, _ in FILM_LINES]).max() < 0.1


async def test_several_languages_are_heard_once_and_cost_each(studio: Studio) -> None:
    dub = await studio.dub(request_for("es", "fr", "de"))
    assert dub.job.status == "succeeded"
    assert [target.lines[0].text for target in dub.targets] == [f"{tag} One fine day." for tag in ("es", "fr", "de")]
    assert dub.stages["transcribe"].starts == dub.stages["separate"].starts == 1
    assert await studio.balance() == 100_000 - 3 * PRICE
    assert len(await studio.services.outputs.of_job(dub.job.id)) == 3


async def test_a_film_is_heard_by_an_engine_and_its_speakers_get_voices_that_fit(
    studio: Studio, tmp_path: Path, espeak: Speak
) -> None:
    """Without music: the fake engine takes each sound between two silences for a word."""
    studio.film = make_film(tmp_path / "film.mp4", espeak, bed=0.0)
    dub = await studio.dub(request_for(transcript=None, source_language=None, speakers=2))
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert dub.source_language
    assert all(line.text for line in dub.lines)
    assert len(dub.speakers) == 2
    voices = {line.speaker: line.voice_id for line in dub.targets[0].lines}
    by_pitch = sorted(dub.speakers, key=lambda speaker: speaker.pitch)
    genders = [(await studio.services.voices.get(voices[each.id], studio.account_id)).gender for each in by_pitch]
    assert genders == ["male", "female"]


async def test_the_sources_own_subtitles_are_its_script(studio: Studio, tmp_path: Path, espeak: Speak) -> None:
    path = make_film(tmp_path / "film.mkv", espeak, subtitles=FILM_LINES)
    dub = await studio.dub(request_for(transcript=None, use_subtitles=True), source=path.read_bytes())
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert [line.text for line in dub.lines] == [text for _, _, text in FILM_LINES]
    assert dub.targets[0].files["result"].media_type == "video/x-matroska"


async def test_a_translation_that_is_sent_is_spoken(studio: Studio) -> None:
    dub = await studio.dub(request_for(translations={"es": "Un buen día.\nOtro día."}))
    assert [line.text for line in dub.targets[0].lines] == ["Un buen día.", "Otro día."]


async def test_clones_of_the_speakers_speak(studio: Studio) -> None:
    dub = await studio.dub(request_for(clone_speakers=True, speakers=1))
    if dub.job.status == "failed":  # two short sentences are less than the least that a voice is made from
        assert dub.job.error_message
        assert "speaker-1" in dub.job.error_message
        assert "voices" in dub.job.error_message
    else:
        assert {line.voice_id for line in dub.targets[0].lines} == {"clone:speaker-1"}


async def test_a_line_too_long_for_its_place_gets_fewer_words(studio: Studio) -> None:
    script = SCRIPT.replace("One fine day.", "translate:long=9 One fine day is long")
    dub = await studio.dub(request_for(transcript=script))
    line = dub.targets[0].lines[0]
    assert (line.fit, line.text) == ("shortened", "One fine")
    assert line.end <= dub.targets[0].lines[1].start


async def test_a_line_is_paced_before_it_is_stretched(studio: Studio) -> None:
    script = SCRIPT.replace("Another day.", "translate:long=3 Another day comes by")
    dub = await studio.dub(request_for(transcript=script))
    line = dub.targets[0].lines[1]
    assert line.rate > 1.0
    assert line.fit in ("paced", "stretched")
    assert line.end <= FILM_SECONDS


async def test_the_same_job_id_again_is_the_same_dub(studio: Studio) -> None:
    job_id = "5d7e1a7a-3b5e-4b5e-9d5e-0a8b8f6f2c11"
    first, again = await studio.create(job_id=job_id), await studio.create(job_id=job_id)
    assert first.id == again.id == job_id
    assert (await studio.dubbing.list(studio.account_id)).items[0].id == job_id
    stranger = await new_caller_of(studio)
    with pytest.raises(Conflict):
        await studio.create(job_id=job_id, caller=stranger)


async def new_caller_of(studio: Studio) -> Caller:
    account = await studio.services.accounts.create_account("grace")
    await studio.services.credits.grant(account.id, 100_000)
    _, token = await studio.services.accounts.create_key(account.id, "grace")
    return await studio.services.accounts.authenticate(token)


REFUSED: list[tuple[dict[str, Any], dict[str, Any], type[Exception]]] = [
    ({}, {"source": b"no film at all, just words"}, UnsupportedMedia),
    ({}, {"source": b""}, UnsupportedMedia),
    ({}, {"source": None}, InvalidRequest),
    ({"source_url": "http://example.org/film.mp4"}, {}, InvalidRequest),
    ({"target_languages": ()}, {}, InvalidRequest),
    ({"target_languages": ("spanish!",)}, {}, InvalidRequest),
    ({"target_languages": tuple(f"{a}{b}" for a in "abc" for b in "abcd")}, {}, InvalidRequest),
    ({"speed": 9.0}, {}, InvalidRequest),
    ({"most_stretch": 0.5}, {}, InvalidRequest),
    ({"speakers": 0}, {}, InvalidRequest),
    ({"seed": -1}, {}, InvalidRequest),
    ({"transcript": " \n"}, {}, InvalidRequest),
    ({"use_subtitles": True}, {}, InvalidRequest),
    ({"transcript": None, "use_subtitles": True}, {}, InvalidRequest),
    ({"translations": {"fr": "Oui"}}, {}, InvalidRequest),
    ({"transcript": "one\ntwo", "translations": {"es": "uno"}}, {}, InvalidRequest),
    ({"glossary": {"": "x"}}, {}, InvalidRequest),
    ({"voice_id": "nobody"}, {}, VoiceNotFound),
    ({"voices": {"speaker-1": "nobody"}}, {}, VoiceNotFound),
    ({"target_languages": ("sw",)}, {}, NotFound),
]


@pytest.mark.parametrize(("values", "arguments", "error"), REFUSED)
async def test_what_is_wrong_is_said_at_once_and_leaves_nothing(
    studio: Studio, values: dict[str, Any], arguments: dict[str, Any], error: type[Exception]
) -> None:
    request = replace(request_for(), **values)
    with pytest.raises(error):
        await studio.create(request, **arguments)
    assert await studio.files() == []
    assert await studio.balance() == 100_000
    assert (await studio.services.jobs.list(studio.account_id)).items == []


async def test_too_large_a_file_is_refused_before_it_is_stored(studio: Studio) -> None:
    studio.dubbing._files._max_bytes = 10_000

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(5_000)

    with pytest.raises(BodyTooLarge):
        await studio.create(source=endless())
    assert await studio.files() == []


async def test_without_credits_nothing_is_stored(dub_node: Node, film: Path) -> None:
    poor = Studio(dub_node, await new_caller(dub_node, PRICE - 1, "poor"), film)
    with pytest.raises(InsufficientCredits):
        await poor.create()
    assert await poor.files() == []


@pytest.mark.parametrize("trouble", ["the request is canceled", "the queue is away"])
async def test_a_dub_that_was_recorded_keeps_its_source_and_is_made(
    studio: Studio, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = asyncio.Event()

    async def enqueue(*_: object) -> None:
        beginning.set()
        await asyncio.sleep(0.05)
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(studio.node.work, "enqueue", enqueue)
        creating = asyncio.create_task(studio.create())
        await beginning.wait()
        if trouble == "the request is canceled":
            creating.cancel()
        await asyncio.wait({creating})
        await all_finished(10)
    assert creating.cancelled() or creating.result()
    [job] = (await studio.services.jobs.list(studio.account_id)).items
    assert await studio.files() == [
        f"dubs/{studio.account_id}/{job.id}/source",
        str(studio.work_folder / job.id / "source"),
    ]
    assert await studio.dubbing.resume_unstarted(older_than=0.0) == 1
    assert (await studio.dubbing.wait(studio.account_id, job.id, SECONDS_TO_DUB)).job.status == "succeeded"


@pytest.mark.parametrize("stage", STAGES)
async def test_a_dub_that_is_canceled_leaves_no_files(
    studio: Studio, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = hold(stage, monkeypatch)
    dub = await studio.create()
    await asyncio.wait_for(reached.wait(), SECONDS_TO_DUB)
    running = await studio.dubbing.get(studio.account_id, dub.id)
    assert (running.job.status, running.job.stage) == ("running", stage)
    with pytest.raises(Conflict):
        await studio.dubbing.edit_line(studio.caller, dub.id, "es", 1, LineEdit(text="x"))
    assert (await studio.dubbing.cancel(studio.account_id, dub.id)).job.status == "canceled"
    await studio.until_clear(dub)
    assert await studio.files() == []
    assert await studio.balance() == 100_000
    with pytest.raises(Conflict):
        await studio.dubbing.redub(studio.caller, dub.id, api="native", base_url="")


async def test_progress_grows_from_stage_to_stage(studio: Studio) -> None:
    dub, seen = await studio.create(), []
    while not (now := await studio.dubbing.get(studio.account_id, dub.id)).job.finished:
        seen.append((now.job.stage, now.job.progress))
        await asyncio.sleep(0.02)
    progress = [share for _, share in seen]
    assert progress == sorted(progress)
    assert {stage for stage, _ in seen if stage} <= set(STAGES)
    assert len({stage for stage, _ in seen}) > 3
    assert now.job.progress == 1.0


BROKEN = SCRIPT.replace("Another day.", "Another fake:fail=hoarse day.")


async def test_a_line_that_cannot_be_spoken_fails_the_job_and_is_named(studio: Studio) -> None:
    dub = await studio.dub(request_for(transcript=BROKEN))
    assert (dub.job.status, dub.job.error_code) == ("failed", "engine_failed")
    assert dub.job.error_message
    assert "Line 2" in dub.job.error_message
    assert "hoarse" in dub.job.error_message
    assert await studio.balance() == 100_000
    lines = await studio.dubbing.lines(studio.account_id, dub.id, "es")
    assert [bool(line.error) for line in lines] == [False, True]


async def test_a_failed_dub_goes_on_once_its_line_is_put_right(studio: Studio) -> None:
    failed = await studio.dub(request_for(transcript=BROKEN))
    await studio.dubbing.edit_line(studio.caller, failed.id, "es", 2, LineEdit(text="Otro día."))
    assert (await studio.dubbing.quote(studio.account_id, failed.id)).price == PRICE
    dub = await studio.redub(failed)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert dub.job.id != failed.job.id
    assert [line.text for line in dub.targets[0].lines] == ["es One fine day.", "Otro día."]
    assert await studio.balance() == 100_000 - PRICE


async def test_a_line_that_cannot_be_spoken_is_marked_when_that_is_wanted_and_not_charged(studio: Studio) -> None:
    dub = await studio.dub(request_for(transcript=BROKEN, on_failed_line="mark"))
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    lines = dub.targets[0].lines
    assert [line.fit for line in lines] == ["natural", "failed"]
    assert "hoarse" in (lines[1].error or "")
    assert 0 < dub.job.charged < PRICE
    assert (await studio.dubbing.quote(studio.account_id, dub.id)).lines == {"es": (2,)}


async def test_a_dub_without_a_single_spoken_line_fails(studio: Studio) -> None:
    script = SCRIPT.replace("day.", "fake:fail=hoarse day.")
    dub = await studio.dub(request_for(transcript=script, on_failed_line="mark"))
    assert (dub.job.status, dub.job.error_code) == ("failed", "engine_failed")


async def test_a_line_that_cannot_be_translated_is_named(studio: Studio) -> None:
    script = SCRIPT.replace("Another day.", "Another translate:fail=untranslatable day.")
    dub = await studio.dub(request_for(transcript=script))
    assert dub.job.status == "failed"
    assert "Line 2" in (dub.job.error_message or "")


async def test_an_engine_that_crashes_once_is_tried_again(studio: Studio, tmp_path: Path) -> None:
    script = SCRIPT.replace("Another day.", f"Another fake:crash-once={tmp_path.name} day.")
    dub = await studio.dub(request_for(transcript=script))
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)


async def test_one_changed_line_is_spoken_anew_and_all_else_is_the_same(studio: Studio) -> None:
    first = await studio.dub()
    before, takes = await studio.dialogue(first), takes_in(await studio.files())
    changed = await studio.dubbing.edit_line(studio.caller, first.id, "es", 2, LineEdit(text="Muy tarde."))
    assert changed.edited
    assert (await studio.dubbing.lines(studio.account_id, first.id, "es"))[1].text == "Muy tarde."
    quote = await studio.dubbing.quote(studio.account_id, first.id)
    assert 0 < quote.price < PRICE
    again = await studio.redub(first)
    assert (again.job.status, again.job.charged, again.id) == ("succeeded", quote.price, first.id)
    after = await studio.dialogue(again)
    where = np.flatnonzero(before != after) / 48_000
    assert where.min() >= FILM_LINES[1][0] - 0.01
    assert again.targets[0].lines[0] == first.targets[0].lines[0]
    assert again.targets[0].lines[1] == replace(again.targets[0].lines[1], text="Muy tarde.", edited=False)
    assert len(takes_in(await studio.files()) - takes) == 1
    assert again.targets[0].output_id != first.targets[0].output_id
    assert len(await studio.services.outputs.of_job(first.job.id)) == 1
    with pytest.raises(Conflict):
        await studio.dubbing.redub(studio.caller, again.id, api="native", base_url="")


def takes_in(files: list[str]) -> set[str]:
    return {name for name in files if "/takes/" in name}


async def test_a_line_that_is_moved_starts_where_it_is_wanted(studio: Studio) -> None:
    first = await studio.dub()
    await studio.dubbing.edit_line(studio.caller, first.id, "es", 2, LineEdit(start=4.0, end=5.5))
    again = await studio.redub(first)
    assert again.targets[0].lines[1].start == 4.0
    assert again.targets[0].lines[0] == first.targets[0].lines[0]


async def test_a_speaker_gets_another_voice(studio: Studio) -> None:
    first = await studio.dub(request_for(speakers=1))
    await studio.dubbing.edit_speaker(studio.caller, first.id, "speaker-1", name="Ann", voice_id="fake:es-MX.2")
    again = await studio.redub(first)
    assert again.speakers[0].name == "Ann"
    assert {line.voice_id for line in again.targets[0].lines} == {"fake:es-MX.2"}
    with pytest.raises(VoiceNotFound):
        await studio.dubbing.edit_speaker(studio.caller, first.id, "speaker-1", voice_id="nobody")


async def test_a_canceled_redub_leaves_the_dub_as_it_was(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await studio.dub()
    before = await studio.dialogue(first)
    await studio.dubbing.edit_line(studio.caller, first.id, "es", 2, LineEdit(text="Muy tarde."))
    reached = hold("mux", monkeypatch)
    await studio.dubbing.redub(studio.caller, first.id, api="native", base_url="")
    await asyncio.wait_for(reached.wait(), SECONDS_TO_DUB)
    await studio.dubbing.cancel(studio.account_id, first.id)
    await studio.until_clear(first)
    left = await studio.dubbing.get(studio.account_id, first.id)
    assert left.targets[0].files == first.targets[0].files
    assert np.array_equal(await studio.dialogue(left), before)
    assert left.targets[0].lines[1].edited
    assert await studio.balance() == 100_000 - PRICE
    assert not [name for name in await studio.files() if left.job.id in name]


async def test_a_deleted_dub_leaves_nothing(studio: Studio) -> None:
    dub = await studio.dub()
    stranger = await new_caller_of(studio)
    for call in calls_of(studio, dub, stranger.account.id):
        with pytest.raises(NotFound):
            await call()
    await studio.dubbing.delete(studio.account_id, dub.id)
    assert await studio.files() == []
    assert await studio.services.outputs.of_job(dub.job.id) == []
    for call in calls_of(studio, dub, studio.account_id):
        with pytest.raises(NotFound):
            await call()


def calls_of(studio: Studio, dub: Dub, account_id: str) -> list[Callable[[], Any]]:
    dubbing = studio.dubbing
    return [
        lambda: dubbing.get(account_id, dub.id),
        lambda: dubbing.lines(account_id, dub.id, "es"),
        lambda: dubbing.file(account_id, dub.id, "es", "result"),
        lambda: dubbing.quote(account_id, dub.id),
        lambda: dubbing.cancel(account_id, dub.id),
        lambda: dubbing.delete(account_id, dub.id),
    ]


async def test_a_running_dub_that_is_deleted_ends_and_leaves_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = hold("listen", monkeypatch)
    dub = await studio.create()
    await asyncio.wait_for(reached.wait(), SECONDS_TO_DUB)
    await studio.dubbing.delete(studio.account_id, dub.id)
    await studio.until_clear(dub)
    await studio.dubbing.remove_left()
    assert await studio.files() == []
    assert await studio.balance() == 100_000


async def test_a_language_or_file_that_the_dub_has_not_is_not_found(studio: Studio) -> None:
    dub = await studio.dub()
    with pytest.raises(NotFound, match="es"):
        await studio.dubbing.lines(studio.account_id, dub.id, "fr")
    with pytest.raises(NotFound):
        await studio.dubbing.file(studio.account_id, dub.id, "es", "stems")


@pytest.fixture
def address(film: Path) -> Iterator[str]:
    """Where the film can be fetched."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(film.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{film.name}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_film_at_an_address_is_held_by_estimate_and_charged_by_its_length(studio: Studio, address: str) -> None:
    made = await studio.create(request_for(source_url=address), source=None)
    assert made.job.price == 60 * 250
    dub = await studio.dubbing.wait(studio.account_id, made.id, SECONDS_TO_DUB)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert (dub.job.price, dub.job.charged) == (PRICE, PRICE)
    assert await studio.balance() == 100_000 - PRICE


async def test_a_film_at_an_address_that_costs_more_than_there_is_fails_uncharged(studio: Studio, address: str) -> None:
    studio.services.settings.dub_estimate_seconds = 1.0
    poor = Studio(studio.node, await new_caller(studio.node, PRICE - 1, "poor"), studio.film)
    dub = await poor.dub(request_for(source_url=address), source=None)
    assert (dub.job.status, dub.job.error_code) == ("failed", "insufficient_credits")
    assert await poor.balance() == PRICE - 1


async def test_a_film_at_an_address_that_is_refused_leaves_nothing(studio: Studio, address: str, film: Path) -> None:
    """It begins as a film, so only the job can tell; then nothing of it is kept, and nothing is charged."""
    damaged = film.with_name("damaged.mp4")
    damaged.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    dub = await studio.dub(request_for(source_url=address.replace(film.name, damaged.name)), source=None)
    assert (dub.job.status, dub.job.error_code, dub.job.charged) == ("failed", "unsupported_media", 0)
    await studio.until_clear(dub)
    assert await studio.files() == []


async def test_a_source_may_take_as_long_to_come_as_the_setting_says(
    studio: Studio, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[float] = []
    fetch_to = Fetcher.fetch_to

    async def noted(fetcher: Fetcher, url: str, path: Path, **limits: Any) -> int:
        allowed.append(limits["seconds"])
        return await fetch_to(fetcher, url, path, **limits)

    monkeypatch.setattr(Fetcher, "fetch_to", noted)
    studio.services.settings.dub_fetch_seconds = 77.0
    dub = await studio.dub(request_for(source_url=address), source=None)
    assert (dub.job.status, allowed) == ("succeeded", [77.0])

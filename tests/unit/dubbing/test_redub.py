"""Dubs that are changed and dubbed anew, and dubs that are deleted: only what changed is made, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.dubbing import workflow
from myna.dubbing.schemas import Dub, LineEdit
from myna.dubbing.steps import Report
from myna.dubbing.store import Work
from myna.errors import InvalidRequest, NotFound, StorageFull, Unsupported, UnsupportedMedia
from tests.fixtures.dubs import FILM_LINES, SECONDS_TO_DUB, Studio, make_film, request_for
from tests.fixtures.speech import Speak

pytestmark = pytest.mark.timeout(240)
NAMED = "WEBVTT\n\n" + "\n".join(
    f"00:0{start:.3f} --> 00:0{end:.3f}\n<v {name}>{text}\n"
    for name, (start, end, text) in zip(("Grace", "Ada"), FILM_LINES, strict=True)
)


@pytest.fixture
def studio(dub_node: Node, dubber: Caller, film: Path) -> Studio:
    return Studio(dub_node, dubber, film)


async def under(studio: Studio, dub: Dub) -> set[str]:
    """What the storage has of a dub, without account and dub."""
    prefix = f"dubs/{studio.account_id}/{dub.id}/"
    return {found.key.removeprefix(prefix) async for found in studio.services.storage.list(prefix)}


def folders(studio: Studio) -> list[str]:
    """All folders of dubs, in the storage and on this node."""
    roots = studio.node.settings.data_dir / "files" / "dubs", studio.work_folder
    return [str(Path(path, name)) for root in roots for path, names, _ in os.walk(root) for name in names]


async def test_a_language_without_a_change_keeps_its_result_output_and_links(studio: Studio) -> None:
    first = await studio.dub(request_for("es", "fr", "de"))
    balance = await studio.balance()
    await studio.dubbing.edit_line(studio.caller, first.id, "fr", 2, LineEdit(text="fr Tard."))
    quote = await studio.dubbing.quote(studio.account_id, first.id)
    again = await studio.redub(first)
    assert (again.job.status, again.job.charged) == ("succeeded", quote.price)
    assert balance - await studio.balance() == quote.price
    before, after = ({target.language: target for target in dub.targets} for dub in (first, again))
    assert (after["es"], after["de"]) == (before["es"], before["de"])
    assert after["fr"].output_id != before["fr"].output_id
    assert len(await studio.services.outputs.of_job(again.job.id)) == 1
    made = {name.partition("/")[0] for name in await under(studio, first) if f"/{again.job.id}/" in name}
    assert made == {"fr"}
    assert {record.starts for record in again.stages.values()} == {1}


async def test_a_changed_line_that_fails_again_is_not_charged_and_the_others_are(studio: Studio) -> None:
    first = await studio.dub(request_for(on_failed_line="mark"))
    await studio.dubbing.edit_line(studio.caller, first.id, "es", 1, LineEdit(text="fake:fail=hoarse"))
    await studio.dubbing.edit_line(studio.caller, first.id, "es", 2, LineEdit(text="Muy tarde."))
    quote = await studio.dubbing.quote(studio.account_id, first.id)
    again = await studio.redub(first)
    assert (again.job.status, [line.fit == "failed" for line in again.targets[0].lines]) == ("succeeded", [True, False])
    assert 0 < again.job.charged < quote.price


async def test_what_a_redub_replaced_goes_and_its_result_stays_until_its_output_is_deleted(studio: Studio) -> None:
    first = await studio.dub(request_for("es", "fr"))
    await studio.until_clear(first)
    await studio.dubbing.edit_line(studio.caller, first.id, "es", 2, LineEdit(text="Muy tarde."))
    again = await studio.redub(first)
    await studio.until_clear(again)
    left = await under(studio, again)
    shown = {line.take for target in again.targets for line in target.lines}
    assert {name for name in left if name.startswith("takes/")} == {f"takes/{take}.flac" for take in shown}
    old = f"es/{first.job.id}/"
    assert {name for name in left if name.startswith(old)} == {f"{old}video.mp4"}
    assert {name for name in left if name.startswith("fr/")} == {
        file.object_key.partition(again.id + "/")[2] for name, file in first.targets[1].files.items() if name != "bed"
    }
    await studio.services.outputs.delete(studio.account_id, [str(first.targets[0].output_id)])
    assert not {name for name in await under(studio, again) if name.startswith(old)}
    for target in again.targets:
        for file in target.files.values():
            assert (await studio.services.storage.head(file.object_key)).size == file.size


async def test_deleted_dubs_leave_no_folders(studio: Studio) -> None:
    dub = await studio.dub()
    await studio.until_clear(dub)
    await studio.dubbing.delete(studio.account_id, dub.id)
    assert folders(studio) == []


async def test_a_refused_file_leaves_no_folders(studio: Studio) -> None:
    with pytest.raises(UnsupportedMedia, match="neither video nor sound"):
        await studio.create(source=b"no film at all, just words")
    assert folders(studio) == []


@pytest.mark.parametrize("stage", ["extract", "separate", "mix", "mux"])
async def test_a_running_dub_that_is_deleted_ends_quietly_as_canceled(
    studio: Studio, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files go while the stage works; what the stage says of that is nobody's concern."""
    began, go_on = hold_back(stage, monkeypatch)
    with structlog.testing.capture_logs() as said:
        dub = await studio.create()
        await asyncio.wait_for(began.wait(), SECONDS_TO_DUB)
        await studio.dubbing.delete(studio.account_id, dub.id)
        go_on.set()
        await studio.until_clear(dub)
    job = await studio.services.jobs.find(dub.id)
    assert job is not None
    assert (job.status, job.error_code, job.error_message) == ("canceled", None, None)
    assert [entry for entry in said if entry["log_level"] in ("warning", "error", "critical")] == []
    assert await studio.files() == []
    assert folders(studio) == []
    assert await studio.balance() == 100_000


async def test_what_a_stage_says_whose_files_were_deleted_is_nobodys_concern(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A sound file that cannot be written, as its folder is gone, looks like a disk without room."""
    began, go_on = hold_back("separate", monkeypatch, StorageFull())
    dub = await studio.create()
    await asyncio.wait_for(began.wait(), SECONDS_TO_DUB)
    await studio.dubbing.delete(studio.account_id, dub.id)
    go_on.set()
    await studio.until_clear(dub)
    assert [
        record.getMessage() for record in caplog.records if "room" in f"{record.getMessage()}{record.exc_text}"
    ] == []
    job = await studio.services.jobs.find(dub.id)
    assert job is not None
    assert (job.status, job.error_message) == ("canceled", None)


def hold_back(
    stage: str, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None
) -> tuple[asyncio.Event, asyncio.Event]:
    """The stage waits before it works, or fails. The first event is set when it has begun; the second lets it go on."""
    began, go_on, stages = asyncio.Event(), asyncio.Event(), workflow._steps._stages
    original = stages[stage]

    async def held(work: Work, report: Report) -> None:
        began.set()
        await go_on.wait()
        if error:
            raise error
        await original(work, report)

    monkeypatch.setitem(stages, stage, held)  # type: ignore[arg-type]
    return began, go_on


async def test_a_voice_that_does_not_speak_the_language_is_refused(studio: Studio) -> None:
    refused: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("es",), {"voice_id": "fake:en-US.2"}),
        (("es", "fr"), {"voice_id": "fake:es-ES.1"}),
        (("es",), {"voices": {"speaker-1": "fake:en-US.2"}}),
        (("es", "fr"), {"voices": {"fr/speaker-1": "fake:es-ES.1"}}),
        (("pt-BR",), {"voices": {"pt-br": "fake:es-ES.1"}}),
    ]
    for languages, values in refused:
        with pytest.raises(Unsupported, match=r"speaks `\S*`, not `\S*`\. Name one that does"):
            await studio.create(request_for(*languages, **values))
    assert await studio.balance() == 100_000


async def test_a_voice_for_nobody_is_refused(studio: Studio) -> None:
    for key in ("speaker1", "speaker-0", "de/speaker-1", "de", "Ada", "es/Ada"):
        with pytest.raises(InvalidRequest, match=r"into which nothing is dubbed|names no speaker"):
            await studio.create(request_for(voices={key: "fake:es-ES.1"}))


async def test_each_language_has_its_voice_and_a_speaker_another_one_in_one_language(studio: Studio) -> None:
    dub = await studio.dub(request_for("es", "fr", speakers=1, voices={"ES": "fake:es-ES.3", "fr": "fake:fr-FR.2"}))
    assert [{line.voice_id for line in target.lines} for target in dub.targets] == [{"fake:es-ES.3"}, {"fake:fr-FR.2"}]
    with pytest.raises(Unsupported):
        await studio.dubbing.edit_speaker(studio.caller, dub.id, "speaker-1", voice_id="fake:fr-FR.5")
    with pytest.raises(NotFound):
        await studio.dubbing.edit_speaker(studio.caller, dub.id, "speaker-1", voice_id="fake:fr-FR.5", language="de")
    changed = await studio.dubbing.edit_speaker(
        studio.caller, dub.id, "speaker-1", voice_id="fake:fr-FR.5", language="fr"
    )
    assert [bool(target.changed) for target in changed.targets] == [False, True]
    assert {line.voice_id for line in changed.targets[1].lines} == {"fake:fr-FR.5"}


async def test_names_in_webvtt_are_the_speakers(studio: Studio) -> None:
    dub = await studio.dub(request_for(transcript=NAMED, voices={"ada": "fake:es-MX.2"}))
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert [(speaker.id, speaker.name) for speaker in dub.speakers] == [("speaker-1", "Grace"), ("speaker-2", "Ada")]
    assert [line.speaker for line in dub.lines] == ["speaker-1", "speaker-2"]
    assert dub.targets[0].lines[1].voice_id == "fake:es-MX.2"
    assert dub.speakers[0].pitch > dub.speakers[1].pitch > 0
    vtt = await studio.services.storage.get(dub.targets[0].files["target_vtt"].object_key)
    assert "<v Grace>es One fine day." in vtt.decode()


async def test_speech_that_nobody_is_named_for_is_one_more_speakers_unless_a_named_voice_is_like_it(
    studio: Studio,
) -> None:
    script = NAMED.replace("<v Ada>", "")
    dub = await studio.dub(request_for(transcript=script))
    assert [speaker.name for speaker in dub.speakers] == ["Grace", "Speaker 2"]
    assert [line.speaker for line in dub.lines] == ["speaker-1", "speaker-2"]


async def test_a_wrong_number_of_lines_for_subtitles_is_refused_at_once(studio: Studio) -> None:
    with pytest.raises(InvalidRequest, match="The transcript has 2 lines"):
        await studio.create(request_for(translations={"es": "uno\ndos\ntres"}))


async def test_a_dub_with_a_wrong_number_of_lines_goes_on_with_a_right_script(
    studio: Studio, tmp_path: Path, espeak: Speak
) -> None:
    """How many lines are heard is known only after the job was accepted."""
    studio.film = make_film(tmp_path / "film.mp4", espeak, bed=0.0)
    failed = await studio.dub(request_for("es", "fr", transcript=None, translations={"es": "\n".join("abcdefghijkl")}))
    assert failed.job.status == "failed"
    assert "send a script with as many lines" in (failed.job.error_message or "")
    said = await studio.dubbing.lines(studio.account_id, failed.id, "es")
    assert [line.source_text for line in said] == [line.text for line in failed.lines]
    with pytest.raises(InvalidRequest, match=f"The source has {len(said)} lines"):
        await studio.dubbing.send_script(studio.caller, failed.id, "es", "uno\n" * (len(said) + 1))
    with pytest.raises(NotFound, match="not there yet"):
        await studio.dubbing.edit_line(studio.caller, failed.id, "es", 1, LineEdit(text="x"))
    right = [f"línea {line.number}" for line in said]
    sent = await studio.dubbing.send_script(studio.caller, failed.id, "es", "\n".join(right))
    assert [line.text for line in sent] == right
    dub = await studio.redub(failed)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert [line.text for line in dub.targets[0].lines] == right


class Films(BaseHTTPRequestHandler):
    """Has one film at every path, and says its name where the path ends with `download`."""

    film: bytes = b""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path.endswith("download"):
            self.send_header("Content-Disposition", "attachment; filename*=UTF-8''My%2F%20f%C3%ADlm.mp4")
        self.send_header("Content-Length", str(len(self.film)))
        self.end_headers()
        self.wfile.write(self.film)

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def films(film: Path) -> Iterator[str]:
    Films.film = film.read_bytes()
    with ThreadingHTTPServer(("127.0.0.1", 0), Films) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/..%2FMein%20F%C3%ADlm.mp4?signature=1", "Mein Fílm.mp4"),
        ("/download", "fílm.mp4"),
        ("/", ""),
        ("/%00%E2%80%AEx.mp4", "x.mp4"),
    ],
)
async def test_a_film_at_an_address_has_the_name_that_it_has_there(
    studio: Studio, films: str, path: str, name: str
) -> None:
    dub = await studio.create(request_for(source_url=films + path, file_name=""), source=None)
    assert dub.name == name
    await studio.dubbing.delete(studio.account_id, dub.id)
    await studio.until_clear(dub)

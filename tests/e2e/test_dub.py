"""Films with English speech at known moments become Spanish, with all that runs on this machine: pocketsphinx,
apertium, espeak. The speech is flite's, which pocketsphinx understands best."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from myna.accounts.schemas import Caller
from myna.app import Node, build_node
from myna.dubbing.schemas import Dub, DubbedLine, DubRequest, LineEdit
from myna.media.extract import extract_sound
from myna.media.probe import packet_hash, probe_untrusted
from myna.media.soundfiles import SoundReader
from myna.settings import Settings
from tests.fixtures.videos import Film, make_video, music

RATE = 48_000
FLITE_RATE = 16_000
SENTENCES = (
    "The house is very old.",
    "Two dogs sleep in the garden.",
    "The water in the river is cold.",
    "My brother works in the city.",
    "They eat bread and cheese.",
    "The train arrives in the morning.",
    "She reads a book every week.",
    "The children play in the street.",
    "We open the window in summer.",
    "The night is long and dark.",
)
GAPS = (1.0, 0.9, 1.3, 0.8, 1.1, 1.0, 1.4, 0.9, 1.2, 1.0)
SPANISH = {"río", "hermano", "ciudad", "pan", "queso", "tren", "libro", "semana", "niños", "calle", "ventana", "verano"}
"""Of the words that the sentences become; pocketsphinx does not hear all of them under music."""
SECONDS_TO_DUB = 240


@dataclass(frozen=True)
class Scene:
    """A film, and when each of its sentences is said."""

    path: Path
    film: Film
    spans: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Dubbed:
    node: Node
    caller: Caller
    dub: Dub
    folder: Path

    async def file(self, dub: Dub, name: str) -> bytes:
        return await self.node.services.storage.get(dub.targets[0].files[name].object_key)

    async def dialogue(self, dub: Dub) -> NDArray[np.float32]:
        return soundfile.read(io.BytesIO(await self.file(dub, "dialogue")), dtype="float32")[0]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("film")
    at, speech, spans = 0.0, [], []
    for sentence, gap in zip(SENTENCES, GAPS, strict=True):
        spoken = said_by_flite(sentence, folder / "sentence.wav")
        at = round(at + gap, 2)
        speech.append((at, spoken))
        spans.append((at, at + len(spoken) / FLITE_RATE))
        at = spans[-1][1]
    film = Film(round(at + 1.5, 1), speech, FLITE_RATE, bed=0.02)
    return Scene(make_video(folder / "film.mp4", film), film, spans)


def said_by_flite(text: str, path: Path) -> NDArray[np.float32]:
    if not shutil.which("flite") or not shutil.which("apertium"):
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("flite or apertium is not installed: scripts/setup-system installs them")
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True, timeout=60)
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == FLITE_RATE
    return audible(samples)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """All engines that this machine has."""
    settings = Settings(data_dir=tmp_path, engines=["espeak"], engine_processes=1, storage_url="memory://")
    node = build_node(settings)
    await node.start()
    yield node
    await node.stop()


def audible(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the silence around it, so that one knows when it begins."""
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def onsets(dialogue: NDArray[np.float32]) -> NDArray[np.float64]:
    """Seconds at which sound comes after a quarter of a second of silence."""
    frame = RATE // 200
    frames = dialogue[: len(dialogue) // frame * frame].reshape(-1, frame)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > 0.003)
    first = np.concatenate([[True], np.diff(loud) > 50])
    return loud[first] * frame / RATE


async def dubbed(node: Node, caller: Caller, scene: Scene, request: DubRequest) -> Dub:
    dubbing = node.services.dubbing
    made = await dubbing.create(caller, request, api="native", base_url="", source=scene.path.read_bytes())
    return await dubbing.wait(caller.account.id, made.id, SECONDS_TO_DUB)


@pytest.mark.timeout(600)
async def test_a_heard_film_is_dubbed_in_sync(node: Node, caller: Caller, scene: Scene, tmp_path: Path) -> None:
    dub = await dubbed(node, caller, scene, DubRequest(("es",), source_language="en", file_name="film.mp4"))
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    lines = dub.targets[0].lines
    check_lines(lines)
    assert max(abs(line.start - line.source_start) for line in lines) <= 0.1
    understood = SPANISH & set(" ".join(line.text for line in lines).lower().replace(".", " ").split())
    assert len(understood) >= 4, [line.text for line in lines]
    await check_film(Dubbed(node, caller, dub, tmp_path), scene)


@pytest.mark.timeout(600)
async def test_one_of_ten_lines_is_done_anew(node: Node, caller: Caller, scene: Scene, tmp_path: Path) -> None:
    """The script is known here: ten plain lines, which are found in the sound."""
    request = DubRequest(("es",), source_language="en", file_name="film.mp4", transcript="\n".join(SENTENCES))
    dub = await dubbed(node, caller, scene, request)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    first = Dubbed(node, caller, dub, tmp_path)
    assert [line.source_text for line in dub.targets[0].lines] == list(SENTENCES)
    check_lines(dub.targets[0].lines)
    check_onsets(await first.dialogue(dub), scene)
    await check_one_line_anew(first)


def check_lines(lines: Sequence[DubbedLine]) -> None:
    """All are spoken, in order, and none overlaps."""
    for line, following in pairwise(lines):
        assert line.end <= following.start
    assert not [line for line in lines if line.fit in ("failed", "overflow")]


def check_onsets(dialogue: NDArray[np.float32], scene: Scene) -> None:
    heard = onsets(dialogue)
    errors = [float(np.abs(heard - start).min()) for start, _ in scene.spans]
    assert np.percentile(errors, 95) <= 0.1, errors


async def check_film(first: Dubbed, scene: Scene) -> None:
    """As long as its source, with its very pictures, and its music wherever nobody speaks."""
    result = first.folder / "result.mp4"
    result.write_bytes(await first.file(first.dub, "result"))
    source, made = await probe_untrusted(scene.path), await probe_untrusted(result)
    assert abs(made.duration - source.duration) <= 0.05
    assert [track.language for track in made.audio] == ["es"]
    assert [track.language for track in made.subtitles] == ["es", "en"]
    assert (await packet_hash(result)).hash == (await packet_hash(scene.path)).hash
    await extract_sound(result, first.folder / "result.flac", max_seconds=600, timeout=60)
    with SoundReader(first.folder / "result.flac") as reader:
        sound = reader.read(0, reader.frames)
    assert correlation(sound, scene, first.dub.targets[0].lines) > 0.9


def correlation(sound: NDArray[np.float32], scene: Scene, lines: Sequence[DubbedLine]) -> float:
    """Of the dub and the music that went into the film, where neither of the two languages is spoken."""
    bed = music(0, len(sound), scene.film.bed).T
    quiet = np.ones(len(sound), bool)
    for start, end in [*scene.spans, *((line.start, line.end) for line in lines)]:
        quiet[round((start - 0.15) * RATE) : round((end + 0.15) * RATE)] = False
    assert quiet.sum() > 2 * RATE
    return float(np.corrcoef(sound[quiet].reshape(-1), bed[quiet].reshape(-1))[0, 1])


async def check_one_line_anew(first: Dubbed) -> None:
    """The changed line is spoken in its place; all other samples of the dialogue are the same."""
    dubbing, account_id = first.node.services.dubbing, first.caller.account.id
    before, takes = await first.dialogue(first.dub), await takes_of(first)
    await dubbing.edit_line(first.caller, first.dub.id, "es", 4, LineEdit(text="Mi hermana vive aquí."))
    quote = await dubbing.quote(account_id, first.dub.id)
    assert quote.lines == {"es": (4,)}
    await dubbing.redub(first.caller, first.dub.id, api="native", base_url="")
    again = await dubbing.wait(account_id, first.dub.id, SECONDS_TO_DUB)
    assert (again.job.status, again.job.charged) == ("succeeded", quote.price)
    after, old, new = await first.dialogue(again), first.dub.targets[0].lines, again.targets[0].lines
    assert new[3].text == "Mi hermana vive aquí."
    assert [line for line in new if line.number != 4] == [line for line in old if line.number != 4]
    changed = np.flatnonzero(before != after) / RATE
    assert changed.min() >= new[3].start - 0.01
    assert changed.max() <= max(old[3].end, new[3].end) + 0.01
    assert len(await takes_of(first) - takes) == 1


async def takes_of(first: Dubbed) -> set[str]:
    prefix = f"dubs/{first.dub.account_id}/{first.dub.id}/takes"
    return {found.key async for found in first.node.services.storage.list(prefix)}

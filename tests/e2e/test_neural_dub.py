"""A film goes through neural engines from end to end: heard by Whisper, translated by CTranslate2, spoken by Kokoro
where it is installed, else by espeak. The models are tiny and their words few, but they are loaded and run by the real
libraries. On the way two processes that work on it are killed.
"""

from __future__ import annotations

import io
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.app import Node, build_node
from myna.dubbing.schemas import DubTarget
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import Unsupported
from myna.media.probe import packet_hash, probe_untrusted
from myna.models.store import ModelStore
from myna.settings import Settings
from myna.transcription.service import TranscriptionService
from myna.translation.service import TranslationService
from tests.faults import dubber
from tests.fixtures.checkpoints.language import HEARD
from tests.fixtures.checkpoints.translation import ACCENTS, FRENCH_ACCENTS, expected
from tests.fixtures.dubs import FILM_LINES, PRICE, request_for
from tests.fixtures.forks import Fork

pytestmark = pytest.mark.skipif(
    not (find_spec("faster_whisper") and find_spec("ctranslate2") and find_spec("sentencepiece")),
    reason="the extras `whisper` and `ctranslate` are not installed",
)
SECONDS_TO_DUB = 240


@pytest.fixture(scope="module")
def models(language_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a voice of Kokoro."""
    folder = tmp_path_factory.mktemp("neural") / "models"
    shutil.copytree(language_models, folder)
    if find_spec("kokoro_onnx"):
        from tests.fixtures.checkpoints import kokoro

        ModelStore(folder).add("kokoro", "kokoro", kokoro.build(tmp_path_factory.mktemp("kokoro")))
    return folder


VOICE = "kokoro" if find_spec("kokoro_onnx") else "espeak"
ENGINES = [VOICE, "whisper", "sphinx", "ctranslate"]


@asynccontextmanager
async def started(data_dir: Path) -> AsyncIterator[Node]:
    """No fixture: it takes over what others have left at once, and its event loop must not stand still then."""
    node = build_node(dubber.settings(data_dir))
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


@pytest.fixture
def left_by_the_dead(tmp_path: Path, models: Path, film: Path) -> None:
    """A dub whose processes were killed before two of its stages counted as done."""
    request = request_for("es", "fr", transcript=None, source_language=None, glossary={"world": "Myna"})
    surroundings = {"MYNA_MODELS_DIR": str(models), "MYNA_ENGINES": ",".join(ENGINES)}
    for stage in ("transcribe", "translate"):
        died = Fork(dubber.run, tmp_path, film, (stage, "after"), request, log=tmp_path / "said", **surroundings)
        assert died.wait(SECONDS_TO_DUB) == -signal.SIGKILL, died.said


@pytest.mark.timeout(900)
async def test_a_film_of_unknown_language_is_heard_translated_and_spoken(
    left_by_the_dead: None, models: Path, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(models))  # for the processes of the engines
    monkeypatch.setenv("MYNA_ENGINES", ",".join(ENGINES))
    async with started(tmp_path) as node:
        await check_dub(node, film, tmp_path)


async def check_dub(node: Node, film: Path, folder: Path) -> None:
    account = await node.services.accounts.find_account("ada")
    assert account is not None
    dub = await node.services.dubbing.wait(account.id, dubber.DUB_ID, SECONDS_TO_DUB)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert {name: record.starts for name, record in dub.stages.items() if record.starts > 1} == {
        "transcribe": 2,
        "translate": 2,
    }
    assert {name: record.engines for name, record in dub.stages.items() if record.engines} == {
        "transcribe": ("whisper",),
        "translate": ("ctranslate",),
        "speak": (VOICE,),
    }
    assert dub.source_language == "en"
    assert {line.text for line in dub.lines} == {f"{HEARD.capitalize()}."}
    for target, accents in zip(dub.targets, (ACCENTS, FRENCH_ACCENTS), strict=True):
        assert {line.text for line in target.lines} == {f"{expected('Hello', accents)} Myna."}
        assert {line.voice_id.partition(":")[0] for line in target.lines} == {VOICE}
        await check_sound(node, target)
        await check_film(node, target, film, folder / "result.mp4")
    price = 2 * PRICE
    assert (dub.job.price, dub.job.charged) == (price, price)
    assert await node.services.credits.check() == []
    assert await node.services.credits.balance(account.id) == dubber.CREDITS - price


async def check_sound(node: Node, target: DubTarget) -> None:
    """The line that is heard in the film, which is said where its source begins, and nothing before it."""
    data = await node.services.storage.get(target.files["dialogue"].object_key)
    dialogue, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    (line,) = target.lines
    assert line.fit not in ("failed", "overflow")
    assert line.start == pytest.approx(line.source_start, abs=0.1)
    assert line.start == pytest.approx(FILM_LINES[0][0], abs=0.3)
    assert np.abs(dialogue[round(line.start * rate) : round(line.end * rate)]).max() > 0.02
    assert np.abs(dialogue[: round((line.start - 0.1) * rate)]).max() < 1e-3


async def check_film(node: Node, target: DubTarget, film: Path, path: Path) -> None:
    """As long as its source, with its very pictures, and sound in the other language."""
    path.write_bytes(await node.services.storage.get(target.files["result"].object_key))
    source, made = await probe_untrusted(film), await probe_untrusted(path)
    assert made.duration == pytest.approx(source.duration, abs=0.05)
    assert [track.language for track in made.audio] == [target.language]
    assert (await packet_hash(path)).hash == (await packet_hash(film)).hash


def test_what_whisper_understands_is_not_refused_any_more(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(models))
    registry = EngineRegistry.load(ENGINES)
    host = EngineHost(Settings(), registry)
    transcription, translation = TranscriptionService(host, registry), TranslationService(host, registry)
    for language in ("en", "es-MX", "ja", "ar", None):
        transcription.check(language)
        assert transcription.recogniser(language) == "whisper"
    with pytest.raises(Unsupported, match="tlh"):
        transcription.check("tlh")
    assert translation.engine_for("en", "fr") == "ctranslate"
    assert translation.engine_for("es", "fr") == "ctranslate"
    with pytest.raises(Unsupported, match="myna models pull argos-en-ja"):
        translation.check("en", "ja")

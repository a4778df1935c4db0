"""A film goes through neural engines from end to end: heard by Whisper, translated by CTranslate2, spoken by Kokoro
where it is installed, else by espeak. The models are tiny and their words few, but they are loaded and run by the real
libraries.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.app import Node, build_node
from myna.dubbing.schemas import Dub
from myna.errors import Unsupported
from myna.models.store import ModelStore
from myna.settings import Settings
from tests.fixtures.checkpoints.language import HEARD
from tests.fixtures.checkpoints.translation import ACCENTS, FRENCH_ACCENTS, expected
from tests.fixtures.dubs import FILM_LINES, new_caller, request_for

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


@pytest.fixture
async def node(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(models))  # for the processes of the engines
    voice = "kokoro" if find_spec("kokoro_onnx") else "espeak"
    engines = [voice, "whisper", "sphinx", "ctranslate"]
    node = build_node(Settings(data_dir=tmp_path, engines=engines, engine_processes=1, storage_url="memory://"))
    await node.start()
    yield node
    await node.stop()


async def dubbed(node: Node, film: Path, *languages: str, source: str | None) -> Dub:
    dubbing, caller = node.services.dubbing, await new_caller(node, 100_000)
    request = request_for(*languages, transcript=None, source_language=source, glossary={"world": "Myna"})
    made = await dubbing.create(caller, request, api="native", base_url="", source=film.read_bytes())
    return await dubbing.wait(caller.account.id, made.id, SECONDS_TO_DUB)


@pytest.mark.timeout(600)
async def test_a_film_of_unknown_language_is_heard_translated_and_spoken(node: Node, film: Path) -> None:
    dub = await dubbed(node, film, "es", "fr", source=None)
    assert (dub.job.status, dub.job.error_message) == ("succeeded", None)
    assert dub.source_language == "en"
    assert {line.text for line in dub.lines} == {f"{HEARD.capitalize()}."}
    spanish, french = dub.targets
    assert {line.text for line in spanish.lines} == {f"{expected('Hello', ACCENTS)} Myna."}
    assert {line.text for line in french.lines} == {f"{expected('Hello', FRENCH_ACCENTS)} Myna."}
    for target in dub.targets:
        assert not [line for line in target.lines if line.fit in ("failed", "overflow")]
        data = await node.services.storage.get(target.files["dialogue"].object_key)
        dialogue, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        begins = FILM_LINES[0][0]
        assert np.abs(dialogue[: round((begins - 0.2) * rate)]).max() < 1e-3
        assert np.abs(dialogue[round((begins - 0.2) * rate) :]).max() > 0.02


async def test_what_whisper_understands_is_not_refused_any_more(node: Node) -> None:
    transcription, translation = node.services.transcription, node.services.translation
    for language in ("en", "es-MX", "ja", "ar", None):
        transcription.check(language)
        assert transcription.recogniser(language) == "whisper"
    with pytest.raises(Unsupported, match="tlh"):
        transcription.check("tlh")
    assert translation.engine_for("en", "fr") == "ctranslate"
    assert translation.engine_for("es", "fr") == "ctranslate"
    with pytest.raises(Unsupported, match="myna models pull argos-en-ja"):
        translation.check("en", "ja")

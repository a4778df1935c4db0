"""Engines in an environment of their own: asked there, started there, with nothing of ours but Myna."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import myna
from myna.engines.base import SynthesisRequest
from myna.engines.elsewhere import Program, ask, ask_all
from myna.engines.fake import FakeEngine
from myna.engines.host import EngineHost
from myna.engines.probing import Absent, Probed
from myna.engines.registry import EngineRegistry
from myna.errors import EngineUnavailable, Unsupported
from myna.settings import Settings
from tests.fixtures.environments import make_environment
from tests.fixtures.processes import descendants

FAKE = "myna.engines.fake:FakeEngine"
HARP = """
import sys
import numpy
import harp_strings
from myna.engines.base import AudioChunk, Capabilities, Engine, StockVoice

class Harp(Engine):
    name = "harp"

    @classmethod
    def available(cls):
        print("a library that talks")
        return True, ""

    @classmethod
    def describe(cls):
        return Capabilities(cls.name, sys.prefix, "1", "CC0", ("en-US",), 8_000, options=frozenset({"speed"}))

    @classmethod
    def voices(cls):
        return (StockVoice("low", "Low", "en-US", settings={"strings": harp_strings.COUNT}),)

    def synthesize(self, request):
        yield AudioChunk(numpy.full(800, 0.5, numpy.float32), 8_000)
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment with numpy and an engine that is not known here."""
    modules = {"harp.py": HARP, "harp_strings.py": "COUNT = 47\n"}
    return make_environment(tmp_path_factory.mktemp("other") / "harp", modules=modules, engines={"harp": "harp:Harp"})


def script(folder: Path, text: str) -> Path:
    """Something that is started in place of a Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_engine_of_ours_runs_where_only_numpy_is(python: Path) -> None:
    found = ask("fake", Program(FAKE, python))
    assert found == Probed("speech", FakeEngine.describe(), FakeEngine.voices())


def test_a_process_of_an_engine_needs_numpy_and_nothing_else(python: Path) -> None:
    """What is imported before the engine itself, by an environment in which more could be found."""
    listing = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='lent')['lend_myna'](); import myna.engines.child"
    )
    listing += "; print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    launcher = Path(myna.__file__).with_name("engines") / "launcher.py"
    for each in (python, Path(sys.executable)):
        ended = subprocess.run([each, "-P", "-c", listing, launcher], capture_output=True, text=True, check=True)
        foreign = {name for name in ended.stdout.split() if not name.startswith("_") and name != "sitecustomize"}
        assert foreign == {"myna", "numpy"}


def test_the_other_environment_has_nothing_of_ours(python: Path) -> None:
    found = ask("sphinx", Program("myna.engines.sphinx:SphinxEngine", python), "recognition")
    assert isinstance(found, Absent)
    assert "soxr" in found.reason or "pocketsphinx" in found.reason


def test_its_kind_and_its_reason_come_back(python: Path) -> None:
    found = ask("nowhere", Program("myna.engines.nowhere:Engine", python), "translation")
    assert isinstance(found, Absent)
    assert f"{python} has no module `myna.engines.nowhere`" in found.reason
    assert found.kind == "translation"


async def test_an_engine_that_only_the_other_environment_has(python: Path) -> None:
    registry = EngineRegistry.load(["harp"], {"harp": python})
    assert registry.names == ("harp",)
    assert registry.describe("harp").description == str(python.parents[1])
    assert registry.voices("harp")[0].settings == {"strings": 47}
    host = EngineHost(Settings(engine_processes=1), registry)
    try:
        (chunk,) = await host.synthesize("harp", SynthesisRequest("Hello", "en-US", {}))
        with pytest.raises(Unsupported, match="clone"):
            await host.prepare_voice("harp", np.zeros(800, np.float32), 8_000)
    finally:
        await host.close()
    assert len(chunk.samples) == 800


async def test_an_engine_of_ours_speaks_from_there(python: Path) -> None:
    registry = EngineRegistry.load(["fake"], {"fake": python})
    host = EngineHost(Settings(engine_processes=1), registry)
    try:
        chunks = await host.synthesize("fake", SynthesisRequest("Hello", "en-US", {"frequency": 150.0}))
        (child,) = descendants(os.getpid(), str(python))
        assert FAKE in child.cmdline()
    finally:
        await host.close()
    assert sum(len(chunk.samples) for chunk in chunks) > 0


def test_without_naming_it_an_engine_of_another_environment_is_found(python: Path) -> None:
    assert "harp" in EngineRegistry.load(pythons={"harp": python}).names
    assert "harp" not in EngineRegistry.load(["fake"], pythons={"harp": python}).names


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo no such option >&2; exit 2", "ended with 2: no such option"),
        ("exit 3", "ended with 3: no word why"),
        ("kill -9 $$", "ended with -9"),
        ("echo hello", "cannot be understood"),
        ("echo '[1]'", "cannot be understood"),
        ("""echo '{"kind": "speech"}'""", "cannot be understood"),
        ("sleep 60", "did not answer within 0.5 seconds"),
    ],
)
def test_what_goes_wrong_there_is_a_reason(text: str, reason: str, tmp_path: Path) -> None:
    seconds = 0.5 if "sleep" in text else 30.0
    found = ask("fake", Program(FAKE, script(tmp_path, text)), "speech", seconds)
    assert isinstance(found, Absent)
    assert reason in found.reason
    assert "\n" not in found.reason


def test_no_python_is_a_reason(tmp_path: Path) -> None:
    registry = EngineRegistry.load(["fake"], {"fake": tmp_path / "nothing"})
    assert registry.names == ()
    assert "cannot be started" in registry.unavailable["fake"]
    with pytest.raises(EngineUnavailable, match="cannot be started"):
        registry.describe("fake")


def test_an_engine_must_be_the_one_that_was_asked_for(python: Path) -> None:
    found = ask("drum", Program("harp:Harp", python))
    assert found == Absent("it calls itself `harp`")


def test_all_are_asked_at_the_same_time(tmp_path: Path) -> None:
    """Each waits until all of them are there."""
    text = f"cd {tmp_path}; touch here.$$; until [ $(ls here.* | wc -l) = 4 ]; do sleep 0.1; done; echo all >&2; exit 1"
    program = Program(FAKE, script(tmp_path, text))
    found = ask_all({name: (program, "speech") for name in "abcd"})
    assert list(found) == ["a", "b", "c", "d"]
    assert all(isinstance(answer, Absent) and answer.reason.endswith(": all") for answer in found.values())


def test_engines_are_not_asked_before_somebody_wants_to_know(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    registry = EngineRegistry.load(["fake"], {"fake": script(tmp_path, f"touch {asked}; exit 1")})
    assert not asked.exists()
    assert registry.names == registry.names == ()
    assert asked.exists()


def test_secrets_and_our_paths_stay_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MYNA_SECRET", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "PYTHONHOME", "MYNA_MODELS_DIR"):
        monkeypatch.setenv(name, "x")
    there = Program(FAKE, tmp_path).environment()
    assert not {"MYNA_SECRET", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "PYTHONHOME"} & set(there)
    assert there["MYNA_MODELS_DIR"] == "x"
    assert Program(FAKE).environment()["PYTHONPATH"] == "x"


@pytest.mark.parametrize("python", [None, Path("/opt/other/bin/python")])
def test_no_engine_calls_home_or_knows_the_token_of_the_hub(
    monkeypatch: pytest.MonkeyPatch, python: Path | None
) -> None:
    for name in ("HF_TOKEN", "MYNA_HUB_TOKEN", "HF_HUB_OFFLINE", "ORT_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "0")
    there = Program(FAKE, python).environment()
    assert not {"HF_TOKEN", "MYNA_HUB_TOKEN"} & set(there)
    quiet = ("ORT_DISABLE_TELEMETRY", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TRANSFORMERS_OFFLINE")
    assert [there[name] for name in quiet] == ["1"] * 4


def test_an_engine_of_this_environment_is_started_with_this_python() -> None:
    assert EngineRegistry.load(["fake"]).program("fake").command("1")[0] == sys.executable
    assert EngineRegistry.load(["fake"]).program("fake").target == "fake"

"""Which engines there are, and why others are not."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from myna.engines.fake import FakeEngine
from myna.engines.kinds import kind_of
from myna.engines.registry import GROUP, EngineRegistry, find_engine
from myna.errors import EngineUnavailable

REMEDY = re.compile(r"`myna models (pull|list)|`?myna engines|scripts/prepare|pip install|apt-get install|MYNA_[A-Z_]+")


def registry_of(**values: str) -> EngineRegistry:
    return EngineRegistry({name: EntryPoint(name, value, GROUP) for name, value in values.items()})


def test_fake_is_there_only_when_named() -> None:
    assert "fake" not in EngineRegistry.load().names
    assert EngineRegistry.load().names[0] == "espeak"
    assert EngineRegistry.load(["fake"]).names == ("fake",)


def test_the_preferred_comes_first_and_others_are_left_out() -> None:
    assert EngineRegistry.load(["fake", "espeak", "fake"]).names == ("fake", "espeak")


def test_a_name_that_nobody_has() -> None:
    registry = EngineRegistry.load(["kazoo", "fake"])
    assert registry.names == ("fake",)
    assert "no installed package" in registry.unavailable["kazoo"]
    with pytest.raises(EngineUnavailable, match="no installed package"):
        registry.describe("kazoo")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gone", "tests.fixtures.nowhere:Engine", "has no module `tests.fixtures.nowhere`"),
        ("typo", "tests.fixtures.engines:Plane", "AttributeError"),
        ("not_an_engine", "tests.fixtures.engines:NotAnEngine", "not a subclass"),
        ("function", "tests.fixtures.engines:RATE", "not a subclass"),
        ("other", "tests.fixtures.engines:Plain", "calls itself `plain`"),
        ("unavailable", "tests.fixtures.engines:Unavailable", "it needs a moon"),
        ("raises_when_asked", "tests.fixtures.engines:RaisesWhenAsked", "no voices file"),
    ],
)
def test_a_bad_engine_is_reported_and_harms_no_other(name: str, value: str, reason: str) -> None:
    registry = registry_of(**{name: value, "plain": "tests.fixtures.engines:Plain"})
    assert registry.names == ("plain",)
    assert reason in registry.unavailable[name]
    with pytest.raises(EngineUnavailable, match=name):
        registry.voices(name)


def test_nothing_stands_in_for_an_engine_that_the_operator_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_MODELS_DIR", str(tmp_path))
    assert EngineRegistry.load().preferred("denoising") is None
    assert EngineRegistry.load(["fake", "sherpa", "fake-denoising"]).preferred("denoising") == "fake-denoising"
    named = EngineRegistry.load(["fake", "sherpa"])
    assert named.preferred("speech") == "fake"
    with pytest.raises(EngineUnavailable, match=f"`sherpa` cannot be used here: .*({REMEDY.pattern})"):
        named.preferred("denoising")


def test_kinds_are_kept_apart() -> None:
    registry = EngineRegistry.load(["fake-translation", "fake-recognition", "fake"])
    assert registry.names == ("fake",)
    assert registry.recognisers == ("fake-recognition",)
    assert registry.translators == ("fake-translation",)
    assert registry.describe_recogniser("fake-recognition").alignment
    assert registry.describe_translator("fake-translation").any_pair
    assert registry.voices("fake-translation") == ()
    with pytest.raises(EngineUnavailable, match="cannot speak; it can hear"):
        registry.describe("fake-recognition")
    with pytest.raises(EngineUnavailable, match="cannot translate; it can speak"):
        registry.describe_translator("fake")
    with pytest.raises(EngineUnavailable, match="cannot speak"):
        find_engine("fake-translation")


def test_a_kind_of_which_none_is_named_has_all_that_are_installed() -> None:
    registry = EngineRegistry.load(["fake"])
    assert registry.names == ("fake",)
    assert "sphinx" in registry.recognisers
    assert "fake-recognition" not in registry.recognisers
    assert EngineRegistry.load(["fake-recognition"]).names[0] == "espeak"
    assert EngineRegistry.load(["kazoo"]).names == ()


def test_engines_are_not_imported_before_they_are_asked_about() -> None:
    registry = registry_of(gone="tests.fixtures.nowhere:Engine")
    assert registry.unavailable.keys() == {"gone"}


def test_what_an_engine_says_about_itself() -> None:
    registry = EngineRegistry.load(["fake"])
    assert registry.describe("fake") == FakeEngine.describe()
    assert registry.voices("fake") == FakeEngine.voices()


def test_finding_a_class() -> None:
    assert find_engine("fake") is FakeEngine
    assert find_engine("myna.engines.fake:FakeEngine") is FakeEngine
    with pytest.raises(EngineUnavailable, match="kazoo"):
        find_engine("kazoo")
    with pytest.raises(EngineUnavailable, match="not a subclass"):
        find_engine("tests.fixtures.engines:RATE")


def test_what_the_operator_names_and_is_not_here_is_told() -> None:
    registry = EngineRegistry.load(["kazoo", "fake", "fake-translation"])
    assert [*registry.left_out] == ["kazoo"]
    assert registry_of(unavailable="tests.fixtures.engines:Unavailable").left_out == {"unavailable": "it needs a moon"}
    assert EngineRegistry.load().left_out == {}, "nobody asked for any"


DESCRIBE = {
    "speech": EngineRegistry.describe,
    "recognition": EngineRegistry.describe_recogniser,
    "translation": EngineRegistry.describe_translator,
    "separation": EngineRegistry.describe_separator,
    "denoising": EngineRegistry.describe_denoiser,
}
KIND_OF = {entry.name: kind_of(entry.load()) for entry in entry_points(group=GROUP)}


@pytest.mark.parametrize("name", sorted(KIND_OF))
def test_an_engine_that_is_named_and_not_here_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of every kind: without models and programs where it needs some, and where the operator names others."""
    for variable in ("MYNA_MODELS_DIR", "PATH", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("MYNA_REMOTE_URL", raising=False)
    monkeypatch.delenv("MYNA_TRANSLATION_URL", raising=False)
    describe = DESCRIBE[KIND_OF[name]]
    alone = EngineRegistry.load([name])
    if reason := alone.unavailable_of(KIND_OF[name]).get(name):
        with pytest.raises(EngineUnavailable, match=REMEDY) as caught:
            describe(alone, name)
        assert reason in caught.value.message
    others = [next(other for other, kind in KIND_OF.items() if kind == each and other != name) for each in DESCRIBE]
    with pytest.raises(EngineUnavailable, match=f"`{name}` cannot be used here: `MYNA_ENGINES` does not name it"):
        describe(EngineRegistry.load(others), name)


def test_nothing_stands_in_for_an_engine_of_another_kind_or_of_no_name() -> None:
    registry = EngineRegistry.load()
    for kind, describe in DESCRIBE.items():
        with pytest.raises(EngineUnavailable, match="none of this name; `myna engines` shows"):
            describe(registry, "kazoo")
        for name in registry.names_of(kind):
            for other in (other for other in DESCRIBE if other != kind):
                with pytest.raises(EngineUnavailable, match=f"`{name}` cannot .*; it can "):
                    DESCRIBE[other](registry, name)

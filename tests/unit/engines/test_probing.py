"""What engines say about themselves survives the way from one environment to another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from myna.engines.kinds import CAPABILITIES, KINDS, AnyEngine
from myna.engines.probing import Absent, Probed, from_json, probe, to_json
from myna.engines.registry import EngineRegistry, load_engine
from tests.fixtures.engines import Plain

NAMES = (
    *("fake", "espeak", "match", "fake-recognition", "sphinx", "fake-translation", "chat"),
    *("fake-separation", "fake-denoising", "demucs", "sherpa"),
)
NOT_HERE = ("chat", "demucs", "sherpa")


def there_and_back(found: Probed | Absent) -> Probed | Absent:
    return from_json(json.loads(json.dumps(to_json(found))))


@pytest.mark.parametrize("name", NAMES)
def test_what_an_engine_says_comes_through_json_unchanged(name: str) -> None:
    found = probe(lambda: load_engine(name), name)
    assert there_and_back(found) == found
    assert isinstance(found, Probed) or name in NOT_HERE


def test_every_kind_has_its_capabilities() -> None:
    assert set(CAPABILITIES) == set(KINDS)


def test_a_reason_comes_through_with_its_kind() -> None:
    assert there_and_back(Absent("no moon", "translation")) == Absent("no moon", "translation")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "cooking"},
        {"kind": "speech"},
        {"kind": "speech", "capabilities": {"name": "x"}, "voices": []},
        {"kind": "speech", "capabilities": to_json(probe(lambda: Plain, "plain"))["capabilities"], "voices": "none"},
        {"reason": ["no"]},
    ],
)
def test_something_else_is_no_answer(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_json(data)


def test_a_class_may_be_asked_whatever_its_name_is() -> None:
    assert isinstance(probe(lambda: Plain, None), Probed)
    assert isinstance(probe(lambda: Plain, "other"), Absent)


def test_the_registry_knows_what_the_class_says() -> None:
    registry = EngineRegistry.load(["fake"])
    engine: type[AnyEngine] = load_engine("fake")
    assert registry.describe("fake") == engine.describe()

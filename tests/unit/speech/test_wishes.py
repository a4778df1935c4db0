"""What is refused of our own API, and passed over of vendors'."""

from __future__ import annotations

from dataclasses import replace

import pytest

from myna.engines.base import Capabilities
from myna.engines.registry import EngineRegistry
from myna.errors import Unsupported
from myna.speech.schemas import SpeechRequest
from myna.speech.wishes import check_wishes

REQUEST = SpeechRequest(text="Hello.", voice_id="")
PLAIN = Capabilities("plain", "", "1", "none", ("en",), 24_000, options=frozenset({"speed"}))


@pytest.mark.parametrize(
    ("wish", "value"), [("temperature", 0.1), ("stability", 1.0), ("similarity", 0.0), ("dialect", "najdi")]
)
def test_a_wish_that_would_be_passed_over_is_refused(wish: str, value: object) -> None:
    with pytest.raises(Unsupported, match=f"`plain` does not honour `{wish}`.*`myna engines`") as refused:
        check_wishes(replace(REQUEST, **{wish: value}), PLAIN)
    assert refused.value.field == wish


def test_what_changes_nothing_is_no_wish() -> None:
    check_wishes(replace(REQUEST, temperature=0.0, seed=7), PLAIN)


def test_what_the_engine_says_of_itself_decides() -> None:
    able = replace(PLAIN, options=frozenset({"temperature", "similarity"}), dialects=("ar-EG", "ar-AE"))
    check_wishes(replace(REQUEST, temperature=1.0, stability=0.2, similarity=0.5, dialect="ar-EG"), able)
    with pytest.raises(Unsupported, match="knows of dialects only `ar-EG`, `ar-AE`"):
        check_wishes(replace(REQUEST, dialect="najdi"), able)
    with pytest.raises(Unsupported, match="`temperature`"):
        check_wishes(replace(REQUEST, temperature=0.5), replace(PLAIN, options=frozenset({"stability"})))


def test_every_option_that_engines_name_is_one_that_is_known() -> None:
    registry = EngineRegistry.load(["espeak", "fake", "flite", "match", "kokoro", "piper", "remote"])
    known = {"speed", "temperature", "seed", "stability", "similarity"}
    assert all(registry.describe(name).options <= known for name in registry.names)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from myna.engines.base import Capabilities
from myna.errors import InvalidRequest
from myna.http.munsit import mapping
from myna.http.munsit.forms import Form
from myna.http.munsit.schemas import ChangeBody, SpeechBody
from myna.voices.schemas import Voice

CLONE = Voice("voice_x", "Mine", "fake", ("en-US",), "neutral", kind="cloned", stability=0.9)
STOCK = Voice("fake:1", "One", "fake", ("en-US",), "neutral")


def able(*dialects):
    return Capabilities("fake", "", "1", "none", ("ar",), 24_000, dialects=dialects)


def test_stability_is_asked_for_or_kept_or_the_vendors_default():
    assert [mapping.stability_of(asked, CLONE) for asked in (0.0, 1.0, None)] == [0.0, 1.0, 0.9]
    assert mapping.stability_of(None, STOCK) == 0.5


def test_dialects_reach_engines_that_know_them_under_their_name():
    assert mapping.dialect_of("emirati", able("ar-EG", "ar-AE")) == "ar-AE"
    assert mapping.dialect_of("fusha", able("msa")) == "msa"
    assert mapping.dialect_of("emirati", able("ar-EG")) is None
    assert mapping.dialect_of("auto", able("ar-AE")) is None
    assert mapping.dialect_of(None, able("ar-AE")) is None


def test_takes_differ_unless_the_voice_is_steady_or_the_request_the_same():
    assert len({mapping.seed_of(0.5, None) for _ in range(20)}) > 15
    assert mapping.seed_of(1.0, None) == mapping.seed_of(1.0, "a") == 0
    assert mapping.seed_of(0.5, "a") == mapping.seed_of(0.5, "a") != mapping.seed_of(0.5, "b")


@pytest.mark.parametrize("body", [{}, {"text": "a"}, {"voice_id": "v"}, {"text": "", "voice_id": "v"}])
def test_text_and_voice_belong_together(body):
    with pytest.raises(InvalidRequest, match="both 'text' and 'voice_id' are required"):
        mapping.check_body(SpeechBody(**body))


def test_the_first_missing_field_is_named_in_the_vendors_order():
    fields = {"text": "one two three", "similarity": "0.5", "speed": "1", "model_id": "fake"}
    given_so_far: dict[str, str] = {}
    messages = []
    for name, value in fields.items():
        try:
            mapping.read_preview(Form(FormData(given_so_far)))
        except InvalidRequest as error:
            messages.append(error.message)
        given_so_far[name] = value
    assert messages == [
        "text is required",
        "similarity must be a number between 0 and 1",
        "model_id is required",
        "model_id is required",
    ]
    assert mapping.read_preview(Form(FormData(given_so_far))).sample_rate == 24_000


def test_a_change_says_what_was_sent_and_what_is_emptied():
    change = mapping.voice_change(ChangeBody.model_validate({"name": "New", "age": None, "languages": ["ar"]}))
    assert (change.name, change.languages, change.dialects, change.stability) == ("New", ("ar",), None, None)
    assert change.cleared == {"age"}
    assert mapping.voice_change(ChangeBody.model_validate({"dialects": None})).dialects == ()
    assert mapping.voice_change(ChangeBody.model_validate({})).cleared == frozenset()


@given(st.integers(min_value=0, max_value=999_999), st.text(max_size=40), st.text(max_size=40))
def test_places_come_back(number, first, second):
    for place in (mapping.place_of_stock(number), (0, first, second)):
        assert mapping.decode_place(mapping.encode_place(place)) == place


@given(st.text(max_size=60))
def test_other_cursors_are_refused(text):
    try:
        section, first, second = mapping.decode_place(text)
    except InvalidRequest:
        return
    assert section in (0, 1)
    assert isinstance(first + second, str)

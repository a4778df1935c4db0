"""Bodies are read as leniently as the vendor reads them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import InvalidRequest
from myna.http.modelslab.fields import Fields

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "TRUE", " yes ", "1", "1.0"])
def test_many_words_for_yes(value: Any) -> None:
    assert Fields({"x": value}).flag("x")


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "No", "", None])
def test_many_words_for_no(value: Any) -> None:
    assert not Fields({"x": value}).flag("x")


def test_a_flag_that_is_absent_has_its_default() -> None:
    assert Fields({}).flag("x", default=True)
    with pytest.raises(InvalidRequest, match="x must be true or false"):
        Fields({"x": "perhaps"}).flag("x")


@pytest.mark.parametrize(("value", "number"), [("1.2", 1.2), (1, 1.0), ("+1", 1.0), (None, 0.5), ("", 0.5)])
def test_numbers_may_be_text(value: Any, number: float) -> None:
    assert Fields({"x": value}).number("x", 0.5, least=0, most=2) == number


@pytest.mark.parametrize("value", ["a", [1], {}, "nan", "inf", 3, -1, float("nan"), 10**400])
def test_what_is_no_number_in_range_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="x must be") as refused:
        Fields({"x": value}).number("x", 0.5, least=0, most=2)
    assert refused.value.field == "x"


def test_the_first_name_that_is_there_counts() -> None:
    fields = Fields({"a": None, "b": " ", "c": 7})
    assert fields.text("a", "b", "c") == "7"
    assert fields.text("a", "b") is None
    with pytest.raises(InvalidRequest, match="a is required"):
        fields.required("a", "b")


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 200_000 + "\udfff", [], {}])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        Fields({"x": value}).text("x")


@pytest.mark.parametrize("value", [3, "three", 1.5, True, None])
def test_a_scalar_is_kept_as_it_came(value: Any) -> None:
    assert Fields({"x": value}).scalar("x") is value


@pytest.mark.parametrize("value", [[], {}, "x" * 501, float("inf"), "\0"])
def test_what_is_no_scalar_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        Fields({"x": value}).scalar("x")


@given(ANY_JSON)
def test_any_value_is_read_or_refused(value: Any) -> None:
    fields = Fields({"x": value})
    readers = (
        lambda: fields.text("x"),
        lambda: fields.required("x"),
        lambda: fields.number("x", 0, least=-10, most=10),
        lambda: fields.whole("x"),
        lambda: fields.flag("x"),
        lambda: fields.scalar("x"),
    )
    for read in readers:
        with suppress(InvalidRequest):
            read()

"""The query of the outputs listing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.http.stablecog.errors import StablecogError
from myna.http.stablecog.query import parse_moment, read_outputs_query
from myna.kit.clock import rfc3339_nano
from myna.outputs.schemas import OutputFilter

MOMENT = datetime(2023, 6, 21, 18, 9, 50, 99350, UTC)
PROMPT = "0140c5dc-af12-4643-bfec-650d3cd03c56"


def test_defaults() -> None:
    query = read_outputs_query([])
    assert (query.per_page, query.order, query.where, query.cursor) == (50, "desc", OutputFilter(), None)


def test_everything_given() -> None:
    query = read_outputs_query(
        [
            ("per_page", "300"),
            ("order", "ASC"),
            ("order_by", "Updated_At"),
            ("start_dt", "2023-06-21T18:09:50.09935Z"),
            ("end_dt", "2023-06-21T20:09:50.09935+02:00"),
            ("is_favorited", "TRUE"),
            ("was_auto_submitted", "false"),
            ("prompt_id", PROMPT.upper()),
            ("cursor", "2023-06-21T18:09:50.099350999Z"),
        ]
    )
    assert query.per_page == 300
    assert query.order == "asc"
    assert query.cursor == MOMENT
    assert query.where == OutputFilter(
        created_from=MOMENT, created_to=MOMENT, is_favorited=True, was_auto_submitted=False, prompt_id=PROMPT
    )


def test_the_first_value_counts_and_strangers_do_not() -> None:
    query = read_outputs_query([("per_page", "2"), ("per_page", "x"), ("ORDER", "no"), ("score", "9")])
    assert query.per_page == 2


@pytest.mark.parametrize("name", ["per_page", "cursor"])
def test_an_empty_page_size_or_cursor_is_none(name: str) -> None:
    assert read_outputs_query([(name, "")]) == read_outputs_query([])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("per_page", "HelloWorld", "per_page must be an integer"),
        ("per_page", "1.0", "per_page must be an integer"),
        ("per_page", " 1", "per_page must be an integer"),
        ("per_page", "1_0", "per_page must be an integer"),
        ("per_page", "٣", "per_page must be an integer"),
        ("per_page", "9" * 30, "per_page must be an integer"),
        ("per_page", "9223372036854775808", "per_page must be an integer"),
        ("per_page", "-1", "per_page must be between 1 and 300"),
        ("per_page", "0", "per_page must be between 1 and 300"),
        ("per_page", "301", "per_page must be between 1 and 300"),
        ("cursor", "HelloWorld", "cursor must be a valid iso time string"),
        ("cursor", "2023-01-27T14:45:59.042046464", "cursor must be a valid iso time string"),
        ("cursor", "2023-01-27T14:45:59 02:00", "cursor must be a valid iso time string"),
        ("order", "invalid", "invalid order: 'invalid' expected 'asc' or 'desc'"),
        ("order", "", "invalid order: '' expected 'asc' or 'desc'"),
        ("order_by", "Foo", "invalid order_by: 'Foo' expected 'updated_at' or 'created_at'"),
        ("start_dt", "x", "invalid start_dt: x"),
        ("end_dt", "", "invalid end_dt: "),
        ("is_favorited", "1", "invalid is_favorited: '1' expected 'true' or 'false'"),
        ("was_auto_submitted", "yes", "invalid was_auto_submitted: 'yes' expected 'true' or 'false'"),
        ("prompt_id", "x", "invalid prompt_id: x"),
    ],
)
def test_refusals_say_what_stablecog_says(name: str, value: str, text: str) -> None:
    with pytest.raises(StablecogError) as caught:
        read_outputs_query([(name, value)])
    assert (caught.value.status_code, caught.value.message) == (400, text)


def test_page_size_then_filters_then_cursor() -> None:
    pairs = [("cursor", "x"), ("order", "x"), ("per_page", "x")]
    for name in ("per_page", "order", "cursor"):
        with pytest.raises(StablecogError, match=name):
            read_outputs_query(pairs)
        pairs = [pair for pair in pairs if pair[0] != name]


@pytest.mark.parametrize(
    "text",
    [
        "2023-06-21T18:09:50",
        "2023-06-21 18:09:50Z",
        "2023-06-21t18:09:50Z",
        "2023-06-21T18:09:50z",
        "2023-06-21T18:09Z",
        "2023-02-30T18:09:50Z",
        "2023-06-21T24:00:00Z",
        "2023-06-21T18:09:60Z",
        "0000-06-21T18:09:50Z",
        "0001-01-01T00:00:00+02:00",
        "2023-06-21T18:09:50+25:00",
        "2023-06-21T18:09:50.Z",
        "2023-06-21T18:09:50Z ",
        "20230621T180950Z",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert parse_moment(text) is None


@pytest.mark.parametrize(
    "text",
    ["2023-06-21T18:09:50.09935Z", "2023-06-21T18:09:50.099350464Z", "2023-06-21T13:39:50.09935-04:30"],
)
def test_moments(text: str) -> None:
    assert parse_moment(text) == MOMENT


@given(st.datetimes(min_value=datetime(1000, 1, 1)))
def test_next_is_a_cursor(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert parse_moment(rfc3339_nano(moment)) == moment
    assert parse_moment(rfc3339_nano(moment.astimezone(UTC) - timedelta(0))) == moment

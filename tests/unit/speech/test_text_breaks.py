"""Pauses in a text: what is a tag, what is not, and the limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import InvalidRequest
from myna.speech.text import find_breaks, without_breaks
from myna.speech.text.breaks import LONGEST_BREAK, LONGEST_BREAKS_TOGETHER, MOST_BREAKS


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="500ms"/>', 0.5),
        ('<break time="1.5s" />', 1.5),
        ("<break time='2s'/>", 2.0),
        ('<BREAK TIME="250MS"/>', 0.25),
        ('<break time="1s">', 1.0),
        ('<break time="1s"></break>', 1.0),
        ('<break\n time = " .5 s "/>', 0.5),
        ('<break time="0ms"/>', 0.0),
        ('<break time="3s"/>', 3.0),
        ('<break time="3000ms"/>', 3.0),
    ],
)
def test_a_tag_is_a_pause(tag: str, seconds: float) -> None:
    [found] = find_breaks(f"One{tag}two")
    assert found.seconds == pytest.approx(seconds)
    assert (found.start, found.end) == (3, 3 + len(tag))
    assert without_breaks(f"One{tag}two") == "One two"


@pytest.mark.parametrize("text", ["breakfast <b>", "<breaks/>", "<break-up>", "a < b and b > c", "&lt;break/&gt;", ""])
def test_other_words_are_left_alone(text: str) -> None:
    assert find_breaks(text) == []
    assert without_breaks(text) == text


@pytest.mark.parametrize(
    "tag",
    [
        "<break>",
        "<break/>",
        '<break time="x"/>',
        '<break time="1"/>',
        '<break time="1m"/>',
        '<break time="-1s"/>',
        '<break time="1e1s"/>',
        '<break strength="weak"/>',
        '<break time="1s',
        "<break time=1s/>",
        '< break time="1s"/>',
        "</break>",
        "<break time=\"1s'/>",
    ],
)
def test_a_tag_that_is_no_pause_is_refused_and_the_right_form_is_said(tag: str) -> None:
    with pytest.raises(InvalidRequest, match="500ms") as refusal:
        find_breaks(f"One {tag} two")
    assert refusal.value.field == "text"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ('<break time="3001ms"/>', "3 s"),
        ('<break time="999999999s"/>', "3 s"),
        ('<break time="1ms"/>' * (MOST_BREAKS + 1), "20"),
        ('<break time="3s"/>' * 11, "30 s"),
    ],
)
def test_pauses_beyond_the_limits_are_refused_by_name_of_the_limit(text: str, limit: str) -> None:
    with pytest.raises(InvalidRequest, match=f"may (have|last) {limit}|one may last {limit}") as refusal:
        find_breaks(text)
    assert refusal.value.field == "text"


def test_the_limits_themselves_are_allowed() -> None:
    assert len(find_breaks('<break time="1.5s"/>' * MOST_BREAKS)) == MOST_BREAKS
    assert sum(found.seconds for found in find_breaks('<break time="3s"/>' * 10)) == LONGEST_BREAKS_TOGETHER
    assert find_breaks('<break time="3s"/>')[0].seconds == LONGEST_BREAK


_PARTS = st.sampled_from(["One.", " ", "two", '<break time="1s"/>', "<break", "<", ">", "</break>", "/>", 'time="2s"'])


@given(st.lists(_PARTS, max_size=12).map("".join))
def test_whatever_is_found_is_a_tag_and_the_rest_is_kept(text: str) -> None:
    try:
        found = find_breaks(text)
    except InvalidRequest:
        return
    assert all(text[tag.start : tag.end].startswith("<break ") for tag in found)
    rest = without_breaks(text)
    assert "<break " not in rest
    assert len(rest) == len(text) - sum(tag.end - tag.start - 1 for tag in found)

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.dubbing.subtitles import Cue, cues_of, looks_like_subtitles, parse, to_srt, to_vtt
from myna.errors import InvalidRequest

SRT = """1
00:00:01,000 --> 00:00:02,500
Hello there.

2
00:00:03,000 --> 00:00:04,000
How are
you?
"""
VTT = """WEBVTT - A title
Kind: captions

STYLE
::cue { color: red }

NOTE
What nobody hears.

intro
00:01.000 --> 00:02.500 line:0 position:20%
<v.loud Anna Karenina>Hello <i>there</i>.</v>

01:00:03.000 --> 01:00:04.000
<v Bob>5 &lt; 6 &amp; <00:03.500>so on

NOTE the end
"""


def test_srt():
    assert parse(SRT) == (Cue(1.0, 2.5, "Hello there."), Cue(3.0, 4.0, "How are\nyou?"))


def test_webvtt():
    assert parse(VTT) == (
        Cue(1.0, 2.5, "Hello there.", "Anna Karenina"),
        Cue(3603.0, 3604.0, "5 < 6 & so on", "Bob"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + SRT,
        SRT.replace("\n", "\r\n"),
        SRT.replace("\n", "\r"),
        SRT.replace("\n\n", "\n"),
        SRT.replace("\n\n", "\n\n\n\n"),
        SRT.replace("2\n00:00:03", "17\n00:00:03"),
        SRT.replace("1\n00:00:01", "00:00:01").replace("2\n00:00:03", "00:00:03"),
        SRT.replace(",", "."),
        SRT.replace("00:00:01,000", "0:0:1"),
        SRT.replace("00:00:01,000", "00:01,0"),
        SRT.replace("02,500", "02,5"),
        SRT.replace("02,500", "02,500123"),
        SRT.replace("02,500 ", "02,500 X1:100 X2:200 "),
        SRT.replace("Hello there.", "{\\an8}<b>Hello</b> <font color='#fff'>there.</font>"),
        SRT.replace("Hello there.", "  Hello   there. \t"),
        SRT.replace("02,500\n", "02,500\n\n"),
        SRT.replace(" --> ", "-->"),
        SRT.replace(" --> ", "\t-->  "),
        "A line that belongs to nothing\n\n" + SRT,
        SRT + "\n3\n00:00:09,000 --> 00:00:10,000\n\n",
        SRT.replace("\n", "\r\r\n"),
    ],
)
def test_srt_as_it_is_in_the_wild(text: str):
    found = parse(text)
    assert found[0] == Cue(1.0, 2.5, "Hello there.")
    assert found[1].text.split() == ["How", "are", "you?"]
    assert [(cue.start, cue.end) for cue in found] == [(1.0, 2.5), (3.0, 4.0)]


def test_numbers_that_are_said_are_no_numbers_of_cues():
    counted = "00:00:01,000 --> 00:00:02,000\n42\n\n00:00:03,000 --> 00:00:04,000\n43\n"
    assert [cue.text for cue in parse(counted)] == ["42", "43"]
    numbered = "1\n00:00:01,000 --> 00:00:02,000\n42\n\n2\n00:00:03,000 --> 00:00:04,000\n43\n"
    assert [cue.text for cue in parse(numbered)] == ["42", "43"]


def test_what_only_looks_like_a_tag_is_said():
    assert parse(SRT.replace("Hello there.", "I <3 you, 5 > 3, {no} tag"))[0].text == "I <3 you, 5 > 3, {no} tag"


def test_cues_come_in_order_of_time_and_may_overlap():
    mixed = "1\n00:00:05,000 --> 00:00:09,000\nB\n\n2\n00:00:01,000 --> 00:00:06,000\nA\n"
    assert parse(mixed) == (Cue(1, 6, "A"), Cue(5, 9, "B"))


@pytest.mark.parametrize(
    ("times", "line"),
    [
        ("00:00:02,000 --> 00:00:01,000", 2),
        ("00:00:02,000 --> ", 2),
        (" --> 00:00:02,000", 2),
        ("00:00:0x,000 --> 00:00:01,000", 2),
        ("-00:00:02,000 --> 00:00:01,000", 2),
        ("1e9 --> 2e9", 2),
        ("99999:00:00,000 --> 99999:00:01,000", 2),
        ("nan --> inf", 2),
    ],
)
def test_bad_times_are_named_by_their_line(times: str, line: int):
    with pytest.raises(InvalidRequest, match=f"Line {line} of the subtitles") as caught:
        parse(f"1\n{times}\nHello\n", field="transcript")
    assert caught.value.field == "transcript"


@pytest.mark.parametrize(
    "text", ["", "\n\n", "Just a text.", "WEBVTT\n\nNOTE nothing", "1\n00:01,0 --> 00:02,0\n<i></i>"]
)
def test_without_a_cue_it_is_refused(text: str):
    with pytest.raises(InvalidRequest, match="no cue"):
        parse(text)


def test_too_much_is_refused():
    with pytest.raises(InvalidRequest, match="longer than"):
        parse("x" * 4_000_001)
    with pytest.raises(InvalidRequest, match="more than"):
        parse("00:01 --> 00:02\nx\n" * 50_001)


@pytest.mark.parametrize("piece", ["<", "<v ", "<v.", "{\\", "&", "--", "0:", "<v a", "\n\n", " ", "9"])
def test_hostile_text_is_read_in_linear_time(piece: str):
    """Else it would not be done in time."""
    hostile = "WEBVTT\n\n00:01.000 --> 00:02.000\nsaid " + piece * (1_000_000 // len(piece)) + "\nx"
    (cue,) = parse(hostile)
    assert (cue.start, cue.end) == (1.0, 2.0)
    assert cue.text.startswith("said")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (SRT, True),
        (VTT, True),
        ("\ufeff" + VTT, True),
        ("Hello there.\nThis --> that.", False),
        ("", False),
        ("00:01 --> 00:02\nx", True),
        ("1\n00:00:xx,000 --> 00:00:02,000\nx", True),
        ("1\n --> 00:00:02,000\nx", True),
        ("From 1 --> 2 it goes.", False),
    ],
)
def test_subtitles_are_told_from_plain_lines(text: str, is_one: bool):
    assert looks_like_subtitles(text) == is_one


def test_srt_is_written():
    assert to_srt(parse(SRT)) == SRT
    assert to_srt([Cue(3599.9996, 360000, "a\n\nb --> c", "Anna")]) == "1\n01:00:00,000 --> 100:00:00,000\na\nb → c\n"
    assert to_srt([]) == ""


def test_webvtt_is_written():
    written = to_vtt([Cue(0.5, 2, "<b> & co", "A > B"), Cue(2, 3, "Two\nrows")])
    assert written == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n<v A &gt; B>&lt;b&gt; &amp; co\n\n"
        "00:00:02.000 --> 00:00:03.000\nTwo\nrows\n"
    )
    assert to_vtt([]) == "WEBVTT\n"


milliseconds = st.integers(0, 10**7).map(lambda count: count / 1000)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
texts = st.lists(words, min_size=1, max_size=6).map(" ".join)


@st.composite
def cues(draw: st.DrawFn) -> Cue:
    start, end = sorted([draw(milliseconds), draw(milliseconds)])
    rows = draw(st.lists(texts, min_size=1, max_size=2))
    return Cue(start, end, "\n".join(rows), draw(st.none() | texts))


@given(st.lists(cues(), min_size=1, max_size=5))
def test_webvtt_comes_back_as_it_was(written: list[Cue]):
    expected = sorted(written, key=lambda cue: (cue.start, cue.end))
    found = [replace(cue, start=round(cue.start, 3), end=round(cue.end, 3)) for cue in parse(to_vtt(written))]
    assert found == [Cue(cue.start, cue.end, cue.text.replace("-->", "→"), cue.speaker) for cue in expected]


@given(st.text(), st.booleans())
def test_any_text_is_read_or_refused(text: str, as_cue: bool):
    try:
        found = parse(f"1\n00:01,0 --> 00:02,0\n{text}" if as_cue else text)
    except InvalidRequest:
        return
    assert all(cue.text and 0 <= cue.start <= cue.end for cue in found)


def test_a_short_line_is_one_cue():
    assert cues_of([Cue(1, 2, "Short.", "speaker-1")]) == (Cue(1, 2, "Short.", "speaker-1"),)
    assert cues_of([Cue(1, 2, "  \n "), Cue(2, 3, "")]) == ()


def test_a_long_line_becomes_even_rows_and_cues_that_share_its_time():
    text = "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore, and they are hers."
    found = cues_of([Cue(10, 20, text, "speaker-1")])
    assert [cue.text for cue in found] == [
        "The quick brown fox jumps over the\nlazy dog. She sells sea shells by",
        "the sea shore, and they are hers.",
    ]
    assert found[0].start == 10
    assert found[0].end == found[1].start == pytest.approx(10 + 10 * 67 / 100, abs=0.2)
    assert found[1].end == 20
    assert {cue.speaker for cue in found} == {"speaker-1"}


def test_wide_letters_take_two_columns():
    (cue,) = cues_of([Cue(0, 5, "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。")])
    assert [len(row) for row in cue.text.split("\n")] == [17, 16]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "M"]), max_size=60), max_size=12))
def test_no_word_is_lost_and_no_row_too_long(pieces: list[str]):
    text = " ".join(pieces)
    found = cues_of([Cue(1, 4, text)])
    assert "".join("".join(cue.text.split()) for cue in found) == "".join(text.split())
    for cue in found:
        rows = cue.text.split("\n")
        assert len(rows) <= 2
        assert all(0 < len(row) <= 42 for row in rows)
    assert all(1 <= cue.start <= cue.end <= 4 + 1e-9 for cue in found)

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import BodyTooLarge, InvalidRequest
from myna.media.inline import decode_base64, is_data_url

DATA = bytes(range(256)) * 3


@given(data=st.binary(min_size=1, max_size=200), form=st.sampled_from(("plain", "url", "unpadded", "lines", "data")))
def test_every_usual_form_is_read(data: bytes, form: str):
    text = base64.b64encode(data).decode()
    text = {
        "plain": text,
        "url": base64.urlsafe_b64encode(data).decode(),
        "unpadded": text.rstrip("="),
        "lines": "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76)) + "\n",
        "data": f"data:video/mp4;codecs=avc1;base64,{text}",
    }[form]
    assert decode_base64(text, 200) == data


@pytest.mark.parametrize("prefix", ["data:;base64,", "DATA:video/webm;BASE64,", "  data:audio/wav;base64,"])
def test_data_urls_are_told_apart(prefix: str):
    text = prefix + base64.b64encode(DATA).decode()
    assert is_data_url(text)
    assert decode_base64(text, 1_000) == DATA
    assert not is_data_url("ZGF0YTo=")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("====", "empty"),
        ("data:video/mp4;base64,", "empty"),
        ("data:video/mp4,%00%01", "data URLs in base64"),
        ("data:video/mp4;base64", "neither"),
        ("data:" + "x" * 5_000 + ";base64,QUJD", "neither"),
        ("https://example.org/a.mp4", "neither"),
        ("QUJ", None),
        ("A", "neither"),
        ("QUJD!", "neither"),
        ("QU=JD", "neither"),
        ("é" * 10, "neither"),
        ("{}", "neither"),
    ],
)
def test_what_is_none_is_refused_with_its_field(text: str, words: str | None):
    if words is None:
        assert decode_base64(text, 10) == b"AB"
        return
    with pytest.raises(InvalidRequest, match=words) as refusal:
        decode_base64(text, 1_000_000, field="init_video")
    assert refusal.value.field == "init_video"


def test_the_largest_passes_and_one_byte_more_does_not():
    text = base64.b64encode(DATA).decode()
    assert decode_base64(text, len(DATA)) == DATA
    for extra in (text, "\n".join(text)):
        with pytest.raises(BodyTooLarge, match="767 bytes"):
            decode_base64(extra, len(DATA) - 1)
    with pytest.raises(BodyTooLarge):
        decode_base64("A" * 10_000, 100)

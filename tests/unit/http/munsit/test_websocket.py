from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import InvalidRequest, RateLimited
from myna.http.munsit.schemas import ClosingMessage, InitConnection, TextMessage
from myna.http.munsit.websocket import _Batches, end_of_sentences, read_message


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", ""),
        ("No end yet", ""),
        ("One. Two", "One."),
        ("One. Two!", "One. Two!"),
        ("It costs 3.50 today", ""),
        ('He said "stop!" and', 'He said "stop!"'),
        ("كيف حالك؟ أنا", "كيف حالك؟"),
        ("A line\nand more", "A line\n"),
        ("Wait... what", "Wait..."),
    ],
)
def test_complete_sentences(text, complete):
    assert text[: end_of_sentences(text)] == complete


@given(st.text(max_size=80))
def test_any_message_is_read_or_refused(text):
    try:
        message = read_message(text)
    except InvalidRequest:
        return
    assert isinstance(message, InitConnection | TextMessage | ClosingMessage)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=5))
def test_any_value_in_a_text_message_is_read_or_refused(value):
    for field in ("text", "flush", "try_trigger_generation"):
        body = {"type": "text", "text": "Hello.", field: value}
        try:
            read_message(json.dumps(body))
        except InvalidRequest:
            continue


@given(st.lists(st.tuples(st.text("ab. !", max_size=60), st.booleans(), st.booleans()), max_size=12))
def test_everything_is_spoken_once_and_in_order(texts):
    async def run() -> None:
        batches = _Batches()
        for text, flush, attempt in texts:
            batches.take(TextMessage(type="text", text=text, flush=flush, try_trigger_generation=attempt))
        batches.take(ClosingMessage(type="closeConnection"))
        spoken = []
        while (batch := await batches.next()) is not None:
            spoken.append(batch)
            batches.spoken(batch)
        assert "".join("".join(spoken).split()) == "".join("".join(text for text, _, _ in texts).split())
        assert all(batch.strip() for batch in spoken)
        assert not batches.busy

    asyncio.run(run())


def test_too_much_is_refused_and_dropped():
    batches = _Batches()
    batches.take(TextMessage(type="text", text="x" * 4_000))
    with pytest.raises(InvalidRequest):
        batches.take(TextMessage(type="text", text="y" * 1_001))
    batches.take(TextMessage(type="text", text="z" * 1_000, flush=True))
    for _ in range(3):
        batches.take(TextMessage(type="text", text="x" * 5_000, flush=True))
    with pytest.raises(RateLimited):
        batches.take(TextMessage(type="text", text="x", flush=True))

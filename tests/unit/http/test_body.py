from __future__ import annotations

import pytest

from myna.errors import BodyTooLarge, InvalidRequest
from myna.http.body import ClientGone, read_body
from tests.fixtures.asgi import Connection, http_scope, piece


async def read(*messages, limit=100, **headers):
    return await read_body(http_scope("POST", headers=headers), Connection(*messages).receive, limit)


async def test_a_body_in_pieces_is_put_together_and_can_be_read_again():
    with await read(piece(b"ab", more=True), piece(b""), limit=2) as body:
        assert body.size == 2
        assert body.bytes() == body.bytes() == b"ab"


async def test_a_body_at_the_limit_and_one_byte_more():
    with await read(piece(b"x" * 100)) as body:
        assert body.size == 100
    with pytest.raises(BodyTooLarge):
        await read(piece(b"x" * 60, more=True), piece(b"x" * 41))


async def test_an_announced_body_is_refused_unread():
    with pytest.raises(BodyTooLarge):
        await read(**{"content-length": "101"})


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "", "+1"])
async def test_a_content_length_that_is_no_number(length):
    with pytest.raises(InvalidRequest):
        await read(**{"content-length": length})


async def test_a_client_that_goes():
    with pytest.raises(ClientGone):
        await read(piece(b"ab", more=True), {"type": "http.disconnect"})


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_000, 2_500_000])
async def test_a_replayed_body_is_followed_by_the_connection(size):
    connection = Connection(piece(b"x" * size))
    with await read_body(http_scope("POST"), connection.receive, 3_000_000) as body:
        receive = body.replay(connection.receive)
        got, more = b"", True
        while more:
            message = await receive()
            got += message["body"]
            more = message["more_body"]
        assert len(got) == size
        connection.disconnect()
        assert (await receive())["type"] == "http.disconnect"


async def test_a_replay_goes_on_where_it_was_when_the_body_is_read_besides():
    with await read(piece(b"abc")) as body:
        receive = body.replay(Connection().receive)
        assert body.bytes() == b"abc"
        assert (await receive())["body"] == b"abc"

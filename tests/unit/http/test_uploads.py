from __future__ import annotations

import io

import pytest
from starlette.datastructures import UploadFile

from myna.errors import BodyTooLarge, InvalidRequest
from myna.http.uploads import read_upload


def upload(data: bytes) -> UploadFile:
    return UploadFile(io.BytesIO(data), filename="a.wav")


async def test_a_file_at_the_limit_and_one_byte_more():
    assert await read_upload(upload(b"x" * 100), 100) == b"x" * 100
    with pytest.raises(BodyTooLarge, match="`preview` is larger than 100 bytes"):
        await read_upload(upload(b"x" * 101), 100, "preview")


async def test_an_empty_file_is_refused_by_name():
    with pytest.raises(InvalidRequest, match="`file` is empty") as refused:
        await read_upload(upload(b""), 100)
    assert refused.value.field == "file"

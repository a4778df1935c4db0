"""Files in forms."""

from __future__ import annotations

from starlette.datastructures import UploadFile

from myna.errors import BodyTooLarge, InvalidRequest


async def read_upload(file: UploadFile, limit: int, field: str = "file") -> bytes:
    """A file of a form, of at most `limit` bytes. What it claims to be is not asked; that is for who decodes it.

    Raises `BodyTooLarge`, and `InvalidRequest` for an empty file.
    """
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise BodyTooLarge(f"`{field}` is larger than {limit} bytes. GET /myna/v1/limits lists the limits.")
    if not data:
        raise InvalidRequest(f"`{field}` is empty.", field=field)
    return data

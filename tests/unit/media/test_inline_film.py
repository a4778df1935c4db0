"""Films within JSON, as they come in pieces of any length."""

from __future__ import annotations

import base64
import io
import json
import random
import tracemalloc

import pytest

from myna.errors import BodyTooLarge, InvalidRequest
from myna.media.inline_film import FilmInJson, part_film

FILM = random.Random(5).randbytes(1_000)
HEAD = "data:video/mp4;base64,"


def parted(document: bytes, size: int = 1 << 20, *, max_bytes: int = 10_000, max_rest: int = 2_000) -> tuple:
    film = io.BytesIO()
    reader = FilmInJson(film, max_bytes=max_bytes, max_rest=max_rest)
    for at in range(0, len(document), size):
        reader.feed(document[at : at + size])
    return json.loads(reader.complete()), film.getvalue()


def document(url: str, **others: object) -> bytes:
    return json.dumps({"a": 'say "data:x" \\', "url": url, "transcript": "data: all of it", **others}).encode()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 1_000, 1 << 20])
@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
    ],
)
def test_it_is_parted_from_all_else(size: int, write) -> None:
    url = HEAD + write(base64.b64encode(FILM).decode())
    rest, film = parted(document(url), size)
    assert film == FILM
    assert rest == json.loads(document("data:"))


@pytest.mark.parametrize("size", [1, 4, 6, 1_000])
def test_slashes_and_plusses_may_be_escaped(size: int) -> None:
    sent = document(HEAD + base64.b64encode(FILM).decode()).replace(b"/", b"\\/").replace(b"+", b"\\u002B")
    rest, film = parted(sent, size)
    assert (film, rest["url"]) == (FILM, "data:")


@pytest.mark.parametrize("size", [1, 9, 1_000])
def test_an_address_stays_as_it_is(size: int) -> None:
    sent = document("https://example.com/data:video.mp4", b=[{"url": 1}, None])
    assert parted(sent, size) == (json.loads(sent), b"")


@pytest.mark.parametrize(
    "url", ["data:", "data:video/mp4", "data:video/mp4,abc", HEAD + "a", HEAD + "!!!!", HEAD + "abcd=abcd", HEAD + "é"]
)
def test_what_is_no_base64_is_refused_with_its_field(url: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parted(json.dumps({"url": url}, ensure_ascii=False).encode())
    assert refusal.value.field == "url"


def test_too_large_a_film_and_too_much_besides_it_are_refused() -> None:
    sent = document(HEAD + base64.b64encode(FILM).decode())
    assert parted(sent, max_bytes=1_000)[1] == FILM
    with pytest.raises(BodyTooLarge, match="at most 999 bytes"):
        parted(sent, max_bytes=999)
    with pytest.raises(BodyTooLarge, match="besides the film"):
        parted(document("x", b="y" * 2_000))


def test_two_films_are_refused() -> None:
    one = f'"url": "{HEAD}{base64.b64encode(FILM).decode()}"'
    with pytest.raises(InvalidRequest, match="two files"):
        parted(f"{{{one}, {one}}}".encode())


def test_memory_does_not_grow_with_the_film(tmp_path) -> None:
    sent, film = tmp_path / "sent.json", tmp_path / "film"
    sent.write_bytes(document(HEAD + base64.b64encode(bytes(24_000_000)).decode()))
    with sent.open("rb") as source, film.open("wb") as target:
        tracemalloc.start()
        part_film(source, target, max_bytes=30_000_000, max_rest=2_000)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert film.stat().st_size == 24_000_000
    assert most < 12_000_000

"""Signed links, on a storage in memory."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from myna.http.body import ClientGone
from myna.http.errors import install_error_handlers
from myna.http.middleware import BodyLimit, ErrorGuard
from myna.http.native.errors import error_response
from myna.http.native.files import content_disposition, files_router
from myna.kit import clock
from myna.settings import Settings
from myna.storage.links import LinkSigner
from myna.storage.objects import open_storage
from tests.fixtures.asgi import Connection, http_scope, piece

SOUND = bytes(range(256)) * 4
BASE = "http://myna.test"


@pytest.fixture
def services():
    return SimpleNamespace(
        storage=open_storage("memory://"), links=LinkSigner(b"secret"), settings=Settings(max_upload_bytes=1000)
    )


@pytest.fixture
def app(services):
    app = FastAPI()
    install_error_handlers(app, error_response)
    app.include_router(files_router(services))
    return ErrorGuard(BodyLimit(app, error_response, services.settings), error_response)


@pytest.fixture
async def http(client, app):
    async with client(app) as http:
        yield http


@pytest.fixture
async def link(services):
    await services.storage.put("outputs/a/1.mp3", SOUND)
    return services.links.download(BASE, "outputs/a/1.mp3", "hello.mp3", clock.now() + timedelta(hours=1))


class TestDownload:
    async def test_the_whole_file(self, http, link):
        answer = await http.get(link)
        assert (answer.status_code, answer.content) == (200, SOUND)
        assert answer.headers["content-type"] == "audio/mpeg"
        assert answer.headers["content-length"] == "1024"
        assert answer.headers["content-disposition"] == 'inline; filename="hello.mp3"'
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_head(self, http, link):
        answer = await http.head(link)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == "1024"
        part = await http.head(link, headers={"Range": "bytes=0-9"})
        assert (part.status_code, part.headers["content-length"]) == (206, "10")

    @pytest.mark.parametrize(
        ("asked", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=1000-", 1000, 1024), ("bytes=-24", 1000, 1024)]
    )
    async def test_a_part(self, http, link, asked, start, end):
        answer = await http.get(link, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, SOUND[start:end])
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
        assert answer.headers["content-length"] == str(end - start)

    async def test_several_parts_are_the_whole(self, http, link):
        answer = await http.get(link, headers={"Range": "bytes=0-1,5-6"})
        assert (answer.status_code, answer.content) == (200, SOUND)

    async def test_a_part_that_is_not_there(self, http, link):
        answer = await http.get(link, headers={"Range": "bytes=1024-"})
        assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */1024")

    async def test_an_empty_file(self, http, services):
        await services.storage.put("empty.wav", b"")
        link = services.links.download(BASE, "empty.wav", "empty.wav", None)
        assert ((await http.get(link)).status_code, (await http.get(link)).content) == (200, b"")
        assert (await http.get(link, headers={"Range": "bytes=0-"})).status_code == 416

    async def test_unchanged(self, http, link):
        first = await http.get(link)
        for headers in (
            {"If-None-Match": first.headers["etag"]},
            {"If-None-Match": f'"x", W/{first.headers["etag"]}'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": first.headers["last-modified"]},
        ):
            answer = await http.get(link, headers=headers)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == first.headers["etag"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"If-None-Match": '"other"'},
            {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
            {"If-Modified-Since": "nonsense"},
            {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00"},
        ],
    )
    async def test_changed_or_not_known(self, http, link, headers):
        assert (await http.get(link, headers=headers)).status_code == 200

    async def test_a_part_of_another_version_is_the_whole(self, http, link):
        etag = (await http.get(link)).headers["etag"]
        part = await http.get(link, headers={"Range": "bytes=0-9", "If-Range": etag})
        whole = await http.get(link, headers={"Range": "bytes=0-9", "If-Range": '"older"'})
        assert (part.status_code, whole.status_code) == (206, 200)

    async def test_links_that_are_not_valid(self, http, services, link):
        expired = services.links.download(BASE, "outputs/a/1.mp3", "hello.mp3", clock.now() - timedelta(seconds=2))
        token = link.split("/")[-2]
        forged = link.replace(token, token[:-2] + ("aa" if not token.endswith("aa") else "bb"))
        upload = services.links.upload(BASE, "outputs/a/1.mp3", "hello.mp3", None).replace("/uploads/", "/files/")
        for bad in (expired, forged, upload, f"{BASE}/files/x/y.mp3", f"{BASE}/files/%00/y"):
            answer = await http.get(bad)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_a_deleted_file(self, http, services, link):
        await services.storage.delete("outputs/a/1.mp3")
        assert (await http.get(link)).status_code == 404

    async def test_a_page_is_never_shown_by_a_browser(self, http, services):
        await services.storage.put("x", b"<script>")
        link = services.links.download(BASE, "x", "page.html", None)
        answer = await http.get(link)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["content-security-policy"]


class TestUpload:
    @pytest.fixture
    def place(self, services):
        return services.links.upload(BASE, "uploads/a/1.wav", "1.wav", clock.now() + timedelta(hours=1))

    async def test_any_type(self, http, services, place):
        answer = await http.put(place, content=b"RIFF", headers={"Content-Type": "text/strange"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert await services.storage.get("uploads/a/1.wav") == b"RIFF"

    async def test_again(self, http, services, place):
        await http.put(place, content=b"first")
        await http.put(place, content=b"second")
        assert await services.storage.get("uploads/a/1.wav") == b"second"

    async def test_at_the_limit_and_beyond(self, http, services, place):
        assert (await http.put(place, content=b"x" * 1000)).status_code == 200
        await services.storage.delete("uploads/a/1.wav")
        answer = await http.put(place, content=b"x" * 1001)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

        async def chunks():
            for _ in range(11):
                yield b"x" * 100

        answer = await http.put(place, content=chunks())
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert [stored async for stored in services.storage.list("uploads")] == []

    async def test_a_client_that_goes_leaves_nothing(self, app, services, place):
        connection = Connection(piece(b"half", more=True), {"type": "http.disconnect"})
        path = place.removeprefix(BASE)
        try:
            await app(http_scope("PUT", path, {"transfer-encoding": "chunked"}), connection.receive, connection.send)
        except ClientGone:
            pytest.fail("nobody is there to be told")
        assert [stored async for stored in services.storage.list("uploads")] == []

    async def test_a_download_link_takes_no_upload(self, http, services, link):
        token = link.split("/")[-2]
        assert (await http.put(f"{BASE}/uploads/{token}/x.wav", content=b"x")).status_code == 404


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("hello.mp3", 'inline; filename="hello.mp3"'),
        ("a b (1).mp3", 'inline; filename="a b (1).mp3"'),
        ("../../etc/passwd", 'inline; filename="passwd"'),
        ("..\\evil.mp3", 'inline; filename="evil.mp3"'),
        ('x"; filename="y.exe', 'inline; filename="x__ filename=_y.exe"'.replace("=_y", "__y")),
        ("a\r\nSet-Cookie: x.mp3", 'inline; filename="a__Set-Cookie_ x.mp3"'),
        ("", 'inline; filename="file"'),
        ("...", 'inline; filename="file"'),
        ("voix é.mp3", "inline; filename=\"voix _.mp3\"; filename*=UTF-8''voix%20%C3%A9.mp3"),
        ("\u202egpj.exe", 'inline; filename="_gpj.exe"'),
    ],
)
def test_file_names_are_safe(name, header):
    assert content_disposition(name) == header


def test_a_long_name_is_cut():
    assert len(content_disposition("n" * 5000)) < 200


def test_downloads_that_are_not_shown():
    assert content_disposition("a.bin", inline=False).startswith("attachment;")

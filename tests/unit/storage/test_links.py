"""Signed links."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import NotFound
from myna.kit import clock
from myna.storage.links import LinkSigner, safe_file_name

LINKS = LinkSigner(b"secret")
BASE = "https://voice.example.org"


def token_of(link: str) -> str:
    return urlsplit(link).path.split("/")[2]


def test_a_download_link_carries_its_key_and_ends_with_the_name() -> None:
    link = LINKS.download(BASE, "outputs/1/a.mp3", "Grüße an dich.mp3", clock.now() + timedelta(hours=1))

    assert link.startswith(f"{BASE}/files/")
    assert unquote(link).endswith("/Grüße an dich.mp3")
    assert link.isascii()
    assert LINKS.open_download(token_of(link)) == "outputs/1/a.mp3"


def test_an_upload_link_carries_its_key() -> None:
    link = LINKS.upload(BASE, "uploads/1/a.mp3", "a.mp3", clock.now() + timedelta(hours=1))
    assert link.startswith(f"{BASE}/uploads/")
    assert link.endswith("/a.mp3")
    assert LINKS.open_upload(token_of(link)) == "uploads/1/a.mp3"


def test_a_link_without_expiry_works_for_ever() -> None:
    assert LINKS.open_download(token_of(LINKS.download(BASE, "key", "name", None))) == "key"


def test_an_expired_link_is_gone() -> None:
    link = LINKS.download(BASE, "key", "name", clock.now() - timedelta(seconds=2))
    with pytest.raises(NotFound, match="expired"):
        LINKS.open_download(token_of(link))


def test_a_link_serves_one_purpose() -> None:
    expires_at = clock.now() + timedelta(hours=1)
    with pytest.raises(NotFound):
        LINKS.open_upload(token_of(LINKS.download(BASE, "key", "name", expires_at)))
    with pytest.raises(NotFound):
        LINKS.open_download(token_of(LINKS.upload(BASE, "key", "name", expires_at)))


def test_links_of_another_secret_are_refused() -> None:
    link = LinkSigner(b"another").download(BASE, "key", "name", None)
    with pytest.raises(NotFound):
        LINKS.open_download(token_of(link))


def test_an_altered_link_is_refused() -> None:
    token = token_of(LINKS.download(BASE, "key", "name", None))
    for position in range(len(token) - 1):
        altered = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(NotFound):
            LINKS.open_download(altered)


@given(st.text(max_size=80))
def test_any_text_is_a_token_that_is_refused(token: str) -> None:
    with pytest.raises(NotFound):
        LINKS.open_download(token)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hello.mp3", "hello.mp3"),
        ("../../etc/passwd", "etc_passwd"),
        ("a/b\\c:d.wav", "a_b_c_d.wav"),
        (".hidden", "hidden"),
        ("", "file"),
        ("...", "file"),
        ("///", "file"),
        (".mp3", "mp3"),
        ("line\nbreak\x00.mp3", "line_break.mp3"),
        ("gpj\u202eexe.mp3", "gpj_exe.mp3"),
        ("half\ud800.mp3", "half.mp3"),
        ("你好 world.flac", "你好 world.flac"),
        ("Cafe\u0301.wav", "Café.wav"),
        ("a sentence. And one more without any extension", "a sentence. And one more without any extension"),
        ("你" * 400 + ".mp3", "你" * 56 + ".mp3"),
        ("x" * 400 + ".mp3", "x" * 168 + ".mp3"),
    ],
)
def test_file_names_are_made_safe(text: str, name: str) -> None:
    assert safe_file_name(text) == name


@given(st.text())
def test_every_text_becomes_a_usable_file_name(text: str) -> None:
    name = safe_file_name(text)
    assert 0 < len(name.encode()) <= 200
    assert not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>|\x00\n\r')
    assert safe_file_name(name) == name

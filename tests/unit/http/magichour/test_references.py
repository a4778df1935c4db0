from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import InvalidRequest, MynaError, NotFound
from myna.http.magichour.errors import UnprocessableEntity
from myna.http.magichour.references import Address, OwnLink, Project, Upload, read_reference

HERE = "http://127.0.0.1:8311"
ID = "c" + "a1" * 12


def read(path, account_id="me"):
    return read_reference(path, account_id, HERE)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/voice.wav",
        "http://example.org:8080/a/b/Voice.MP3?signature=x.exe&a=1#t=3",
        "HTTPS://example.org/voice.weba",
        "https://example.org/voice.mpeg",
        "https://[2001:db8::1]/voice.opus",
        f"https://example.org/my-library/voice.flac?audioId={ID}",
    ],
)
def test_addresses_are_to_be_fetched(url):
    assert read(url) == Address(url)


@pytest.mark.parametrize("extension", ["wav", "mp3", "webm", "mpeg"])
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_uploads_lie_in_the_folder_of_their_account(kind, extension):
    path = f"api-assets/{ID}/{kind}.{extension}"
    assert read(path) == Upload(f"uploads/me/{ID}.{extension}")
    assert read(path, "you") == Upload(f"uploads/you/{ID}.{extension}")


@pytest.mark.parametrize(
    "url",
    [
        f"https://magichour.ai/my-library?audioId={ID}",
        f"https://www.magichour.ai/my-library?audioId={ID}",
        f"https://magichour.ai/my-library?tab=audio&audioId={ID}",
        f"{HERE}/my-library?audioId={ID}",
        f"{HERE}/magichour/my-library?audioId={ID}",
    ],
)
def test_projects_of_the_library(url):
    assert read(url) == Project(ID)


def test_own_download_links_are_opened_and_not_fetched():
    assert read(f"{HERE}/files/token/{ID}.wav") == OwnLink("token")
    assert read("https://example.org/files/token/x.wav") == Address("https://example.org/files/token/x.wav")


@pytest.mark.parametrize(
    "path",
    [
        "voice.wav",
        "/etc/passwd.wav",
        "file:///etc/passwd.wav",
        "ftp://example.org/voice.wav",
        "https:///voice.wav",
        "https://[broken/voice.wav",
        "https://user:secret@example.org/voice.wav",
        "https://magichour.ai/my-library",
        f"https://magichour.ai/my-library?audioId={ID}&audioId={ID}",
        "api-asset/x/audio.wav",
    ],
)
def test_what_is_no_path_names_the_field(path):
    with pytest.raises(InvalidRequest) as caught:
        read(path)
    assert caught.value.field == "assets.audio_file_path"
    assert caught.value.message.startswith("assets.audio_file_path: ")


@pytest.mark.parametrize(
    "path",
    [
        "api-assets/",
        "api-assets/../../outputs/x/audio.wav",
        f"api-assets/{ID}/../audio.wav",
        "https://magichour.ai/my-library?audioId=1",
        "https://magichour.ai/my-library?audioId=..%2f..",
    ],
)
def test_what_was_never_given_out(path):
    with pytest.raises(NotFound):
        read(path)


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("https://example.org/voice.exe", "exe"),
        ("https://example.org/voice", ""),
        ("https://example.org/.wav", ""),
        (f"api-assets/{ID}/video.mp4", "mp4"),
        (f"api-assets/{ID}/image.png", "png"),
    ],
)
def test_files_of_other_kinds_in_the_words_of_the_vendor(path, extension):
    with pytest.raises(UnprocessableEntity) as caught:
        read(path)
    assert caught.value.message.startswith(f"'{extension}' is an invalid audio extension. Possible extensions are 'mp3")


def test_saved_items_are_not_offered():
    with pytest.raises(UnprocessableEntity, match="Saved items are not offered"):
        read("saved-items/abc/voice.wav")


@given(st.text(max_size=60) | st.text(max_size=40).map("https://".__add__) | st.text(max_size=40).map(HERE.__add__))
def test_any_text_means_something_or_is_refused(path):
    found: object
    try:
        found = read(path)
    except MynaError as error:
        found = error
    assert isinstance(found, Address | Upload | Project | OwnLink | InvalidRequest | NotFound | UnprocessableEntity)

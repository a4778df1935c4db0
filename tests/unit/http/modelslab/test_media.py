"""What a file is by its first bytes, and what an address is about."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from myna.errors import AddressRefused, InvalidRequest, TextTooLong
from myna.http.modelslab.media import dubbed_as, unreachable
from tests.fixtures.videos import Film, make_video

BEGIN = 1 << 16


def sound_in(path: Path, container: str, codec: str) -> bytes:
    """A second of silence, without pictures."""
    with av.open(str(path), "w", format=container) as output:
        track = output.add_stream(codec, rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return path.read_bytes()[:BEGIN]


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm"])
def test_a_film_comes_back_as_it_came(tmp_path: Path, container: str) -> None:
    film = make_video(tmp_path / f"film.{container}", Film(1))
    assert dubbed_as(film.read_bytes()[:BEGIN]) == ("video", container)


@pytest.mark.parametrize(
    ("container", "codec", "back"),
    [("webm", "libopus", "ogg"), ("matroska", "libopus", "m4a"), ("mp4", "aac", "m4a"), ("ipod", "aac", "m4a"),
     ("ogg", "libopus", "ogg"), ("mp3", "libmp3lame", "mp3"), ("flac", "flac", "flac")],
)  # fmt: skip
def test_sound_comes_back_as_sound(tmp_path: Path, container: str, codec: str, back: str) -> None:
    assert dubbed_as(sound_in(tmp_path / "sound", container, codec)) == ("audio", back)


def test_what_is_not_known_is_taken_for_a_film() -> None:
    assert dubbed_as(b"") == ("video", "mp4")
    assert dubbed_as(b"\0\0\0\x18ftypisom" + b"mdat" * 9) == ("video", "mp4")


def test_an_address_without_a_file_is_named_in_the_vendors_words() -> None:
    with (
        pytest.raises(InvalidRequest, match=r"^Unable to fetch video from provided URL: 404$") as refused,
        unreachable("video", "init_video", known_as="source_url"),
    ):
        raise InvalidRequest("404", field="source_url")
    assert refused.value.field == "init_video"


@pytest.mark.parametrize(
    "error", [InvalidRequest("wrong", field="language"), TextTooLong("long", field="url"), AddressRefused()]
)
def test_what_else_is_wrong_has_its_own_words(error: InvalidRequest) -> None:
    with pytest.raises(type(error)) as refused, unreachable("audio", "url"):
        raise error
    assert refused.value is error

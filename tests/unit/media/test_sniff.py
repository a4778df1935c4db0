from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from myna.errors import UnsupportedMedia
from myna.media.encode import encode
from myna.media.formats import AudioFormat
from myna.media.sniff import refuse_what_is_no_film, refuse_what_is_no_sound, what_it_looks_like
from tests.fixtures.speech import speech_like

RATE = 24_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04" + b"\0" * 100, "ZIP"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n\n  <HTML><body>", "web page"),
        (b'<?xml version="1.0"?><MPD/>', "XML"),
        (b"\xef\xbb\xbf<?xml", "XML"),
        (b'{"error": "not found"}', "JSON"),
        (b"[1, 2]", "JSON"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile 'x.wav'\n", "playlist"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", "SDP"),
        (b"data:audio/wav;base64,UklGRg==", "data URL"),
        ("Eine Mitteilung über Vögel".encode(), "text"),
        (("ä" * 3_000).encode()[:4_095], "text"),
        (b"\0" * 5_000, "zeros"),
        (b"\x7fELF\x02\x01", "program"),
        (b"MThd\0\0\0\x06", "MIDI"),
    ],
)
def test_what_is_surely_no_sound_is_called_by_its_name(data: bytes, words: str):
    assert words in what_it_looks_like(data)
    with pytest.raises(UnsupportedMedia, match=words) as refusal:
        refuse_what_is_no_sound(data)
    assert "Send WAV" in refusal.value.message


def test_nothing_is_said_to_be_empty():
    with pytest.raises(UnsupportedMedia, match="empty"):
        refuse_what_is_no_sound(b"")


@pytest.mark.parametrize("format", ["mp3", "wav", "flac", "opus", "aac"])
def test_sound_passes(format: AudioFormat):
    refuse_what_is_no_sound(encode(speech_like(0.2, RATE), RATE, format))


@pytest.mark.parametrize("format", ["AIFF", "CAF", "W64", "AU", "OGG"])
def test_other_containers_pass(format: str):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(2_000, np.float32), RATE, format=format)
    refuse_what_is_no_sound(file.getvalue())


@pytest.mark.parametrize(
    "data", [b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80", b"ID3\x04\0\0", b"\x1aE\xdf\xa3", b"G\x40\0\x10", b"#!AMR\n<<<"]
)
def test_beginnings_of_sound_pass(data: bytes):
    assert what_it_looks_like(data) == ""
    assert what_it_looks_like(data + bytes(range(256))) == ""


def test_where_a_film_is_expected_films_are_asked_for():
    with pytest.raises(UnsupportedMedia, match=r"neither video nor sound.*web page.*Send MP4"):
        refuse_what_is_no_film(b"<html></html>")
    with pytest.raises(UnsupportedMedia, match="empty"):
        refuse_what_is_no_film(b"")
    refuse_what_is_no_film(b"\0\0\0\x18ftypmp42")

"""What bytes look like that are surely no sound: a cheap first look, before anything is decoded.

It only refuses what begins like something else. Whatever passes is still not trusted.
"""

from __future__ import annotations

from myna.errors import UnsupportedMedia

_LOOKED_AT = 4_096
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF87a", "a picture (GIF)"),
    (b"GIF89a", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a database"),
    (b"MThd", "notes without sound (MIDI)"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media, which Myna does not read"),
)
_RIFF_KINDS = {b"WEBP": "a picture (WebP)", b"RMID": "notes without sound (MIDI)"}
_PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"mif1"})
_TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"#extm3u", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"[playlist]", "a playlist"),
    (b"v=0", "the description of a stream (SDP)"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
    (b"<", "an XML document or a web page"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"data:", "a data URL, not the data itself"),
)
_SOUND_THAT_MAY_BE_TEXT = b"#!AMR"
_WHITE = b" \t\r\n\f\v"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def refuse_what_is_no_sound(data: bytes) -> None:
    """Raises `UnsupportedMedia` that says what the bytes look like."""
    _refuse(data, "no sound", "WAV, MP3, FLAC, Ogg, M4A or WebM")


def refuse_what_is_no_film(data: bytes) -> None:
    """The same where a video is expected, or sound. `data` is the beginning of the file."""
    _refuse(data, "neither video nor sound", "MP4, MOV, MKV, WebM, or sound as MP3, WAV or M4A")


def _refuse(data: bytes, is_no: str, wanted: str) -> None:
    if not data:
        raise UnsupportedMedia("This file is empty.")
    if looks := what_it_looks_like(data[:_LOOKED_AT]):
        raise UnsupportedMedia(f"This file is {is_no}; it looks like {looks}. Send {wanted}.", reason=looks)


def what_it_looks_like(start: bytes) -> str:
    """In words, when the first bytes of a file are surely no sound; else empty."""
    for signature, words in _SIGNATURES:
        if start.startswith(signature):
            return words
    if start.startswith(b"RIFF"):
        return _RIFF_KINDS.get(start[8:12], "")
    if start[4:8] == b"ftyp":
        return "a picture (AVIF or HEIC)" if start[8:12] in _PICTURE_BRANDS else ""
    if not start.strip(b"\0"):
        return "zeros"
    return _text(start)


def _text(start: bytes) -> str:
    if start.startswith(_SOUND_THAT_MAY_BE_TEXT) or not _is_text(start):
        return ""
    beginning = start.removeprefix(_BYTE_ORDER_MARK).lstrip(_WHITE).lower()
    return next((words for mark, words in _TEXTS if beginning.startswith(mark)), "text")


def _is_text(start: bytes) -> bool:
    """UTF-8 without control characters; the last character may be cut off."""
    if any((byte < 32 and byte not in _WHITE) or byte == 127 for byte in start):
        return False
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start > 0
    return True

"""Voice files: what goes in comes out, and what is hostile is refused before it costs anything."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.errors import BodyTooLarge, InvalidRequest
from myna.voices.portable import ENDING, MANIFEST, PREVIEW, REFERENCE, pack, unpack
from myna.voices.schemas import ClonedVoice

LIMIT = 1_000_000
MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOUND = b"fLaC" + bytes(range(256)) * 20


def voice(**fields: Any) -> ClonedVoice:
    known: dict[str, Any] = {
        "id": "voice_0123456789abcdefghijklmn",
        "record_id": "0b6f1e2c-8f0e-4d0a-9f64-2b7c1d3e5a91",
        "account_id": "account",
        "api": "native",
        "name": "Nora",
        "description": "Calm",
        "gender": "female",
        "age": "middle",
        "languages": ("ar", "en"),
        "dialects": ("najdi",),
        "avatar_url": "https://example.com/nora.png",
        "stability": 0.25,
        "similarity": 0.75,
        "engine": "match",
        "voice_format": "match/1",
        "quality": "matched",
        "reference_hash": "0" * 64,
        "transcript": "It is a fine day.",
        "report": {"duration": 12.0, "language": "ar-EG"},
        "preview_verified": True,
        "consent_id": "cons_1",
        "affirmed_by": "key",
        "affirmed_at": MOMENT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return ClonedVoice(**{**known, **fields})


def archive(entries: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return file.getvalue()


def manifest(**fields: Any) -> bytes:
    return json.dumps({"format": "myna-voice/1", "name": "Nora", **fields}).encode()


def test_a_voice_comes_out_as_it_went_in() -> None:
    found = unpack(pack(voice(), SOUND, b"RIFF"), max_sound_bytes=LIMIT)
    assert (found.reference, found.preview, found.transcript) == (SOUND, b"RIFF", "It is a fine day.")
    assert found.language == "ar-EG", "that of the recording"
    new = found.new
    assert (new.name, new.description, new.gender, new.age) == ("Nora", "Calm", "female", "middle")
    assert (new.languages, new.dialects) == (("ar", "en"), ("najdi",))
    assert (new.avatar_url, new.stability, new.similarity) == ("https://example.com/nora.png", 0.25, 0.75)
    assert new.consent_id is None, "a consent of another server says nothing here"


_NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(name=_NAMES, sound=st.binary(max_size=2_000), share=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_any_name_and_any_sound_survive(name: str, sound: bytes, share: float) -> None:
    bare = voice(name=name, stability=share, description=None, transcript=None, languages=(), dialects=())
    found = unpack(pack(bare, sound, None), max_sound_bytes=LIMIT)
    assert (found.new.name, found.new.stability, found.reference) == (name, share, sound)
    assert (found.preview, found.transcript, found.new.description) == (None, None, None)


def test_nothing_but_the_voice_is_in_the_file() -> None:
    packed = pack(voice(), SOUND, None)
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        assert opened.namelist() == [MANIFEST, REFERENCE]
        told = json.loads(opened.read(MANIFEST))
    assert told["made_with"] == {"engine": "match", "voice_format": "match/1", "quality": "matched"}
    assert not {"account_id", "affirmed_by", "consent_id", "reference_hash", "report"} & set(told)
    assert packed == pack(voice(), SOUND, None)
    assert ENDING == ".myna-voice"


def test_fields_of_later_versions_are_passed_over() -> None:
    later = archive({MANIFEST: manifest(mood="calm"), REFERENCE: SOUND})
    assert unpack(later, max_sound_bytes=LIMIT).new.name == "Nora"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({REFERENCE: SOUND}, "it should hold manifest.json, reference.flac"),
        ({MANIFEST: manifest()}, "it should hold manifest.json, reference.flac"),
        ({MANIFEST: manifest(), REFERENCE: SOUND, "../../etc/passwd": b"x"}, "and nothing else"),
        ({MANIFEST: manifest(), REFERENCE: SOUND, "prepared.json": b"{}"}, "and nothing else"),
        ({MANIFEST: manifest(), REFERENCE: SOUND, PREVIEW: b"", "more": b""}, "at most 3 entries"),
        ({f"{number}.wav": b"" for number in range(2_000)}, "at most 3 entries"),
        ({MANIFEST: b"{", REFERENCE: SOUND}, "manifest.json: Invalid JSON"),
        ({MANIFEST: b"\xff", REFERENCE: SOUND}, "manifest.json: "),
        ({MANIFEST: b"[" * 60_000, REFERENCE: SOUND}, "manifest.json: Invalid JSON"),
        ({MANIFEST: manifest(format="myna-voice/9"), REFERENCE: SOUND}, "manifest.json: format: "),
        ({MANIFEST: manifest(name=""), REFERENCE: SOUND}, "manifest.json: name: "),
        ({MANIFEST: manifest(name="a\0b"), REFERENCE: SOUND}, "manifest.json: name: "),
        ({MANIFEST: manifest(name="x" * 201), REFERENCE: SOUND}, "manifest.json: name: "),
        ({MANIFEST: manifest(name=7), REFERENCE: SOUND}, "manifest.json: name: "),
        ({MANIFEST: manifest(stability=1.5), REFERENCE: SOUND}, "manifest.json: stability: "),
        ({MANIFEST: manifest(similarity=float("nan")), REFERENCE: SOUND}, "manifest.json: similarity: "),
        ({MANIFEST: manifest(languages=["en"] * 51), REFERENCE: SOUND}, "manifest.json: languages: "),
        ({MANIFEST: manifest(transcript="x" * 20_001), REFERENCE: SOUND}, "manifest.json: transcript: "),
    ],
)
def test_what_is_no_voice_is_refused_with_the_reason(entries: Mapping[str, bytes], why: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        unpack(archive(entries), max_sound_bytes=LIMIT)
    assert why in refused.value.message
    assert refused.value.field == "file"


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"RIFF" * 100, b"PK\x05\x06" + bytes(18), pack(voice(), SOUND, None)[:-1]]
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="This is no voice file"):
        unpack(data, max_sound_bytes=LIMIT)


def test_two_entries_of_one_name_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(MANIFEST, manifest())
        made.writestr(REFERENCE, SOUND)
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr(REFERENCE, b"other")
    with pytest.raises(InvalidRequest, match="and nothing else"):
        unpack(file.getvalue(), max_sound_bytes=LIMIT)


@pytest.mark.parametrize("name", [REFERENCE, PREVIEW])
def test_a_bomb_is_refused_without_unpacking_it(name: str) -> None:
    """100 MB of zeros in 100 kB."""
    bomb = archive({MANIFEST: manifest(), REFERENCE: SOUND, PREVIEW: b"", name: bytes(100_000_000)})
    assert len(bomb) < 200_000
    tracemalloc.start()
    with pytest.raises(BodyTooLarge, match=f"`{name}` in this file is larger than 1000000 bytes"):
        unpack(bomb, max_sound_bytes=LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_a_manifest_that_is_a_bomb_is_refused() -> None:
    with pytest.raises(BodyTooLarge, match=r"`manifest\.json` in this file is larger than 65536 bytes"):
        unpack(archive({MANIFEST: bytes(10_000_000), REFERENCE: SOUND}), max_sound_bytes=LIMIT)


def test_a_long_list_of_entries_is_not_read() -> None:
    """The end record tells of one entry, and of a list of 4 MB."""
    listed = archive({f"{number:0200}": b"" for number in range(20_000)})
    forged = listed[:-14] + struct.pack("<HH", 1, 1) + listed[-10:]
    tracemalloc.start()
    with pytest.raises(InvalidRequest, match="its list of entries is too long"):
        unpack(forged, max_sound_bytes=LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_other_packings_are_refused() -> None:
    for compression in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(InvalidRequest, match="packed in a way that is not used here"):
            unpack(archive({MANIFEST: manifest(), REFERENCE: SOUND}, compression), max_sound_bytes=LIMIT)


def test_an_archive_of_the_large_kind_is_refused() -> None:
    plain = archive({MANIFEST: manifest(), REFERENCE: SOUND})
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(InvalidRequest, match="archives of that kind"):
        unpack(plain[:-22] + locator + plain[-22:], max_sound_bytes=LIMIT)


PACKED = pack(voice(), SOUND, b"RIFF" * 50)


@given(st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 255)), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_damage_is_refused_in_our_own_words(changes: list[tuple[int, int]]) -> None:
    data = bytearray(PACKED)
    for place, value in changes:
        data[place] = value
    with contextlib.suppress(InvalidRequest, BodyTooLarge):
        assert len(unpack(bytes(data), max_sound_bytes=LIMIT).reference) <= LIMIT

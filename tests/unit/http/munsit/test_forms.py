from __future__ import annotations

import io
import math
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData, Headers, UploadFile

from myna.errors import InvalidRequest
from myna.http.munsit.forms import Form, NoSound, parse_number, read_recording, wav_file


def form(*fields):
    return Form(FormData(list(fields)))


def upload(content=b"x", type="audio/wav", name="a.wav"):
    headers = Headers({"content-type": type} if type is not None else {})
    return UploadFile(io.BytesIO(content), filename=name, headers=headers)


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False))
def test_every_usual_number_is_read(value):
    assert parse_number(f"{value:.12f}") == pytest.approx(value, abs=1e-9)
    assert parse_number(f" {value!r} ") == value


@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_none(text):
    value = parse_number(text)
    assert math.isnan(value) or (math.isfinite(value) and text.strip().isascii())


@pytest.mark.parametrize("text", [None, "", "abc", "NaN", "inf", "1_0", "0x1", "1e999", "٣", "1,5", "--1", "1 2", "."])
def test_what_is_no_number(text):
    assert math.isnan(parse_number(text))


@given(st.lists(st.text(st.characters(blacklist_characters=","), max_size=8)))
def test_values_between_commas_come_back_trimmed_once_each(words):
    found = form(("languages", ",".join(words))).separated("languages")
    assert found == tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def test_the_last_field_of_a_name_counts_and_lists_add_up():
    both = form(("name", "a"), ("name", "b"), ("dialects", "x,y"), ("dialects", "y,z"))
    assert both.required("name") == "b"
    assert both.separated("dialects") == ("x", "y", "z")


def test_a_file_is_no_text_and_a_text_no_file():
    mixed = form(("text", upload()), ("file", "text"))
    with pytest.raises(InvalidRequest, match="text is required"):
        mixed.required("text")
    with pytest.raises(NoSound, match="file is required and must be of audio type"):
        mixed.file("file")


@pytest.mark.parametrize("type", ["audio/wav", "AUDIO/MPEG", "audio/ogg; codecs=opus", "video/mp4", None, ""])
def test_what_may_be_sound(type):
    assert form(("file", upload(type=type))).file("file")


@pytest.mark.parametrize("type", ["text/plain", "image/png", "application/zip", "video/x-flv", "audio", "audio/"])
def test_what_is_no_sound(type):
    with pytest.raises(NoSound):
        form(("file", upload(type=type))).file("file")


@pytest.mark.parametrize(
    ("type", "name", "content", "rate"),
    [
        ("audio/raw;codec=pcm16;rate=16000;channels=1", "p", b"abcd", 16_000),
        ("audio/raw", "p", b"abcd", 24_000),
        ("audio/raw", "p", b"RIFF\0\0\0\0WAVE", None),
        ("application/octet-stream", "p.PCM", b"abcd", 24_000),
        ("application/octet-stream", "p.wav", b"abcd", None),
        ("audio/wav", "p.pcm", b"abcd", None),
    ],
)
async def test_the_rate_of_sound_without_a_header(type, name, content, rate):
    recording = await read_recording(form(("voice_file", upload(content, type, name))), "voice_file", 100)
    assert (recording.raw_rate, recording.data) == (rate, content)


@given(st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2]), st.sampled_from([8_000, 24_000, 48_000]))
def test_a_wav_file_holds_the_very_samples(samples, rate):
    with wave.open(io.BytesIO(wav_file(samples, rate))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, 1, 2)
        assert file.readframes(file.getnframes()) == samples

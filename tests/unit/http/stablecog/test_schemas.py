"""Reading the body of a create request."""

from __future__ import annotations

import numpy as np
import pytest

from myna.http.stablecog.schemas import CreateBody
from myna.http.stablecog.wire import Undecodable

ID = "0140c5dc-af12-4643-bfec-650d3cd03c56"


def test_all_fields_are_read() -> None:
    body = CreateBody.decode(
        f'{{"prompt":"Hi","temperature":0.5,"model_id":"{ID}","speaker_id":"{ID}","denoise_audio":false,'
        f'"remove_silence":true,"seed":7,"submit_to_gallery":true,"stream_id":"s","ui_id":"u",'
        f'"WasAutoSubmitted":true}}'.encode()
    )
    assert body == CreateBody(
        prompt="Hi",
        temperature=np.float32(0.5),
        was_auto_submitted=True,
        model_id=ID,
        speaker_id=ID,
        denoise_audio=False,
        remove_silence=True,
        seed=7,
        submit_to_gallery=True,
        stream_id="s",
        ui_id="u",
    )


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"num_outputs":1,"status":"x"}', b'{"prompt":null,"seed":null}'])
def test_what_is_not_given_is_absent(body: bytes) -> None:
    assert CreateBody.decode(body) == CreateBody()


@pytest.mark.parametrize(
    ("body", "prompt"),
    [
        (b'{"PROMPT":"hi"}', "hi"),
        (b'{"prompt":"a","prompt":"b"}', "b"),
        (b'{"prompt":"a","Prompt":"b"}', "b"),
        (b'{"prompt":"a","prompt":null}', "a"),
        (b'{"prompt":" a\\n"}', " a\n"),
    ],
)
def test_keys_in_any_case_and_the_last_one_counts(body: bytes, prompt: str) -> None:
    assert CreateBody.decode(body).prompt == prompt


def test_a_null_takes_an_optional_field_back() -> None:
    assert CreateBody.decode(b'{"seed":5,"temperature":1,"seed":null}') == CreateBody(temperature=np.float32(1))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"text"',
        b"1",
        b'{"prompt":123}',
        b'{"prompt":["a"]}',
        b'{"temperature":"0.5"}',
        b'{"denoise_audio":"true"}',
        b'{"remove_silence":1}',
        b'{"seed":1.5}',
        b'{"seed":1.0}',
        b'{"seed":9223372036854775808}',
        b'{"model_id":"abc"}',
        b'{"model_id":""}',
        b'{"speaker_id":7}',
        b'{"submit_to_gallery":"no"}',
        b'{"stream_id":1}',
        b'{"ui_id":{}}',
        b'{"seed":"x","seed":1}',
    ],
)
def test_other_types_are_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        CreateBody.decode(body)

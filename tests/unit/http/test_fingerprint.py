from __future__ import annotations

import io

import pytest

from myna.errors import InvalidRequest
from myna.http.body import Body
from myna.http.fingerprint import body_fingerprint, idempotency_key, request_scope


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("8e03978e", "8e03978e"),
        ('"8e03978e"', "8e03978e"),
        ('  "a b"  ', "a b"),
        (r'"say \"hi\" \\"', 'say "hi" \\'),
        ('"', '"'),
        ("k" * 255, "k" * 255),
        ('"' + "k" * 255 + '"', "k" * 255),
    ],
)
def test_keys_with_and_without_quotes(sent, key):
    assert idempotency_key([sent]) == key


@pytest.mark.parametrize("sent", [[""], ['""'], ["k" * 256], ["é"], ["a\tb"], ["a", "b"]])
def test_keys_that_are_refused(sent):
    with pytest.raises(InvalidRequest) as refused:
        idempotency_key(sent)
    assert refused.value.field == "Idempotency-Key"


def test_the_scope_is_one_endpoint_of_one_account():
    scope = request_scope("account", "native", "POST", "/speech", "key")
    assert scope == request_scope("account", "native", "POST", "/speech/", "key")
    others = [
        request_scope("other", "native", "POST", "/speech", "key"),
        request_scope("account", "openai", "POST", "/speech", "key"),
        request_scope("account", "native", "PUT", "/speech", "key"),
        request_scope("account", "native", "POST", "/webhooks", "key"),
        request_scope("account", "native", "POST", "/speech", "key2"),
    ]
    assert len({scope, *others}) == 6


async def fingerprint(data, content_type="application/json", query=b""):
    headers = [(b"content-type", content_type.encode())]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": query}
    return await body_fingerprint(scope, None if data is None else Body(len(data), io.BytesIO(data)))


async def test_json_is_compared_by_meaning():
    base = await fingerprint(b'{"a": 1, "b": [1, 2]}')
    assert await fingerprint(b'{"b":[1,2],"a":1}', "text/plain") == base
    assert await fingerprint(b'{"b":[2,1],"a":1}') != base
    assert await fingerprint(b'{"a": 1, "b": [1, 2]}', query=b"x=1") != base


async def test_large_json_is_compared_by_its_bytes_a_piece_at_a_time():
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    film = b'{"a": 1, "url": "' + b"x" * 5_000_000 + b'"}'
    prints = [await body_fingerprint(scope, Body(len(sent), io.BytesIO(sent))) for sent in (film, film, film + b" ")]
    assert prints[0] == prints[1] != prints[2]


async def test_what_is_not_json_is_compared_by_its_bytes():
    assert await fingerprint(b"{broken") == await fingerprint(b"{broken")
    assert await fingerprint(b"{broken") != await fingerprint(b"{broken ")
    assert await fingerprint(b"[" * 100_000) == await fingerprint(b"[" * 100_000)
    assert await fingerprint(None) == await fingerprint(b"") != await fingerprint(b"{}")


def form(boundary, text="hi", sound=b"\x00\x01", name="a.wav"):
    return (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="text"\r\n\r\n{text}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: audio/wav\r\n\r\n"
        ).encode()
        + sound
        + f"\r\n--{boundary}--\r\n".encode()
    )


async def form_fingerprint(boundary, **parts):
    return await fingerprint(form(boundary, **parts), f"multipart/form-data; boundary={boundary}")


async def test_forms_are_compared_by_fields_and_files_not_by_boundary():
    base = await form_fingerprint("one")
    assert await form_fingerprint("two") == base
    assert await form_fingerprint("one", text="ho") != base
    assert await form_fingerprint("one", sound=b"\x00\x02") != base
    assert await form_fingerprint("one", name="b.wav") != base


async def test_a_large_file_is_hashed_in_pieces():
    sound = b"s" * 3_000_000
    assert await form_fingerprint("one", sound=sound) == await form_fingerprint("two", sound=sound)


async def test_a_broken_form_is_compared_by_its_bytes():
    content_type = "multipart/form-data; boundary=b"
    broken = b"--b\r\nno headers here"
    assert await fingerprint(broken, content_type) == await fingerprint(broken, content_type)
    assert await fingerprint(broken + b"!", content_type) != await fingerprint(broken, content_type)

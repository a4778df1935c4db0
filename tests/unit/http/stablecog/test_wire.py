"""JSON as Go writes and reads it."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.http.stablecog import wire


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.7"),
        (5.3976874, "5.3976874"),
        (1, "1"),
        (0, "0"),
        (-0.0, "-0"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (2e20, "200000000000000000000"),
        (1e21, "1e+21"),
        (16777216, "16777216"),
    ],
)
def test_float32_is_written_with_the_fewest_digits(value: float, text: str) -> None:
    assert wire.float32_text(np.float32(value)) == text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_survives_the_way_to_text_and_back(value: float) -> None:
    text = wire.float32_text(np.float32(value))
    assert struct.pack("<f", float(text)) == struct.pack("<f", value)


def test_answers_are_compact_with_a_line_end_and_keep_the_order_of_keys() -> None:
    value = {"b": [1, np.float32(0.25), None], "a": {"x": True, "y": "é"}, "n": 12447287}
    assert wire.encode(value) == '{"b":[1,0.25,null],"a":{"x":true,"y":"é"},"n":12447287}\n'.encode()


def test_signs_that_html_would_read_are_escaped() -> None:
    text = '<b>&\u2028\u2029"\\\n\r\t\x07\x08\x7f'
    assert wire.encode(text) == b'"\\u003cb\\u003e\\u0026\\u2028\\u2029\\"\\\\\\n\\r\\t\\u0007\\u0008\x7f"\n'


@given(st.text())
def test_every_text_can_be_read_by_any_json_reader(text: str) -> None:
    encodable = text.encode("utf-8", "replace").decode()
    assert json.loads(wire.encode({text: text})) == {encodable: encodable}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b"[1",
        b"NaN",
        b'{"a":Infinity}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":1.}',
        b'{"a":.5}',
        b'{"a":+1}',
        b'{"a":1,}',
        b'"\x01"',
        b"\xef\xbb\xbf{}",
        b"True",
        b"[" * 50_000,
    ],
)
def test_what_is_not_json_is_undecodable(body: bytes) -> None:
    with pytest.raises(wire.Undecodable):
        wire.decode(body)


def test_objects_keep_all_their_keys() -> None:
    assert wire.decode(b' {"a":1,"a":[{}],"b":"\\u00e9"}\n') == [
        ("a", wire.Number("1")),
        ("a", [wire.Pairs()]),
        ("b", "é"),
    ]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert wire.decode(b'"a\xffb"') == "a\ufffdb"
    assert wire.read_text(wire.decode(b'"a\\ud800b"')) == "a\ufffdb"
    assert wire.read_text(wire.decode(b'"\\ud83d\\ude00"')) == "😀"


def _number(text: str) -> Any:
    return wire.decode(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-0", 0), ("-5", -5), ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63))],
)
def test_integers(text: str, value: int) -> None:
    assert wire.read_integer(_number(text)) == value


@pytest.mark.parametrize(
    "text", ["1.0", "1.5", "1e3", "9223372036854775808", "-9223372036854775809", "1" * 5000, '"1"', "true", "[]"]
)
def test_what_is_no_integer_is_undecodable(text: str) -> None:
    with pytest.raises(wire.Undecodable):
        wire.read_integer(_number(text))


@pytest.mark.parametrize(("text", "value"), [("1.00000001", 1.0), ("0.7", 0.7), ("-0.01", -0.01), ("1e-400", 0.0)])
def test_numbers_are_rounded_to_float32(text: str, value: float) -> None:
    assert wire.read_float32(_number(text)) == np.float32(value)


@pytest.mark.parametrize("text", ["1e39", "-1e39", "1e999", '"0.5"', "true", "{}"])
def test_what_is_no_float32_is_undecodable(text: str) -> None:
    with pytest.raises(wire.Undecodable):
        wire.read_float32(_number(text))


@pytest.mark.parametrize("value", [wire.Number("1"), "true", [], wire.Pairs()])
def test_what_is_no_boolean_is_undecodable(value: Any) -> None:
    with pytest.raises(wire.Undecodable):
        wire.read_boolean(value)


CANONICAL = "0140c5dc-af12-4643-bfec-650d3cd03c56"


@pytest.mark.parametrize(
    "text",
    [
        CANONICAL,
        CANONICAL.upper(),
        f"{{{CANONICAL}}}",
        f"urn:uuid:{CANONICAL}",
        f"URN:UUID:{CANONICAL.upper()}",
        CANONICAL.replace("-", ""),
    ],
)
def test_every_form_of_a_uuid_becomes_canonical(text: str) -> None:
    assert wire.read_uuid(text) == CANONICAL


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        f"{CANONICAL}0",
        f" {CANONICAL}",
        f"{{{CANONICAL}",
        CANONICAL.replace("-", "_"),
        wire.Number("1"),
        None,
    ],
)
def test_what_is_no_uuid_is_undecodable(value: Any) -> None:
    with pytest.raises(wire.Undecodable):
        wire.read_uuid(value)


@pytest.mark.parametrize("key", ["seed", "SEED", "Seed", "\u017feed"])
def test_keys_are_compared_in_any_case(key: str) -> None:
    assert wire.folded(key) == "seed"

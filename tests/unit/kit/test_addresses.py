from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import StartupError
from myna.kit.addresses import AddressRule, is_public, parse_address

_FORBIDDEN = """
    10.254.0.0        192.168.10.65     172.16.10.65      0.1.2.3           0.0.0.0
    127.0.0.1         127.254.254.254   169.254.45.1      169.254.169.254   255.255.255.255
    224.1.2.3         233.252.0.16      192.0.0.0         192.0.0.255       192.0.2.255
    198.51.100.65     203.0.113.6       100.100.0.0       192.88.99.3       198.18.0.0
    240.240.240.240   168.63.129.16     100.100.100.200

    ::                          ::1                         ::ffff:127.0.0.1
    ::ffff:0.0.0.1              ::ffff:169.254.169.254      ::ffff:10.0.0.1
    ::127.0.0.1                 2001:db8::1                 3fff::dead:beef
    fe80::dead:beef             febf:ffff::dead:beef        fdee:3A45:9057::0001
    fd00:ec2::254               2002:c000:0204::dead:beef   2002:7f00:0001::
    2002:c0a8:0001::dead:beef   64:ff9b::c0a8:0             64:ff9b::7f00:1
    64:ff9b::a9fe:a9fe          64:ff9b:1::dead:beef        5f00::dead:beef
    100::1:2:3:4                ff02::1                     fec0::1
    2001::1
"""
FORBIDDEN = _FORBIDDEN.split()
PUBLIC = ["1.1.1.1", "8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"]


def test_the_vector_is_whole() -> None:
    assert (len(FORBIDDEN), len(PUBLIC)) == (48, 4)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_refuses(address: str) -> None:
    assert not AddressRule().permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_permits(address: str) -> None:
    assert AddressRule().permits(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1:80", "[::1]", "１.1.1.1"]
)
def test_what_is_no_literal_address_is_refused(text: str) -> None:
    assert parse_address(text) is None or not AddressRule().permits(text)


def test_a_scope_does_not_hide_a_link_local_address() -> None:
    assert not AddressRule().permits("fe80::1%eth0")


def test_allowed_networks_open_what_they_name_and_no_more() -> None:
    rule = AddressRule.parse("10.1.0.0/16, fd00::/8")
    assert rule.permits("10.1.2.3")
    assert rule.permits("::ffff:10.1.2.3")
    assert rule.permits("fd12::1")
    assert not rule.permits("10.2.0.1")
    assert not rule.permits("127.0.0.1")
    assert rule.permits("8.8.8.8")
    assert not rule.allows("8.8.8.8")


def test_an_empty_setting_allows_nothing() -> None:
    assert not AddressRule.parse("").permits("10.0.0.1")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "example.com", "10.0.0.1/8", "10.0.0.0/8;127.0.0.0/8"])
def test_a_setting_that_cannot_be_read_stops_the_start(text: str) -> None:
    with pytest.raises(StartupError, match="MYNA_FETCH_ALLOW"):
        AddressRule.parse(text)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_like_itself(address) -> None:
    mapped = parse_address(f"::ffff:{address}")
    assert mapped == address
    assert not AddressRule().permits(f"::{address}")
    assert not AddressRule().permits(f"64:ff9b::{address}")


@given(st.ip_addresses(v=6))
def test_nothing_outside_of_global_unicast_is_public(address) -> None:
    if int(address) >> 125 != 1 and address.ipv4_mapped is None:
        assert not is_public(address)

"""Which internet addresses a URL from a user may lead to.

Python's own `is_global` lets NAT64, 6to4 and multicast addresses through, behind which internal services can be
reached. So there is an explicit list, from the IANA special-purpose registries and the test vectors of Svix and
imgproxy, and in IPv6 only the global unicast range is open at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from myna.errors import StartupError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_NETWORKS = """
    0.0.0.0/8         10.0.0.0/8        100.64.0.0/10     127.0.0.0/8       169.254.0.0/16
    172.16.0.0/12     192.0.0.0/24      192.0.2.0/24      192.31.196.0/24   192.52.193.0/24
    192.88.99.0/24    192.168.0.0/16    192.175.48.0/24   198.18.0.0/15     198.51.100.0/24
    203.0.113.0/24    224.0.0.0/4       240.0.0.0/4       168.63.129.16/32
    ::/96             64:ff9b::/96      64:ff9b:1::/48    100::/64          2001::/23
    2001:db8::/32     2002::/16         3fff::/20         5f00::/16         fc00::/7
    fe80::/10         fec0::/10         ff00::/8
"""
_REFUSED: tuple[Network, ...] = tuple(ip_network(network) for network in _REFUSED_NETWORKS.split())
_GLOBAL_UNICAST = IPv6Network("2000::/3")


class AddressRule:
    """Public addresses, and the private networks that the operator allows."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    @classmethod
    def parse(cls, text: str) -> AddressRule:
        """From CIDRs that are separated by commas. Raises `StartupError` for what is none."""
        try:
            return cls(ip_network(part.strip()) for part in text.split(",") if part.strip())
        except ValueError as error:
            raise StartupError(
                f"MYNA_FETCH_ALLOW must be networks such as 10.1.0.0/16, separated by commas: {error}."
            ) from error

    def permits(self, address: str) -> bool:
        """Whether a connection to this literal address may be made. False for what is no address."""
        parsed = parse_address(address)
        return parsed is not None and (self.allows(address) or is_public(parsed))

    def allows(self, address: str) -> bool:
        """Whether the operator has opened this address on purpose."""
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._allowed)


def parse_address(text: str) -> Address | None:
    """A literal address, or None. An IPv4-mapped IPv6 address is its IPv4 address."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if any(address in network for network in _REFUSED):
        return False
    return address.is_global

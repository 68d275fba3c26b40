"""Where requests come from, and who yields when there are too many: one of the network that has most."""

from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address
from typing import TypeVar

T = TypeVar("T")

IPV6_NETWORK_BITS = 64
"""What one subscriber has at least: whoever has one address of it has all of them."""


def network_of(address: str) -> str:
    """What is counted as one origin: an IPv4 address, the first half of an IPv6 address, or the text as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    kept = int(found) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS
    return f"{IPv6Address(kept)}/{IPV6_NETWORK_BITS}"


def first_of_largest(waiting: Sequence[T], network: Callable[[T], str]) -> T | None:
    """The first of those whose network has most among them: whoever sends many crowds out their own, nobody else's."""
    counts = Counter(network(one) for one in waiting)
    most = max(counts.values(), default=0)
    return next((one for one in waiting if counts[network(one)] == most), None)

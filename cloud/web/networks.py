"""Where requests come from: what is counted as one network."""

from ipaddress import IPv6Address, ip_address

IPV6_NETWORK_BITS = 64
"""What one subscriber has at least: whoever has one address of it has all of them."""


def network_of(address: str) -> str:
    """What is counted as one origin: an IPv4 address, the first half of an IPv6 address, or the text as it is."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    prefix = int(ip) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS
    return f"{IPv6Address(prefix)}/{IPV6_NETWORK_BITS}"

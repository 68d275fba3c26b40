"""QR codes of addresses of ours, drawn for paper and screens."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import segno
from fastapi import HTTPException, Request
from msgspec import Struct

MAX_ADDRESS = 300
"""Characters; a longer one is nobody's, and no telephone would read its code from a wall."""


class DrawnAddress(Struct, frozen=True):
    """An address of ours with its code. ``is_local``: it leads every telephone to itself."""

    address: str
    drawn: str
    is_local: bool


def draw_address(request: Request, path: str) -> DrawnAddress:
    """The path at the name by which the cloud was told that it is reached, else by which it was asked for, which may be
    anything. Raises a 404 for a name that is too long."""
    reached: str = request.app.state.public_url or str(request.base_url)
    address = f"{reached.rstrip('/')}{path}"
    if len(address) > MAX_ADDRESS:
        raise HTTPException(404)
    return DrawnAddress(address, draw(address), is_loopback(urlsplit(reached).hostname or ""))


def is_loopback(host: str) -> bool:
    """Whether a name leads every telephone to itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@lru_cache(maxsize=32)
def draw(text: str) -> str:
    """The code of a text as SVG."""
    made = segno.make(text, error="m", micro=False)
    drawn: str = made.svg_inline(dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True)
    return drawn

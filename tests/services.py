"""A service manager's ear: the datagram socket on which systemd hears its services."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 30.0


class Ear:
    """What a process told its service manager."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def heard(self) -> list[str]:
        """Everything since the last call."""
        found = []
        while True:
            try:
                found.append(self._line.recv(4096).decode())
            except BlockingIOError:
                return found

    async def hears(self, count: int) -> list[str]:
        """The next so many, waited for."""
        found: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                found += self.heard()
                await asyncio.sleep(0.001)
        return found

    def next(self) -> str:
        """The next one, waited for."""
        self._line.settimeout(PATIENCE_S)
        try:
            return self._line.recv(4096).decode()
        finally:
            self._line.setblocking(False)


@contextmanager
def listening(address: str) -> Iterator[Ear]:
    """As ``NOTIFY_SOCKET`` says it: a path, or with ``@`` a name in the abstract namespace."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + address[1:] if address.startswith("@") else address)
        line.setblocking(False)
        yield Ear(line)

"""A scanner of codes, or a camera of plates: what is held before it goes over its line as text, byte by byte."""

from asyncio import AbstractEventLoop
from collections.abc import Callable

BITS_A_BYTE = 10


class ScannerPort:
    """The device's end of a scanner's line. ``on_bytes`` hears what is scanned; ``why_down`` is empty while the port is
    open."""

    def __init__(self, scanner: "Scanner") -> None:
        self.on_bytes: Callable[[bytes], object] = lambda data: None
        self.why_down = ""
        self._scanner = scanner

    def send(self, data: bytes) -> None:
        """A scanner takes no orders here."""

    def close(self) -> None:
        self.why_down = "closed"
        self._scanner.ports.discard(self)


class Scanner:
    """Sends what it reads, and ``ending`` behind it. `plugged_in` is its cable."""

    def __init__(
        self, loop: AbstractEventLoop, *, baud: int = 9600, name: str = "scanner", ending: bytes = b"\r"
    ) -> None:
        self.name, self.ending = name, ending
        self.plugged_in = True
        self.texts_sent = 0
        self.ports: set[ScannerPort] = set()
        self._loop, self._byte_s = loop, BITS_A_BYTE / baud

    def open(self) -> ScannerPort:
        """The device's end of the line, in memory."""
        port = ScannerPort(self)
        self.ports.add(port)
        return port

    def hang_up(self) -> None:
        """Whoever had it open is gone."""
        for port in tuple(self.ports):
            port.close()

    def show(self, text: str) -> None:
        """Hold something before it: the text is read once, and heard when its last byte is over."""
        self.send(text.encode() + self.ending)

    def send(self, data: bytes) -> None:
        """Put bytes on the line, whatever they are."""
        if self.plugged_in:
            self.texts_sent += 1
            self._loop.call_later(len(data) * self._byte_s, self._deliver, data)

    def view(self) -> dict[str, object]:
        return {"kind": "scanner", "texts_sent": self.texts_sent, "plugged_in": self.plugged_in}

    def _deliver(self, data: bytes) -> None:
        for port in tuple(self.ports) if self.plugged_in else ():
            port.on_bytes(data)

"""Lines of text out of the bytes of a scanner. Pure: whoever feeds it knows how long nothing came.

A scanner ends its text with a carriage return, a line feed or a tab, or with nothing at all: then a pause does. A line
is bounded, and what is no text is told by why, never by its bytes: it may be half of somebody's pass.
"""

import re
from typing import Literal, NamedTuple

MAX_LINE_BYTES = 700
"""The longest pass; a longer text is none of ours."""
PAUSE_ENDS_S = 0.25
"""Within a text no scanner pauses so long: at 1,200 baud a byte takes 8 ms."""

_ENDS = re.compile(rb"[\r\n\t\x03]")
"""Tab and ETX are what some scanners are set to in the factory."""


class ScannedLine(NamedTuple):
    """What a scanner has read: its text, or ``why`` there is none."""

    text: str = ""
    why: Literal["", "too_long", "not_text"] = ""


class LineAssembler:
    """The line that one scanner is sending."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def is_amid_line(self) -> bool:
        """Whether a line has begun that only a pause may end."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[ScannedLine]:
        """The lines that end with these bytes, in order. Empty ones are none."""
        *ended, begun = _ENDS.split(data)
        lines = []
        for piece in ended:
            self._hold(piece)
            lines += self.end()
        self._hold(begun)
        return lines

    def end(self) -> list[ScannedLine]:
        """The line that a pause has ended, if one had begun."""
        held, self._held = self._held, b""
        return [read_line(held)] if held.strip() else []

    def _hold(self, piece: bytes) -> None:
        self._held = (self._held + piece)[: MAX_LINE_BYTES + 1]


def read_line(data: bytes) -> ScannedLine:
    """Plates come in UTF-8 or, of cameras made in China, in GB 18030."""
    if len(data) > MAX_LINE_BYTES:
        return ScannedLine(why="too_long")
    for encoding in ("utf-8", "gb18030"):
        try:
            text = data.decode(encoding).strip()
        except UnicodeDecodeError:
            continue
        return ScannedLine(text) if text and text.isprintable() else ScannedLine(why="not_text")
    return ScannedLine(why="not_text")

"""What a tip of the audit says, and whether the audit still agrees with it. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

MAX_LINE = 500
"""Characters of a line of tips: one that we wrote has a third of it."""


class Tip(Struct, frozen=True):
    """The end of the audit when a day began: its newest row, and the link (hex) that all rows up to there lead to.
    ``day`` is of the site's calendar, ``written_ms`` UTC."""

    day: str
    row: int
    link: str
    written_ms: int

    @property
    def words(self) -> str:
        """The link in groups of four, to be read aloud and compared on paper: the first half of it."""
        half = self.link[:32]
        return " ".join(half[at : at + 4] for at in range(0, len(half), 4))


class BadTips(ValueError):
    """A file holds a line that is no tip; the text says which."""


def read_tips(lines: Iterable[str]) -> Iterator[Tip]:
    """A tip from each line that is not empty. Raises ``BadTips``."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line[:MAX_LINE], type=Tip)
        except msgspec.DecodeError as wrong:
            raise BadTips(f"line {number} is no tip of an audit: {wrong}") from None


def write_tip(tip: Tip) -> str:
    """Its line."""
    return msgspec.json.encode(tip).decode() + "\n"


class Finding(Struct, frozen=True):
    """How the audit stands to a tip: it ``agrees``, or ``differs``, or its row was ``deleted`` because it was older
    than the audit is held."""

    tip: Tip
    how: str


def compared(tips: Iterable[Tip], links: Mapping[int, bytes], deleted_upto: int) -> Iterator[Finding]:
    """``links`` are those of the audit's rows as they stand."""
    for tip in tips:
        link = links.get(tip.row)
        if link is None and tip.row <= deleted_upto:
            yield Finding(tip, "deleted")
        else:
            yield Finding(tip, "agrees" if link is not None and link.hex() == tip.link else "differs")

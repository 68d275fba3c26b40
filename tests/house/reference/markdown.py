"""Markdown as the pages of the reference are written: a table of short cells, and the docstrings of the code."""

import inspect
import re
from collections.abc import Iterable, Sequence

DOUBLE_TICKS = re.compile(r"``([^`]+)``")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


class Undocumented(ValueError):
    """Something stands in a table of the product and nothing says what it is. The text names it."""


def code(text: object) -> str:
    return f"`{text}`"


def cell(text: str) -> str:
    """A text as it may stand in a table: on one line, and without an end of the cell."""
    return " ".join(text.split()).replace("|", r"\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell(text) for text in line)} |\n" for line in lines)


def documented(owner: object, called: str) -> str:
    """The docstring of a class or a function, as Markdown. Raises ``Undocumented`` where it has none of its own."""
    text = getattr(owner, "__doc__", None) or ""
    if not text.strip():
        raise Undocumented(f"{called} has no docstring")
    return plain(text)


def plain(text: str) -> str:
    """A docstring as one paragraph of Markdown: Python 3.13 strips its indentation and the others do not."""
    return DOUBLE_TICKS.sub(r"`\1`", " ".join(inspect.cleandoc(text).split()))


def sentences(text: str) -> list[str]:
    return SENTENCE_END.split(text)

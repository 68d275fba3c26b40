"""The text of a configuration, read within bounds. It may come from a stranger: an adoption, a roll-out, a setup file.

The standard parser is quadratic in the parts of a dotted key (62 KB of ``a.a.a…`` take 20 s) and knows no bound of
depth, and Python refuses numbers of 5,000 digits with an error of its own. So the text is looked over first, in one
pass: strings and comments are skipped as the parser would skip them, and what is left is counted.
"""

import re
import tomllib
from typing import Any, NamedTuple

from contract.messages import MAX_WIRING_CHARACTERS

MAX_ENTRIES = 4_000
"""Keys, and tables. The largest wiring of ours has about 300."""
MAX_KEY_PARTS = 12
MAX_DEPTH = 12
MAX_DIGITS = 18
"""Of one number: every whole number of so many digits fits in 64 bits."""


class Bounds(NamedTuple):
    """How much of a text is read: its characters, those of one line, its keys and tables."""

    characters: int = MAX_WIRING_CHARACTERS
    line: int = 2_000
    entries: int = MAX_ENTRIES


WIRING = Bounds()

_TOKEN = re.compile(
    r'(?P<string>"""(?:[^"\\]|\\.|"(?!""))*+"""|\'\'\'(?:[^\']|\'(?!\'\'))*+\'\'\'|"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\')'
    r"|(?P<comment>#[^\n]*+)|(?P<unclosed>[\"'])|(?P<bare>[^\"'#]++)",
    re.DOTALL,
)
_SEPARATOR = re.compile(r"[=\[\]{},\n]")
_LONG_NUMBER = re.compile(rf"(?<![A-Za-z_\-\d])[+\-]?\d[\d_]{{{MAX_DIGITS},}}|0[xob][\dA-Fa-f_]{{{MAX_DIGITS},}}")


class NotToml(ValueError):
    """A text that is no TOML, or too much of it. ``line`` is where, ``problem`` what is wrong and the cure."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem = line, problem


def read_toml(text: str, bounds: Bounds = WIRING) -> dict[str, Any]:
    """What the text says, in a time that grows with its length alone. Raises ``NotToml``."""
    _check_size(text, bounds)
    _check_form(_bare(text), bounds.entries)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        at = re.search(r"line (\d+)", str(wrong))
        raise NotToml(int(at[1]) if at else text.count("\n") + 1, f"this is not TOML: {wrong}") from None
    except (RecursionError, ValueError) as wrong:  # whatever else a version of Python refuses
        raise NotToml(1, f"this is not TOML: {wrong}") from None


def _check_size(text: str, bounds: Bounds) -> None:
    if len(text) > bounds.characters:
        raise NotToml(1, f"{len(text)} characters are too many; write at most {bounds.characters}")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > bounds.line:
            raise NotToml(number, f"a line of {len(line)} characters; write at most {bounds.line}")


def _bare(text: str) -> str:
    """The text without its strings and comments, line by line as it was."""
    parts = []
    for token in _TOKEN.finditer(text):
        if token["unclosed"]:
            raise NotToml(text.count("\n", 0, token.start()) + 1, "this is not TOML: a string that does not end")
        parts.append(token["bare"] if token["bare"] is not None else "s" + "\n" * token[0].count("\n"))
    return "".join(parts)


def _check_form(bare: str, most_entries: int) -> None:
    """Raises ``NotToml`` for more keys, parts of a key, digits, or tables within tables than anybody writes."""
    if long := _LONG_NUMBER.search(bare):
        raise NotToml(_line(bare, long.start()), f"a number of more than {MAX_DIGITS} digits; write a smaller one")
    entries = depth = begin = 0
    for separator in _SEPARATOR.finditer(bare):
        _check_parts(bare, begin, separator.start())
        begin = separator.end()
        depth += (separator[0] in "[{") - (separator[0] in "]}")
        entries += separator[0] in "=["
        if depth > MAX_DEPTH:
            raise NotToml(_line(bare, begin), f"nested deeper than {MAX_DEPTH}; write plain tables")
        if entries > most_entries:
            raise NotToml(_line(bare, begin), f"more than {most_entries} keys and tables; write fewer")
    _check_parts(bare, begin, len(bare))


def _check_parts(bare: str, begin: int, end: int) -> None:
    if bare.count(".", begin, end) >= MAX_KEY_PARTS:
        raise NotToml(_line(bare, begin), f"a key of more than {MAX_KEY_PARTS} parts; write plain tables")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1

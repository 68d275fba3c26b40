"""Complaints about a TOML file, each one line: file, line and key as the file has them, and the cure."""

import re
from typing import Any, TypeVar, cast

import msgspec

from contract.templates import BadKey, Expansion
from contract.toml_lines import TomlLines
from edge.config.post_names import POST_NAME_RULE
from edge.config.tables import CHOICES

T = TypeVar("T")

_KEY_OF_POINT = re.compile(r"point\[\d{1,4}\](?:\.[\w-]+)*")
"""Another key that a complaint names."""

MAX_NAMED = 200
"""Keys of one table that are tried, one by one, for the one that a complaint means."""


class Complaints:
    """The complaints about the text of one file. With an ``expansion`` they are about what it was written out to."""

    def __init__(self, called: str, text: str, expansion: Expansion | None = None) -> None:
        self._called, self._expansion = called, expansion or Expansion({})
        self._lines = TomlLines(text.splitlines())

    def line(self, key: str, problem: str) -> str:
        """The one line about a key, which may name other keys."""
        place = self._expansion.place(key)
        about = f"at {place.point}: " if place.point else ""
        problem = _KEY_OF_POINT.sub(lambda key: self._shown(key[0]), problem)
        return f"{self._called}:{self._lines.line(place.key)}: {place.key}: {about}{problem}"

    def _shown(self, key: str) -> str:
        place = self._expansion.place(key)
        return f"{place.key} of {place.point}" if place.point else place.key


def read_as(document: Any, kind: type[T], where: str = "") -> T:
    """The document, which stands at the key ``where``, as that kind of Struct. Raises ``BadKey``."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as wrong:
        problem, _, at = str(wrong).replace(" - at `key` in `$", " - at `$").partition(" - at `$")
        key = f"{where}{_named(document, kind, str(wrong), at.rstrip('`'))}"
        field, problem = _cure(problem, key)
        raise BadKey(f"{key}.{field}".strip("."), problem) from None


def _cure(problem: str, key: str) -> tuple[str, str]:
    """What msgspec complains of at ``key``: the field below it that is meant, if any, and what to do about it."""
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", problem):
        return unknown[1], "unknown key; take it out or correct its name"
    if missing := re.fullmatch(r"Object missing required field `(.+)`", problem):
        return missing[1], "missing; write it"
    if setting := re.match(r"(\w+_\w+) ", problem):
        return setting[1], problem
    is_name, choices = "matching regex" in problem, CHOICES.get(key.rpartition(".")[2], ())
    is_known_choice = bool(choices) and problem.startswith("Invalid enum value")
    cures = (
        (is_name and key.endswith(".post"), POST_NAME_RULE),
        (is_name, "write lower-case letters, digits and hyphens, at most 40"),
        (
            problem == "Expected `array`, got `object`",
            "this table may stand several times: write its name in double brackets",
        ),
        (
            problem == "Expected `int`, got `str`",
            f'{problem}; write a number, or a range such as "1..8" where the name is one: "phone-1..8"',
        ),
        (is_known_choice, f"{problem}; write {' or '.join(map(str, choices))}"),
    )
    return "", next((cure for is_so, cure in cures if is_so), problem.replace("`object`", "`table`"))


def _named(document: Any, kind: type[Any], complaint: str, at: str) -> str:
    """The path of a complaint, with the key in place of the ``[...]`` that msgspec writes for the keys of a table."""
    before, elided, after = at.partition("[...]")
    if not elided:
        return at
    table = _at(document, before)
    whole = dict(table)
    try:
        for name in list(whole)[:MAX_NAMED]:
            table.clear()
            table[name] = whole[name]
            try:
                msgspec.convert(document, kind)
            except msgspec.ValidationError as again:
                if str(again) == complaint:
                    return f"{before}.{name}{after}"
    finally:
        table.clear()
        table.update(whole)
    return at


def _at(document: Any, key: str) -> dict[str, Any]:
    """The table at a path such as ``.point[0].inputs``."""
    for part in re.findall(r"\w+", key):
        document = document[int(part)] if part.isdigit() else document[part]
    return cast("dict[str, Any]", document)

"""What a setup changes, in lines of text for the command line and as values for a program."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import to_builtins

from cloud.setup.rule import Difference, PointCount
from cloud.setup.service import Preview

MAX_LINES = 200
"""Of changed rows, and of points."""
_SIGNS = {"added": "+", "changed": "~", "removed": "-"}


def lines_of(preview: Preview, *, is_done: bool) -> Iterator[str]:
    if preview.differences:
        yield from _what_changes(preview, is_done=is_done)
    else:
        yield "nothing differs from what stands"
    yield from (f"warning: {gap}" for gap in preview.gaps)


def _what_changes(preview: Preview, *, is_done: bool) -> Iterator[str]:
    yield f"{'changed rows' if is_done else 'rows that would change'}: {len(preview.differences)}"
    yield from _shortened([_row(one) for one in preview.differences])
    impact = preview.impact
    for what, counts in (("gain", impact.gains), ("lose", impact.loses), ("have other hours at", impact.other_hours)):
        yield from _shortened([_count(one, what) for one in counts])
    if not impact.loses:
        yield "nobody loses a point"
    for reason in preview.reasons:
        yield f"grave: {reason}"


def values_of(preview: Preview, *, is_done: bool) -> dict[str, Any]:
    """The same for a program."""
    impact: dict[str, Any] = to_builtins(preview.impact)
    return {
        "applied": is_done,
        "differences": to_builtins(preview.differences),
        **impact,
        "second_step": list(preview.reasons),
        "warnings": list(preview.gaps),
        "code": preview.code,
        "as_of_change": preview.as_of,
    }


def _shortened(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"  {line}" for line in lines[:MAX_LINES])
    if len(lines) > MAX_LINES:
        yield f"  and {len(lines) - MAX_LINES} more"


def _row(one: Difference) -> str:
    changes = "; ".join(f"{change.place}: {change.was} → {change.now}" for change in one.changes)
    return f"{_SIGNS[one.what]} {one.table} {one.key}".rstrip() + (f": {changes}" if changes else "")


def _count(one: PointCount, what: str) -> str:
    names = ", ".join(name.en for name in one.names)
    more = f" and {one.people - len(one.names)} more" if one.people > len(one.names) else ""
    verb = what if one.people != 1 else {"gain": "gains", "lose": "loses"}.get(what, what.replace("have", "has"))
    people = "1 person" if one.people == 1 else f"{one.people} people"
    return f"{people} {verb} {one.point} ({one.plan}): {names}{more}"

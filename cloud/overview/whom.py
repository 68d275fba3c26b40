"""Whom and what the rows of the audit are about: the names that screens show in place of ids."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from cloud.store.labels import Label
from cloud.store.schema import devices, people, points, zones
from cloud.web.operators import Deed
from contract.commands import COMMANDS

SCOPES = {"point": points, "device": devices, "zone": zones}
FAMILIES: Mapping[str, str] = {"zone": "zone", "muster": "zone", "device": "device", "rollout": "device"}
"""What the subject of an action is, by what comes before its dot; the others are about people or points."""


def whom_of(connection: Connection, deeds: Sequence[Deed]) -> dict[int, list[Label]]:
    """The names of what each row is about, by the number of the row; none where the row says it as well as anybody."""
    names = {scope: select(table.c.name, table.c.label_zh, table.c.label_en) for scope, table in SCOPES.items()}
    known = {
        (scope, row.name): Label(row.label_zh, row.label_en)
        for scope, query in names.items()
        for row in connection.execute(query)
    }
    persons = [int(name) for deed in deeds for scope, name in _subjects(deed) if scope == "person"]
    for row in connection.execute(select(people).where(people.c.id.in_(persons))):
        known["person", str(row.id)] = Label(row.name_zh, row.name_en)
    return {deed.id: [known[one] for one in _subjects(deed) if one in known] for deed in deeds}


def _subjects(deed: Deed) -> list[tuple[str, str]]:
    """What a row is about. An order that ends, or a change of wiring, names its points or devices beside its id."""
    family, _, op = deed.action.partition(".")
    word, _, number = deed.subject.partition(" ")
    if word == "person" and number.isdigit():
        return [("person", number)]
    if family == "command":
        return [(COMMANDS[op].scope if op in COMMANDS else "device", deed.subject)]
    scope = FAMILIES.get(family, "point")
    return [(scope, name) for name in deed.detail.get(f"{scope}s", deed.subject).split(", ")]

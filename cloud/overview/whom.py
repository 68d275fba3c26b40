"""Whom and what the rows of the audit are about: the names that screens show in place of ids."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from cloud.hours.store import hours_labels
from cloud.people.store import list_plans
from cloud.store.labels import Label
from cloud.store.schema import devices, people, points, zones
from cloud.web.operators import AuditEntry
from contract.commands import COMMANDS

SCOPES = {"point": points, "device": devices, "zone": zones}
FAMILIES: Mapping[str, str] = {
    "zone": "zone",
    "muster": "zone",
    "device": "device",
    "rollout": "device",
    "plan": "plan",
    "hours": "hours",
}
"""What the subject of an action is, by what comes before its dot; the others are about people or points."""


class RowNames(NamedTuple):
    """The names of what each row is about, by the number of the row, none where the row says it as well as anybody; and
    those of what details name, by their key and value."""

    whom: Mapping[int, Sequence[Label]]
    details: Mapping[tuple[str, str], Label]


def names_of_rows(connection: Connection, entries: Sequence[AuditEntry]) -> RowNames:
    names = {scope: select(table.c.name, table.c.label_zh, table.c.label_en) for scope, table in SCOPES.items()}
    labels = {
        (scope, row.name): Label(row.label_zh, row.label_en)
        for scope, query in names.items()
        for row in connection.execute(query)
    }
    labels |= {("plan", plan.name): plan.label for plan in list_plans(connection)}
    labels |= {("hours", name): label for name, label in hours_labels(connection).items()}
    persons = [int(name) for entry in entries for scope, name in _subjects(entry) if scope == "person"]
    for row in connection.execute(select(people).where(people.c.id.in_(persons))):
        labels["person", str(row.id)] = Label(row.name_zh, row.name_en)
    whom = {entry.id: [labels[one] for one in _subjects(entry) if one in labels] for entry in entries}
    return RowNames(whom, labels)


def _subjects(entry: AuditEntry) -> list[tuple[str, str]]:
    """What a row is about. An order that ends, or a change of wiring, names its points or devices beside its id."""
    family, _, op = entry.action.partition(".")
    word, _, number = entry.subject.partition(" ")
    if word == "person" and number.isdigit():
        return [("person", number)]
    if family == "command":
        return [(COMMANDS[op].scope if op in COMMANDS else "device", entry.subject)]
    scope = FAMILIES.get(family, "point")
    return [(scope, name) for name in entry.detail.get(f"{scope}s", entry.subject).split(", ")]

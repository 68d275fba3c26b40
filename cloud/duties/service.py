"""The use cases of cells and duties, each change with its row in the audit."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.duties import store
from cloud.duties.rule import Cell, Duty, cell_faults, duty_faults
from cloud.hours.store import hours_labels
from cloud.points.store import has_point
from cloud.store.database import Clock, Store
from cloud.web.operators import list_operators, record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import Writing, changed_detail

NO_CELL = N_("There is no such cell. Nothing was changed.")
NO_DUTY = N_("There is no such duty. Nothing was changed.")
NO_HOURS = N_("There are no such hours. Nothing was changed.")
NO_OPERATOR = N_("There is no operator %(name)s. Nothing was changed.")
NO_POINT = N_("There is no point %(name)s. Nothing was changed.")
NOT_SO = N_("%(why)s. Nothing was changed.")


def put_cell(writing: Writing, cell: Cell, before: Cell | None) -> None:
    store.put_cell(writing.connection, writing.site, cell)
    record(writing.connection, writing.now_ms, writing.by, "cell.changed", cell.name, **changed_detail(before, cell))


def remove_cell(writing: Writing, cell: Cell) -> None:
    store.delete_cell(writing.connection, writing.site, cell.name)
    record(writing.connection, writing.now_ms, writing.by, "cell.removed", cell.name)


def put_duty(writing: Writing, duty: Duty, before: Duty | None) -> None:
    store.put_duty(writing.connection, writing.site, duty)
    record(writing.connection, writing.now_ms, writing.by, "duty.changed", duty.name, **changed_detail(before, duty))


def remove_duty(writing: Writing, duty: Duty) -> None:
    store.delete_duty(writing.connection, writing.site, duty.name)
    record(writing.connection, writing.now_ms, writing.by, "duty.removed", duty.name)


class DutyService:
    """The service that changes cells and duties. ``by`` is the operator's name. What is rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def put_cell(self, by: str, cell: Cell) -> None:
        """Make the cell, or change the one of its name. Raises ``Rejected``."""
        with self._store.writing() as connection:
            writing = self._writing(connection, by)
            known = {one.name: one for one in store.list_cells(connection, writing.site)}
            _refuse(cell_faults(cell, [other for other in known.values() if other.name != cell.name]))
            _check_operators(connection, cell.operators)
            for name in cell.points:
                if not has_point(connection, name):
                    raise Rejected(NO_POINT, "points", name=name)
            put_cell(writing, cell, known.get(cell.name))

    def remove_cell(self, by: str, name: str) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            writing = self._writing(connection, by)
            cell = next((one for one in store.list_cells(connection, writing.site) if one.name == name), None)
            if cell is None:
                raise Rejected(NO_CELL, status=404)
            remove_cell(writing, cell)

    def put_duty(self, by: str, duty: Duty) -> None:
        """Make the duty, or change the one of its name. Raises ``Rejected``."""
        with self._store.writing() as connection:
            writing = self._writing(connection, by)
            known = {one.name: one for one in store.list_duties(connection, writing.site)}
            _refuse(duty_faults(duty))
            _check_operators(connection, duty.operators)
            if duty.hours not in hours_labels(connection):
                raise Rejected(NO_HOURS, "hours")
            put_duty(writing, duty, known.get(duty.name))

    def remove_duty(self, by: str, name: str) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            writing = self._writing(connection, by)
            duty = next((one for one in store.list_duties(connection, writing.site) if one.name == name), None)
            if duty is None:
                raise Rejected(NO_DUTY, status=404)
            remove_duty(writing, duty)

    def _writing(self, connection: Connection, by: str) -> Writing:
        return Writing(connection, site_of(connection).name, self._clock(), by)


def _refuse(faults: Iterable[tuple[str, Sentence]]) -> None:
    for field, text in faults:
        raise Rejected(NOT_SO, field, why=text)


def _check_operators(connection: Connection, names: Collection[str]) -> None:
    known = {one.name for one in list_operators(connection)}
    for name in names:
        if name not in known:
            raise Rejected(NO_OPERATOR, "operators", name=name)

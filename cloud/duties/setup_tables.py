"""The tables of the setup file about cells and duties."""

from collections.abc import Collection, Iterator

from cloud.duties.rule import Cell, Duty, cell_faults, duty_faults
from cloud.duties.service import put_cell, put_duty, remove_cell, remove_duty
from cloud.duties.store import list_cells, list_duties
from cloud.hours.setup_tables import HoursRow
from cloud.points.rule import SetupPoint
from cloud.web.operators import list_operators
from cloud.web.sentence import N_, UnknownName
from cloud.web.setup_table import Problem, Proposal, SetupTable

NO_OPERATOR = N_("there is no operator %(name)s; add them first: hearthgate-cloud user add")


def _check_cells(proposal: Proposal) -> Iterator[Problem]:
    before, cells = proposal.old_rows(Cell), proposal.rows(Cell)
    for number, cell in enumerate(cells.values()):
        for field, text in cell_faults(cell, list(cells.values())[:number]):
            yield Problem(cell.name, field, text)
        for name in cell.points:
            if unknown := proposal.unknown(SetupPoint, name, N_("point")):
                yield Problem(cell.name, "points", unknown)
        if cell != before.get(cell.name):
            yield from _check_operators(proposal, cell.name, cell.operators)


def _check_duties(proposal: Proposal) -> Iterator[Problem]:
    before = proposal.old_rows(Duty)
    for duty in proposal.rows(Duty).values():
        for field, text in duty_faults(duty):
            yield Problem(duty.name, field, text)
        if unknown := proposal.unknown(HoursRow, duty.hours, N_("hours")):
            yield Problem(duty.name, "hours", unknown)
        if duty != before.get(duty.name):
            yield from _check_operators(proposal, duty.name, duty.operators)


def _check_operators(proposal: Proposal, key: str, names: Collection[str]) -> Iterator[Problem]:
    known = {one.name for one in list_operators(proposal.connection)}
    for name in names:
        if name not in known:
            yield Problem(key, "operators", UnknownName(NO_OPERATOR, name=name))


CELLS = SetupTable(
    name="cell",
    place=80,
    kind=Cell,
    read=list_cells,
    put=put_cell,
    remove=remove_cell,
    check=_check_cells,
    actions=("cell.",),
)
DUTIES = SetupTable(
    name="duty",
    place=90,
    kind=Duty,
    read=list_duties,
    put=put_duty,
    remove=remove_duty,
    check=_check_duties,
    actions=("duty.",),
)
TABLES = (CELLS, DUTIES)

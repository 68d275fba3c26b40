"""The table of the setup file about flats, which may stand in a CSV file."""

from collections.abc import Iterator

from msgspec import structs
from sqlalchemy import Connection

from cloud.flats.rule import Flat, read_flat_name
from cloud.flats.service import checked_flat, flat_differences
from cloud.flats.store import add_flat, change_flat, end_permits, list_flats, remove_flat, taken_flats
from cloud.web.names import UnclearName
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import BadRow, Problem, Proposal, SetupTable, Writing

MAX_FLATS = 20_000
MISSING = N_("it is missing here, and people belong to it; move them out first, or mark it vacant")
TOO_MANY = N_("a site has at most %(most)s flats; leave some out")


def _read(connection: Connection, site: str) -> list[Flat]:
    return list_flats(connection, site, limit=MAX_FLATS)


def _tidy(flat: Flat) -> Flat:
    """With its texts in their one form, and with what its name says where the file says no more than that."""
    try:
        checked = checked_flat(flat)
    except Rejected as wrong:
        raise BadRow(wrong.where, wrong.ground) from None
    except UnclearName as wrong:
        raise BadRow("name", wrong.args[0]) from None
    if checked.building or checked.flat:
        return checked
    said = read_flat_name(checked.name)
    floor = said.floor if checked.floor is None else checked.floor
    return structs.replace(checked, building=said.building, unit=said.unit, flat=said.flat, floor=floor)


def _check(proposal: Proposal) -> Iterator[Problem]:
    gone = [flat.name for flat in proposal.gone(Flat)]
    for name in taken_flats(proposal.connection, proposal.site, gone):
        yield Problem(name, "", Sentence(MISSING))
    rows = list(proposal.rows(Flat))
    if len(rows) > MAX_FLATS:
        yield Problem(rows[MAX_FLATS], "", Sentence(TOO_MANY, most=MAX_FLATS))


def _put(writing: Writing, flat: Flat, before: Flat | None) -> None:
    (change_flat if before else add_flat)(writing.connection, writing.site, flat)
    action, detail = ("flat.changed", flat_differences(before, flat)) if before else ("flat.added", {})
    record(writing.connection, writing.now_ms, writing.by, action, f"flat {flat.name}", **detail)


def _remove(writing: Writing, flat: Flat) -> None:
    end_permits(writing.connection, writing.site, flat.name, writing.now_ms, writing.by)
    remove_flat(writing.connection, writing.site, flat.name)
    record(writing.connection, writing.now_ms, writing.by, "flat.removed", f"flat {flat.name}")


FLATS_TABLE = SetupTable(
    name="flat",
    place=50,
    kind=Flat,
    read=_read,
    tidy=_tidy,
    put=_put,
    remove=_remove,
    check=_check,
    actions=("flat.",),
    csv="flats",
)
TABLES = (FLATS_TABLE,)

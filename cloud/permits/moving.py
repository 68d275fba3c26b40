"""What becomes of permits on a moving day: nobody answers for a visitor of a flat in which they do not live."""

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.permits import store
from cloud.permits.rule import Permit
from cloud.web.domain import MovingDay, MovingStep
from cloud.web.operators import record
from cloud.web.sentence import N_, Sentence

MAX_PERMITS = 500


def _concerned(connection: Connection, day: MovingDay) -> list[Permit]:
    """The permits of those who leave that would still count after they have left."""
    site = site_of(connection).name
    views = [view for person in day.leavers for view in store.permits_of_inviter(connection, site, person, MAX_PERMITS)]
    return [view.permit for view in views if view.permit.counts_at(day.out_ms)]


def _preview(connection: Connection, day: MovingDay) -> Sequence[Sentence]:
    ends = N_("The permit %(number)s of flat %(flat)s ends with it")
    return [Sentence(ends, number=permit.id, flat=permit.flat) for permit in _concerned(connection, day)]


def _carry_out(connection: Connection, now_ms: int, by: str, day: MovingDay) -> MovingDay:
    """One that has begun by then ends when they leave; one that would begin later never counts."""
    site, out_ms = site_of(connection).name, max(day.out_ms, now_ms)
    for permit in _concerned(connection, day):
        if permit.window[0] < out_ms and now_ms < out_ms:
            store.change_permit(connection, site, permit.id, until_ms=out_ms, late_ms=0)
        else:
            store.change_permit(connection, site, permit.id, ended_ms=now_ms, ended_by=by)
            store.release_credentials(connection, site, permit.id)
        record(connection, now_ms, by, "permit.ended", f"permit {permit.id}")
    return day


STEPS = (MovingStep(40, "permits", _preview, _carry_out),)

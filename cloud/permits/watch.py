"""Looks after permits: who is still inside of one that is over is noted, one whose inviter no longer lives there is
ended, what was made for those that are over is free again, passes that have ended are forgotten, and gates that were
added are opened to those that go gate by gate."""

from collections import Counter

from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.line.worker import Worker
from cloud.people.pass_terms import forget_passes, has_ended_passes
from cloud.people.permit_rows import gates_of, new_gates, open_new_gates
from cloud.people.permits import TOLD_AFTER_MS
from cloud.permits import store
from cloud.permits.rule import PermitState
from cloud.points.exits import may_read_who_leaves
from cloud.store.database import Clock, Store
from cloud.web.operators import record

EVERY_S = 20.0
AT_ONCE = 200
BY = "hearthgate"
"""Who stands in the audit for what no person did."""


def look_after(store_: Store, clock: Clock) -> None:
    """One look: a piece of what is due."""
    now_ms = clock()
    with store_.reading() as connection:
        site = site_of(connection).name
        inside = store.still_inside(connection, site, now_ms, AT_ONCE)
        over = [one.id for one in inside if one.state(now_ms) is PermitState.OVERSTAYED]
        left = store.permits_of_leavers(connection, site, now_ms, AT_ONCE)
        to_release = store.permits_to_release(connection, site, now_ms - TOLD_AFTER_MS, AT_ONCE)
        has_old_passes = has_ended_passes(connection, site, now_ms)
        gates = new_gates(connection, site, now_ms)
    if over or left or to_release or has_old_passes or gates:
        with store_.writing() as connection:
            open_new_gates(connection, site, gates)
            if over:
                note_overstays(connection, site, over, now_ms)
            for permit in left:
                store.end_permit(connection, site, permit, BY, now_ms)
                record(connection, now_ms, BY, "permit.ended", f"permit {permit}")
            for permit in to_release:
                store.release_credentials(connection, site, permit)
            forget_passes(connection, site, now_ms)


def note_overstays(connection: Connection, site: str, permits: list[int], now_ms: int) -> None:
    """Note who is still inside, with one row of the audit for each kind. It bars nobody's way out. Where no gate reads
    who leaves nobody can be known to have stayed: then they are taken for gone when their permit is over."""
    found = (store.find_permit(connection, site, permit) for permit in permits)
    staying = [one for one in found if one is not None and one.state(now_ms) is PermitState.OVERSTAYED]
    if not may_read_who_leaves(connection, gates_of(connection)):
        for one in staying:
            store.change_permit(connection, site, one.id, out_ms=now_ms, left_assumed=True)
        return
    for one in staying:
        store.change_permit(connection, site, one.id, overstayed_ms=now_ms)
    for kind, many in Counter(one.kind for one in staying).items():
        record(connection, now_ms, BY, "permit.overstayed", kind, permits=str(many))


def permit_worker(store_: Store, clock: Clock) -> Worker[None]:
    """The thread that does so while the cloud runs."""
    return Worker[None]("permits", "overstays are not noted", look=lambda: look_after(store_, clock), every_s=EVERY_S)

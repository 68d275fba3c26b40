"""Permits of those who move out."""

from msgspec import structs

from cloud.permits.kinds import PermitKind
from cloud.permits.rule import PermitState
from cloud.permits.service import PermitAsked, PermitService
from cloud.web.domain import MovingDay
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.households import BY, PropertyOffice


def test_permits_end_with_the_inviters_home(office: PropertyOffice) -> None:
    """Two leave: the guest of these days has until the evening, the one of next week never comes, a neighbour's
    guest is not concerned."""
    leaver, neighbour = office.person("Leaver", "7-101"), office.person("Neighbour", "7-102")
    permits, now_ms = PermitService(office.store, office.keys, office.clock), office.now_ms
    usual = PermitAsked(kind=PermitKind.GUEST, code=True, until_ms=now_ms + 6 * DAY_MS)
    guest = permits.invite(leaver, usual).permit
    later = structs.replace(usual, from_ms=now_ms + 3 * DAY_MS)
    next_week = permits.invite(leaver, later).permit
    other = permits.invite(neighbour, usual).permit
    permits.end(BY, permits.invite(leaver, usual).permit)
    out_ms = now_ms + 4 * HOUR_MS
    day = MovingDay(office.party_of(leaver), (leaver,), (), "own_word", out_ms, out_ms)
    preview = {step.name: len(step.lines) for step in office.moving.preview(day)}
    assert preview["permits"] == 2
    office.moving.carry_out(BY, day)
    known = {one: permits.find(one) for one in (guest, next_week, other)}
    states = [view.permit.state(out_ms) for view in known.values() if view is not None]
    assert states == [PermitState.OVER, PermitState.ENDED, PermitState.VALID]

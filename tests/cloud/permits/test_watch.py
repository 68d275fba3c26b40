"""What becomes of permits that are over: noted, released, and deleted in the end."""

import pytest
from sqlalchemy import func, select, update

from cloud.cards.rule import CardState
from cloud.cards.service import CardService
from cloud.cards.store import CardFilter, find_card, list_cards
from cloud.devices.registry import keep_wiring
from cloud.people.permit_rows import gates_of
from cloud.people.permits import TOLD_AFTER_MS
from cloud.people.tables import credentials
from cloud.permits.erasure import delete_permits
from cloud.permits.kinds import PermitKind
from cloud.permits.rule import PermitState
from cloud.permits.store import overstayed_since
from cloud.permits.watch import look_after
from cloud.points.store import add_point
from cloud.retention.visits import visitors
from cloud.sample import SITE
from cloud.store.schema import party_members, points
from cloud.store.tables import compiled_permits, permit_uses, permits
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS
from tests.cloud.permits.gatehouse import BY, GATE, LI_SI, WAY, Gatehouse


def overstayed(gatehouse: Gatehouse) -> dict[PermitKind, int]:
    """Which kinds of permits have holders inside after the end, after a look at them."""
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    with gatehouse.store.reading() as connection:
        return overstayed_since(connection, SITE.name)


def count(gatehouse: Gatehouse, table: object) -> int:
    with gatehouse.store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_overstays_are_noted_once_by_kind(gatehouse: Gatehouse) -> None:
    """Three guests and a van stay too long, which is one row of the audit for each kind; then they leave."""
    until_ms = gatehouse.now_ms + HOUR_MS
    drawn = [gatehouse.draw(until_ms=until_ms).permit for _ in range(3)]
    drawn.append(gatehouse.draw(kind="van", plate="沪A12345", until_ms=until_ms).permit)
    for permit in drawn:
        gatehouse.passes(permit)
    assert overstayed(gatehouse) == {}
    gatehouse.now_ms = noted_ms = until_ms + 2 * HOUR_MS
    for _ in range(2):
        assert overstayed(gatehouse) == {PermitKind.GUEST: noted_ms, PermitKind.VAN: noted_ms}
    assert [one.action for one in gatehouse.audit(50)].count("permit.overstayed") == 2
    for permit in drawn:
        gatehouse.passes(permit, direction="out")
    assert overstayed(gatehouse) == {}


def test_whoever_left_in_time_is_not_noted(gatehouse: Gatehouse) -> None:
    permit = gatehouse.draw().permit
    gatehouse.passes(permit)
    gatehouse.passes(permit, direction="out")
    gatehouse.now_ms += 3 * DAY_MS
    assert overstayed(gatehouse) == {}


@pytest.mark.parametrize(("inside", "is_known"), [("", False), ("[point.readers.out]\nd0 = 7\nd1 = 8\n", True)])
def test_gates_that_read_nobody_leaving_note_none(gatehouse: Gatehouse, inside: str, is_known: bool) -> None:
    """Whoever comes in by them is taken for gone at the end: nobody can be known to have stayed."""
    with gatehouse.store.writing() as connection:
        gates = select(points.c.device, points.c.name).where(points.c.name.in_(gates_of(connection)))
        wirings: dict[str, str] = {}
        for device, gate in connection.execute(gates):
            point = f'[[point]]\nname = "{gate}"\nkind = "door"\nzone = "estate"\n{inside}\n'
            wirings[device] = wirings.get(device, "") + point
        for device, wiring in wirings.items():
            keep_wiring(connection, device, wiring)
    drawn = gatehouse.draw(until_ms=gatehouse.now_ms + HOUR_MS)
    gatehouse.passes(drawn.permit)
    assert gatehouse.permit(drawn.permit).state(gatehouse.now_ms) is PermitState.INSIDE
    gatehouse.now_ms += 2 * HOUR_MS
    assert bool(overstayed(gatehouse)) is is_known
    permit = gatehouse.permit(drawn.permit)
    assert permit.left_assumed is not is_known
    assert permit.state(gatehouse.now_ms) is (PermitState.OVERSTAYED if is_known else PermitState.OVER)
    gatehouse.now_ms += 1
    gatehouse.passes(drawn.permit, direction="out")
    assert not gatehouse.permit(drawn.permit).left_assumed


def test_codes_of_permits_that_are_over_are_free(gatehouse: Gatehouse) -> None:
    """A day after the end, so that a refusal can say that it has ended until then."""
    gatehouse.draw(until_ms=gatehouse.now_ms + HOUR_MS)
    mine = select(func.count()).where(credentials.c.permit_id.is_not(None))
    for later_ms, left in ((HOUR_MS, 1), (TOLD_AFTER_MS, 0)):
        gatehouse.now_ms += later_ms + HOUR_MS
        look_after(gatehouse.store, lambda: gatehouse.now_ms)
        with gatehouse.store.reading() as connection:
            assert connection.execute(mine).scalar_one() == left


def test_permit_ends_once_its_inviter_has_left(gatehouse: Gatehouse) -> None:
    """However they left: here the desk ended their place in the household."""
    mine = gatehouse.permits.invite(LI_SI, gatehouse.asked()).permit
    office = gatehouse.draw().permit
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    assert gatehouse.state(mine) is PermitState.VALID
    with gatehouse.store.writing() as connection:
        left = update(party_members).where(party_members.c.person_id == LI_SI)
        connection.execute(left.values(ended_ms=gatehouse.now_ms - 1))
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    assert [gatehouse.state(one) for one in (mine, office)] == [PermitState.ENDED, PermitState.VALID]
    with pytest.raises(Rejected, match="no longer lives"):
        gatehouse.permits.again(BY, mine)


def test_permit_is_deleted_after_its_last_visit(gatehouse: Gatehouse) -> None:
    """With its uses and its rows; not while a roster has rows of it. A card that nobody gave back is void."""
    cards = CardService(gatehouse.store, gatehouse.keys, lambda: gatehouse.now_ms)
    cards.add_batch(BY, "4711", "H10301", 21, "visitors")
    with gatehouse.store.reading() as connection:
        (card,) = list_cards(connection, CardFilter(batch="visitors"), limit=5)
    permit = gatehouse.draw(kind="crew", card=card.id, until_ms=gatehouse.now_ms + HOUR_MS).permit
    gatehouse.passes(permit)
    gatehouse.now_ms += 40 * DAY_MS
    before_ms = gatehouse.now_ms - 30 * DAY_MS
    for deleted in (0, 1):
        with gatehouse.store.writing() as connection:
            assert delete_permits(connection, SITE.name, before_ms) == deleted
        gatehouse.publish_rosters()
    assert [count(gatehouse, table) for table in (permits, permit_uses, compiled_permits)] == [0, 0, 0]
    with gatehouse.store.reading() as connection:
        kept = find_card(connection, card.id)
    assert kept is not None and (kept.state, kept.permit) == (CardState.VOID, None)


def test_permit_of_a_later_visit_is_kept(gatehouse: Gatehouse) -> None:
    permit = gatehouse.draw(until_ms=gatehouse.now_ms + HOUR_MS).permit
    gatehouse.passes(permit)
    gatehouse.now_ms += 20 * DAY_MS
    gatehouse.passes(permit, direction="out")
    gatehouse.now_ms += 20 * DAY_MS
    gatehouse.publish_rosters()
    with gatehouse.store.writing() as connection:
        assert delete_permits(connection, SITE.name, gatehouse.now_ms - 30 * DAY_MS) == 0
    assert gatehouse.state(permit) is PermitState.OVER


def test_events_of_permits_are_erased_as_visits(gatehouse: Gatehouse) -> None:
    holder = gatehouse.permit(gatehouse.draw().permit).holder
    with gatehouse.store.reading() as connection:
        assert visitors(connection, SITE.name, [holder, b"somebody"], gatehouse.now_ms) == {holder}


@pytest.mark.parametrize("kind", [PermitKind.GUEST, PermitKind.ORDER])
def test_nobody_inside_is_barred_from_inner_doors(gatehouse: Gatehouse, kind: PermitKind) -> None:
    """While the permit lasts; and what an overstay does not do is to bar a way out, which no device asks it for."""
    drawn = gatehouse.draw(kind=kind)
    gatehouse.passes(drawn.permit)
    gatehouse.now_ms += HOUR_MS
    assert gatehouse.opened(drawn.code) >= WAY - {GATE, "west-gate"}


def test_new_gate_opens_to_whoever_used_one_up(gatehouse: Gatehouse) -> None:
    """The permit is shut out at the gate where its uses are used up, and at no other, whenever that is built."""
    drawn = gatehouse.draw(kind="order")
    gatehouse.passes(drawn.permit)
    gatehouse.now_ms += 11 * MINUTE_MS
    assert GATE not in gatehouse.opened(drawn.code)
    with gatehouse.store.writing() as connection:
        add_point(connection, "north-gate", GATE, "estate", "north-gate", "north-gate")
    gatehouse.publish_rosters()
    assert "north-gate" not in gatehouse.opened(drawn.code)
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    gatehouse.publish_rosters()
    assert {"north-gate", "west-gate"} <= gatehouse.opened(drawn.code)
    assert GATE not in gatehouse.opened(drawn.code)

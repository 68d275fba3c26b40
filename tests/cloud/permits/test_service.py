"""Permits as they are drawn up, extended, drawn up again and ended; and what a device lets them open."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cloud.bars.rule import BarGround
from cloud.bars.service import BarService
from cloud.cards.rule import Card, CardState
from cloud.cards.service import CardService
from cloud.cards.store import CardFilter, list_cards
from cloud.flats.rule import Flat
from cloud.flats.service import FlatService
from cloud.flats.store import change_flat
from cloud.people.permits import GATES_STAY_MS
from cloud.permits.kinds import KINDS, PermitKind
from cloud.permits.rule import MAX_PER_FLAT, PermitState
from cloud.points.rule import SiteZone
from cloud.points.setup_store import put_site_zone
from cloud.points.store import add_point
from cloud.points.zone_store import open_zone
from cloud.store.labels import Label
from cloud.web.rejected import Rejected
from contract.credentials import code_credential, plate_credential, read_token, token_credential
from contract.decide import DAY_MS, HOUR_MS, Standing
from contract.reasons import Reason
from tests.cloud.permits.gatehouse import BY, GARAGE, GATE, GYM, HUB, LI_SI, LIFT, OTHER_GATE, UNIT_DOOR, WAY, Gatehouse

PLATE = "沪A12345"


def test_guest_opens_the_way_and_nothing_else(gatehouse: Gatehouse) -> None:
    """Gate, unit door and lift floor; not the garage, another unit, the gym, a socket."""
    drawn = gatehouse.draw()
    assert gatehouse.opened(drawn.code) == WAY
    assert len(drawn.code) == 6 and drawn.code.isdecimal()


def test_visitor_enters_no_inner_zone_and_uses_nothing(gatehouse: Gatehouse) -> None:
    """A store for bicycles lies inside the estate, and a socket stands at its gate: residents have both."""
    with gatehouse.store.writing() as connection:
        put_site_zone(connection, SiteZone("bikes", Label("车棚", "Bicycles"), parent="estate"), None)
        open_zone(connection, "bikes", "resident", "always")
        add_point(connection, "bike-store", GATE, "bikes", "", "")
        add_point(connection, "gate-socket", GATE, "estate", "", "", "phone")
    assert gatehouse.opened(gatehouse.draw().code) == WAY
    resident = [profile for profile in gatehouse.site_profiles() if "bike-store" in profile]
    assert resident and all("gate-socket" in profile for profile in resident)


def test_permit_without_floors_served_opens_what_there_is(gatehouse: Gatehouse) -> None:
    assert gatehouse.opened(gatehouse.draw(flat="5-606").code) == {GATE, OTHER_GATE}


def test_rider_opens_what_riders_do(gatehouse: Gatehouse) -> None:
    """For two hours from the first use, whatever was drawn."""
    drawn = gatehouse.draw(kind="rider", flat="", until_ms=gatehouse.now_ms + 4 * HOUR_MS)
    assert {GATE, HUB} <= gatehouse.opened(drawn.code) and not gatehouse.opened(drawn.code) & {UNIT_DOOR, GYM}
    gatehouse.now_ms += HOUR_MS
    gatehouse.passes(drawn.permit)
    gatehouse.now_ms += 2 * HOUR_MS - 1
    assert GATE in gatehouse.opened(drawn.code)
    gatehouse.now_ms += 1000
    assert gatehouse.reason(code_credential(drawn.code), GATE) is Reason.EXPIRED


def test_ended_permit_has_no_rows_at_once(gatehouse: Gatehouse) -> None:
    """Its code is free, and may be somebody else's tomorrow; the resident's own rows are what they were."""
    before = gatehouse.devices[GATE].rows()
    drawn = gatehouse.draw(token=True, plate=PLATE)
    assert len(gatehouse.devices[GATE].rows()) == len(before) + 3 * 3
    gatehouse.permits.end(BY, drawn.permit)
    gatehouse.publish_rosters()
    assert gatehouse.devices[GATE].rows() == before
    assert gatehouse.reason(code_credential(drawn.code), GATE) is Reason.UNKNOWN_CREDENTIAL
    assert gatehouse.state(drawn.permit) is PermitState.ENDED
    view = gatehouse.permits.find(drawn.permit)
    assert view is not None and view.credentials == ()
    with pytest.raises(Rejected, match="is over"):
        gatehouse.permits.end(BY, drawn.permit)
    assert [entry.action for entry in gatehouse.audit(2)] == ["permit.drawn", "permit.ended"]


def test_window_with_margins_is_the_devices(gatehouse: Gatehouse) -> None:
    """A guest of the afternoon, half an hour early and late; a day after it nothing stands of it."""
    from_ms = gatehouse.now_ms + 2 * HOUR_MS
    drawn = gatehouse.draw(from_ms=from_ms, until_ms=from_ms + HOUR_MS)
    for at_ms, opens in ((-HOUR_MS // 2 - 1000, False), (-HOUR_MS // 2, True), (1.5 * HOUR_MS, False)):
        gatehouse.now_ms = int(from_ms + at_ms)
        assert (GATE in gatehouse.opened(drawn.code)) is opens
    gatehouse.now_ms = from_ms + 2 * DAY_MS
    gatehouse.publish_rosters()
    assert gatehouse.reason(code_credential(drawn.code), GATE) is Reason.UNKNOWN_CREDENTIAL


def test_use_counts_at_gates_and_inner_doors_follow(gatehouse: Gatehouse) -> None:
    """A delivery goes in once at each gate: after ten minutes that gate is shut to it, others and inner doors are not.
    Passing once more within these minutes makes them no longer."""
    drawn = gatehouse.draw(kind="order")
    gatehouse.passes(drawn.permit)
    assert gatehouse.opened(drawn.code) == WAY
    gatehouse.now_ms += GATES_STAY_MS // 2
    gatehouse.passes(drawn.permit)
    assert gatehouse.opened(drawn.code) == WAY
    gatehouse.now_ms += GATES_STAY_MS // 2
    assert gatehouse.opened(drawn.code) == {OTHER_GATE, UNIT_DOOR, LIFT}
    gatehouse.passes(drawn.permit, gate=OTHER_GATE)
    assert gatehouse.opened(drawn.code) == {OTHER_GATE, UNIT_DOOR, LIFT}
    gatehouse.now_ms += GATES_STAY_MS
    assert gatehouse.opened(drawn.code) == {UNIT_DOOR, LIFT}
    gatehouse.passes(drawn.permit, direction="out")
    assert gatehouse.state(drawn.permit) is PermitState.LEFT


def test_every_credential_opens_the_same(gatehouse: Gatehouse) -> None:
    cards = CardService(gatehouse.store, gatehouse.keys, lambda: gatehouse.now_ms)
    cards.add_batch(BY, "4711", "H10301", 21, "visitors")
    with gatehouse.store.reading() as connection:
        (card,) = list_cards(connection, CardFilter(batch="visitors"), limit=5)
    drawn = gatehouse.draw(kind="crew", token=True, plate="沪a·l2345".replace("l", "1"), card=card.id)
    credentials = [
        code_credential(drawn.code),
        token_credential(read_token(drawn.token)),
        plate_credential(PLATE),
        Card("H10301", 21, 4711).canonical(),
    ]
    assert all(gatehouse.reason(one, UNIT_DOOR) is Reason.ALLOWED for one in credentials)
    cards.set_standing(BY, card.id, Standing.LOST)
    gatehouse.publish_rosters()
    assert [gatehouse.reason(one, UNIT_DOOR) for one in credentials[2:]] == [Reason.ALLOWED, Reason.REPORTED_LOST]
    gatehouse.permits.end(BY, drawn.permit)
    gatehouse.publish_rosters()
    assert all(gatehouse.reason(one, UNIT_DOOR) is Reason.UNKNOWN_CREDENTIAL for one in credentials)
    cards.take_back(BY, card.id)
    with gatehouse.store.reading() as connection:
        (back,) = list_cards(connection, CardFilter(batch="visitors"), limit=5)
    assert back.state == CardState.RETURNED and back.permit is None


def test_code_shown_again_is_on_record(gatehouse: Gatehouse) -> None:
    drawn = gatehouse.draw(token=True)
    shown = gatehouse.permits.code_of("office", drawn.permit)
    assert (shown.code, shown.token) == (drawn.code, drawn.token)
    (entry,) = gatehouse.audit(1)
    assert (entry.operator, entry.action, entry.subject) == ("office", "permit.code_shown", f"permit {drawn.permit}")
    assert all(drawn.code not in str(one) for one in gatehouse.audit(50))


def test_extending_is_done_once(gatehouse: Gatehouse) -> None:
    drawn = gatehouse.draw(until_ms=gatehouse.now_ms + HOUR_MS)
    with pytest.raises(Rejected, match="ends later"):
        gatehouse.permits.extend(BY, drawn.permit, gatehouse.now_ms + HOUR_MS)
    gatehouse.permits.extend(BY, drawn.permit, gatehouse.now_ms + 3 * HOUR_MS)
    gatehouse.publish_rosters()
    gatehouse.now_ms += 2 * HOUR_MS
    assert gatehouse.opened(drawn.code) == WAY
    with pytest.raises(Rejected, match="extended before"):
        gatehouse.permits.extend(BY, drawn.permit, gatehouse.now_ms + 8 * HOUR_MS)


def test_second_delivery_is_one_tap(gatehouse: Gatehouse) -> None:
    first = gatehouse.draw(kind="order", name="parcels", plate=PLATE)
    with pytest.raises(Rejected, match="on another permit"):
        gatehouse.permits.again(BY, first.permit)
    gatehouse.now_ms += DAY_MS
    second = gatehouse.permits.again(BY, first.permit)
    gatehouse.publish_rosters()
    assert gatehouse.opened(second.code) == WAY
    assert gatehouse.reason(code_credential(first.code), GATE) is not Reason.ALLOWED
    assert gatehouse.permit(second.permit).name == "parcels"


def test_inviter_reaches_their_own_only(gatehouse: Gatehouse) -> None:
    drawn = gatehouse.permits.invite(LI_SI, gatehouse.asked(flat="", name="an aunt"))
    assert gatehouse.permit(drawn.permit).flat == "2-502"
    assert [view.permit.id for view in gatehouse.permits.of_inviter(LI_SI)] == [drawn.permit]
    others: dict[str, Callable[[], object]] = {
        "no such permit": lambda: gatehouse.permits.end("person 1", drawn.permit, inviter=1),
        "There is no such": lambda: gatehouse.permits.code_of("person 1", drawn.permit, inviter=1),
        "no adult who lives": lambda: gatehouse.permits.invite(LI_SI, gatehouse.asked(flat="5-606")),
        "The office draws": lambda: gatehouse.permits.invite(LI_SI, gatehouse.asked(kind="crew")),
    }
    for said, act in others.items():
        with pytest.raises(Rejected, match=said):
            act()
    gatehouse.permits.end(f"person {LI_SI}", drawn.permit, inviter=LI_SI)
    (entry,) = gatehouse.audit(1)
    assert entry.operator == f"person {LI_SI}"


def test_walk_in_needs_the_yes_of_a_flat(gatehouse: Gatehouse) -> None:
    with pytest.raises(Rejected, match="Ring the flat"):
        gatehouse.draw(kind="walk_in")
    drawn = gatehouse.draw(kind="walk_in", agreed=True)
    known = gatehouse.permit(drawn.permit)
    assert (known.agreed_by, known.agreed_ms) == (BY, gatehouse.now_ms)
    assert gatehouse.audit(1)[0].detail == {"kind": "walk_in", "agreed": "yes"}


def test_goods_slip_opens_nothing_and_is_signed_once(gatehouse: Gatehouse) -> None:
    rows = gatehouse.devices[GATE].rows()
    slip = gatehouse.draw(kind="goods", goods="a sofa and boxes", headcount=12, code=False).permit
    assert gatehouse.devices[GATE].rows() == rows
    gatehouse.permits.sign_off(BY, slip)
    assert gatehouse.state(slip) is PermitState.ENDED
    with pytest.raises(Rejected, match="signed off"):
        gatehouse.permits.sign_off(BY, slip)
    with pytest.raises(Rejected, match="no goods slip"):
        gatehouse.permits.sign_off(BY, gatehouse.draw().permit)


def test_wrong_permit_changes_nothing(gatehouse: Gatehouse) -> None:
    now_ms, audit = gatehouse.now_ms, gatehouse.audit(500)
    wrong: dict[str, dict[str, object]] = {
        "ends before it begins": {"from_ms": now_ms + HOUR_MS, "until_ms": now_ms},
        "at most 168 hours": {"until_ms": now_ms + 9 * DAY_MS},
        "at least 1": {"headcount": 0},
        "at most 20": {"headcount": 21},
        "Say which flat": {"flat": ""},
        "no such flat": {"flat": "99-999"},
        "no plate": {"plate": "12"},
        "say its plate": {"kind": "van"},
        "what leaves": {"kind": "goods", "code": False},
        "no such credential": {"kind": "goods", "goods": "a sofa"},
        "not in stock": {"card": 1},
    }
    for said, asked in wrong.items():
        with pytest.raises(Rejected, match=said):
            gatehouse.draw(**asked)
    assert gatehouse.audit(500) == audit
    with gatehouse.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM permits").scalar() == 0


def test_plate_is_one_whoever_writes_it(gatehouse: Gatehouse) -> None:
    """O is 0 from the third place on. It is on one permit at a time, and on none while it is barred."""
    first = gatehouse.draw(plate="沪A·12O45", until_ms=gatehouse.now_ms + HOUR_MS)
    with pytest.raises(Rejected, match="on another permit"):
        gatehouse.draw(plate="沪a12045", flat="5-606")
    gatehouse.permits.end(BY, first.permit)
    second = gatehouse.draw(plate="沪A12045", flat="5-606", until_ms=gatehouse.now_ms + HOUR_MS)
    gatehouse.now_ms += 2 * HOUR_MS
    third = gatehouse.draw(plate="沪A12045")
    assert gatehouse.permit(third.permit).flat == "2-502" and second.permit != third.permit
    gatehouse.permits.end(BY, third.permit)
    bars = BarService(gatehouse.store, gatehouse.keys, lambda: gatehouse.now_ms)
    bars.confirm("wu", bars.enter("lin", BarGround.THEFT, gatehouse.now_ms + DAY_MS, plate="沪A12O45"))
    with pytest.raises(Rejected, match="is barred"):
        gatehouse.draw(plate="沪A12045")


def test_vacant_flat_takes_crews_and_no_guests(gatehouse: Gatehouse) -> None:
    with gatehouse.store.writing() as connection:
        change_flat(connection, "sunny-court", Flat("2-502", "2", "", 5, "502", vacant=True))
    with pytest.raises(Rejected, match="is vacant"):
        gatehouse.draw()
    assert gatehouse.opened(gatehouse.draw(kind="crew").code) == WAY


def test_flat_has_so_many_permits_a_day(gatehouse: Gatehouse) -> None:
    for _ in range(MAX_PER_FLAT):
        gatehouse.permits.draw(BY, gatehouse.asked(code=False))
    with pytest.raises(Rejected, match="permits of today"):
        gatehouse.draw()
    gatehouse.now_ms += DAY_MS
    assert gatehouse.draw().permit


def test_site_has_so_many_permits(gatehouse: Gatehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.permits.service.MAX_LIVE", 2)
    first = gatehouse.draw()
    gatehouse.draw()
    with pytest.raises(Rejected, match="permits count already"):
        gatehouse.draw()
    gatehouse.permits.end(BY, first.permit)
    assert gatehouse.draw().permit


def test_permits_of_many_share_profiles(gatehouse: Gatehouse) -> None:
    """The way of a unit and of a floor is numbered once, whoever goes there."""
    gatehouse.draw()
    profiles = len(gatehouse.site_profiles())
    for _ in range(3):
        gatehouse.draw()
    gatehouse.draw(flat="5-606")
    assert len(gatehouse.site_profiles()) == profiles


def test_flat_that_moves_takes_its_permits_along(gatehouse: Gatehouse) -> None:
    drawn = gatehouse.draw()
    with gatehouse.store.writing() as connection:
        change_flat(connection, "sunny-court", Flat("2-502", "2", "", 6, "502"))
    gatehouse.publish_rosters()
    assert LIFT not in gatehouse.opened(drawn.code)
    assert GARAGE not in gatehouse.opened(drawn.code)


def test_permit_ends_with_its_flat(gatehouse: Gatehouse) -> None:
    flats = FlatService(gatehouse.store, lambda: gatehouse.now_ms)
    flats.add(BY, Flat("9-901"))
    drawn = gatehouse.draw(flat="9-901")
    flats.remove(BY, "9-901")
    gatehouse.publish_rosters()
    assert gatehouse.state(drawn.permit) is PermitState.ENDED
    assert gatehouse.opened(drawn.code) == set()


def test_code_that_is_taken_is_not_drawn_again(gatehouse: Gatehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever chance says, no two permits that count have one code."""
    numbers = iter([7, 7, 7, 42])
    monkeypatch.setattr("cloud.permits.credentials.secrets.randbelow", lambda _: next(numbers))
    assert [gatehouse.draw().code, gatehouse.draw().code] == ["000007", "000042"]


def test_database_holds_no_code_in_the_clear(
    gatehouse: Gatehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.permits.credentials.secrets.randbelow", lambda _: 862_044)
    drawn = gatehouse.draw(token=True)
    with gatehouse.store.writing() as connection:
        connection.exec_driver_sql("SELECT 1")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("cloud.db*"))
    assert drawn.code.encode() not in stored and drawn.token.encode() not in stored


def test_guard_says_who_left(gatehouse: Gatehouse) -> None:
    drawn = gatehouse.draw()
    with pytest.raises(Rejected, match="Nobody with this permit"):
        gatehouse.permits.note_left(BY, drawn.permit)
    gatehouse.passes(drawn.permit)
    gatehouse.now_ms += HOUR_MS
    gatehouse.permits.note_left(BY, drawn.permit)
    assert gatehouse.state(drawn.permit) is PermitState.LEFT


def test_every_kind_can_be_drawn(gatehouse: Gatehouse) -> None:
    for kind, rule in KINDS.items():
        more = {"goods": "a chair"} if rule.has_goods else {"code": True}
        plate = f"沪A1234{list(PermitKind).index(kind) % 10}" if rule.needs_plate else ""
        gatehouse.now_ms += DAY_MS
        assert gatehouse.draw(kind=kind, plate=plate, agreed=rule.asks_flat, **{"code": False, **more}).permit

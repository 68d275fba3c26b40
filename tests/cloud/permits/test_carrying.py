"""What a telephone carries of a permit: to which doors, how long, and what the rosters say of it."""

from datetime import datetime

from cloud.keys.keys import KeyFolder
from cloud.people.pass_terms import forget_passes, known_pass_keys, note_signer, withdrawn_passes
from cloud.permits.carrying import MOST_LETTERS
from cloud.permits.watch import look_after
from cloud.points.store import add_point
from cloud.sample import SITE
from contract.carried_passes import CarriedPass, believe_carried
from contract.decide import DAY_MS, HOUR_MS, Tier
from contract.site_page import MAX_PASS_KEYS
from tests.cloud.permits.gatehouse import GATE, HUB, WAY, Gatehouse
from tests.cloud.support.phones import SoftPhone

PHONE = SoftPhone().public


def carried(gatehouse: Gatehouse, permit: int) -> CarriedPass:
    """What a door reads of a pass that is asked for now."""
    keys = [gatehouse.keys.passes.public()]
    _, found = believe_carried(gatehouse.permits.carry(permit, PHONE), keys, SITE.name)
    assert found is not None
    return found


def test_guest_carries_the_way_until_midnight(gatehouse: Gatehouse) -> None:
    """However long they are invited for: tomorrow their telephone asks again."""
    drawn = gatehouse.draw(until_ms=gatehouse.now_ms + 3 * DAY_MS)
    found = carried(gatehouse, drawn.permit)
    assert (set(found.points), found.tier, found.key) == (WAY, Tier.GUEST, PHONE)
    assert found.from_s * 1000 == gatehouse.now_ms // 1000 * 1000
    ends = datetime.fromtimestamp(found.until_s, gatehouse.site.zone)
    assert (ends.hour, ends.minute) == (0, 0) and found.until_s - found.from_s <= DAY_MS // 1000


def test_rider_carries_doors_for_two_hours(gatehouse: Gatehouse) -> None:
    """No socket is among them: what is rationed is weighed by rosters."""
    drawn = gatehouse.draw(kind="rider", flat="", until_ms=gatehouse.now_ms + 4 * HOUR_MS)
    found = carried(gatehouse, drawn.permit)
    assert {GATE, HUB} <= set(found.points) and not {"p-1", "p-2"} & set(found.points)
    assert (found.tier, found.until_s - found.from_s) == (Tier.RIDER, 2 * HOUR_MS // 1000)


def test_pass_names_as_many_doors_as_fit(gatehouse: Gatehouse) -> None:
    with gatehouse.store.writing() as connection:
        for number in range(20):
            add_point(connection, f"gate-with-a-long-name-{number:02}", GATE, "estate", "", "")
    points = carried(gatehouse, gatehouse.draw().permit).points
    assert points and sum(map(len, points)) <= MOST_LETTERS


def test_rosters_tell_whose_passes_count(gatehouse: Gatehouse) -> None:
    """The cloud's key before the first pass; a pass of a permit that was ended, until nobody would believe it."""
    note_signer(gatehouse.store, gatehouse.keys, gatehouse.now_ms)
    gatehouse.publish_rosters()
    assert gatehouse.site.pass_keys == (gatehouse.keys.passes.public(),)
    drawn, other = gatehouse.draw(), gatehouse.draw()
    gatehouse.permits.carry(drawn.permit, PHONE)
    for one in (drawn, other):
        gatehouse.permits.end("gate", one.permit)
    gatehouse.publish_rosters()
    assert gatehouse.site.revoked == {gatehouse.permit(drawn.permit).holder}
    gatehouse.now_ms += DAY_MS
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    gatehouse.publish_rosters()
    assert gatehouse.site.revoked == set()


def test_pass_that_ended_is_no_news(gatehouse: Gatehouse) -> None:
    """Nobody withdrew it: no device is told anything."""
    gatehouse.permits.carry(gatehouse.draw().permit, PHONE)
    before = gatehouse.devices[GATE].manifest
    with gatehouse.store.writing() as connection:
        forget_passes(connection, SITE.name, gatehouse.now_ms + DAY_MS)
        assert withdrawn_passes(connection, SITE.name) == []
    gatehouse.refresh()
    assert gatehouse.devices[GATE].manifest == before


def test_keys_of_before_stay_a_day(gatehouse: Gatehouse) -> None:
    """As many as a page has room for, as long as one of their passes may count; noting one again changes nothing."""
    made = []
    for number in range(MAX_PASS_KEYS + 2):
        (gatehouse.keys.folder / "pass.key").write_text(f"{number:064x}\n")
        keys = KeyFolder(gatehouse.keys.folder)
        for _ in range(2):
            note_signer(gatehouse.store, keys, gatehouse.now_ms + number)
        made.append(keys.passes.public())
    made.reverse()
    assert known(gatehouse) == made[:MAX_PASS_KEYS]
    gatehouse.now_ms += MAX_PASS_KEYS + 2
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    assert known(gatehouse) == made[:MAX_PASS_KEYS]
    gatehouse.now_ms += DAY_MS
    look_after(gatehouse.store, lambda: gatehouse.now_ms)
    assert known(gatehouse) == made[:1]


def known(gatehouse: Gatehouse) -> list[bytes]:
    with gatehouse.store.reading() as connection:
        return known_pass_keys(connection, SITE.name)

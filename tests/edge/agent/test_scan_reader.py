"""A scanner at a door: what it reads, and what is recorded of it."""

import asyncio
from pathlib import Path

import pytest

from contract.credentials import phone_credential, plate_credential, token_credential, token_text
from contract.decide import Grant, Tier, Trust
from contract.schedules import ALWAYS
from contract.sealing import credential_digest
from tests.edge.support.airlock import OUTER, Airlock, Pages, reasons
from tests.edge.support.cards import KEY
from tests.edge.support.phones import ANNAS_PHONE, CLOUD, GUEST, RIDERS_PHONE, carried
from tests.edge.support.portals import ANNA, BEN
from tests.firmware_sim.support.story import in_virtual_time

SCANNER = 'scanners.in = { device = "scanner" }\n'
CAMERA = 'scanners.in = { device = "camera", plates = true }\n'
TOKEN = bytes(range(16))
PLATE = "京A12045"


def hall_for(folder: Path, credential: bytes, wiring: str = SCANNER) -> Airlock:
    """Ben's guest has this credential."""
    hall = Airlock(folder, wiring=wiring)
    hall.cards.demands = {}
    hall.cards.grants[credential_digest(KEY, credential)] = Grant(BEN, Tier.GUEST, {OUTER: ALWAYS})
    return hall


@in_virtual_time
async def test_printed_token_opens(tmp_path: Path) -> None:
    hall = hall_for(tmp_path, token_credential(TOKEN))
    hall.agent.scan(OUTER, "in", token_text(TOKEN), "")
    (row,) = hall.recorded()
    assert (row.kind, row.data["credential"], row.data["holder"]) == ("access.allowed", "token", BEN.hex())
    await asyncio.sleep(1)
    assert hall.unlocked() == ["outer.lock"]
    assert token_text(TOKEN) not in str(row)


@in_virtual_time
async def test_screen_that_stays_there_is_read_once(tmp_path: Path) -> None:
    hall = hall_for(tmp_path, token_credential(TOKEN))
    for _ in range(100):
        hall.agent.scan(OUTER, "in", token_text(TOKEN), "")
        await asyncio.sleep(0.5)
    assert reasons(hall.recorded()).count("allowed") == 1
    await asyncio.sleep(3)
    hall.agent.scan(OUTER, "in", token_text(TOKEN), "")
    assert reasons(hall.recorded()).count("allowed") == 1


@pytest.mark.parametrize("read", [PLATE, "京A12O45", "京A·I2O45"])
@in_virtual_time
async def test_plate_opens_however_it_is_read(tmp_path: Path, read: str) -> None:
    hall = hall_for(tmp_path, plate_credential("京AI2045"), CAMERA)
    hall.agent.scan(OUTER, "in", read, "")
    (row,) = hall.recorded()
    assert (row.kind, row.data["credential"]) == ("access.allowed", "plate")


@in_virtual_time
async def test_standing_car_is_read_once(tmp_path: Path) -> None:
    """A camera takes an O for a 0 now and then, and reads it again and again; the next car is another."""
    hall = hall_for(tmp_path, plate_credential(PLATE), CAMERA)
    for number in range(60):
        hall.agent.scan(OUTER, "in", PLATE if number % 3 else "京A12O45", "")
        await asyncio.sleep(1)
    hall.agent.scan(OUTER, "in", "京B88888", "")
    said = [reason for reason in reasons(hall.recorded()) if reason in ("allowed", "unknown_credential")]
    assert said == ["allowed", "unknown_credential"]


@in_virtual_time
async def test_many_unknown_plates_are_few_rows(tmp_path: Path) -> None:
    """The cars of a street that a camera sees: no fault of its, and no attack."""
    hall = Airlock(tmp_path, wiring=CAMERA)
    for number in range(100):
        hall.agent.scan(OUTER, "in", f"京A{number:05}", "")
    assert reasons(hall.recorded()) == ["unknown_credential"] * 3 + ["reader.invalid_read"]
    assert hall.shown() == "unknown_credential"
    assert hall.agent.readers.faults() == {}


@in_virtual_time
async def test_plate_is_nothing_where_none_is_read(tmp_path: Path) -> None:
    hall = hall_for(tmp_path, plate_credential(PLATE))
    hall.agent.scan(OUTER, "in", PLATE, "")
    assert [row.data.get("why") for row in hall.recorded()] == ["no_pass"]


def hall_for_phones(folder: Path, pages: Pages | None = None) -> Airlock:
    """Anna's phone is in the roster, and the cloud's key for riders."""
    hall = Airlock(folder, wiring=SCANNER, notebook=pages)
    hall.cards.demands = {}
    phone = credential_digest(KEY, phone_credential(ANNAS_PHONE.key_id))
    hall.cards.grants[phone] = Grant(ANNA, Tier.MEMBER, {OUTER: ALWAYS}, key=ANNAS_PHONE.key)
    hall.cards.pass_keys = [CLOUD.public()]
    return hall


def now_s(hall: Airlock) -> int:
    return hall.clock.now_ms() // 1000


@in_virtual_time
async def test_phone_opens_and_its_picture_does_not(tmp_path: Path) -> None:
    """A picture of the screen a minute later is too old; before that it was shown here already."""
    hall = hall_for_phones(tmp_path)
    screen = ANNAS_PHONE.screen(now_s(hall))
    hall.agent.scan(OUTER, "in", screen, "")
    (row,) = hall.recorded()
    assert (row.kind, row.data["credential"], row.data["holder"]) == ("access.allowed", "phone", ANNA.hex())
    assert screen not in str(row)
    await asyncio.sleep(30)
    hall.recorded()
    hall.agent.scan(OUTER, "in", screen, "")
    assert reasons(hall.recorded()) == ["pass_replayed"]
    await asyncio.sleep(31)
    hall.agent.scan(OUTER, "in", screen, "")
    assert reasons(hall.recorded()) == ["pass_stale"]
    hall.agent.scan(OUTER, "in", ANNAS_PHONE.screen(now_s(hall)), "")
    assert reasons(hall.recorded()) == ["allowed"]


@in_virtual_time
async def test_restart_keeps_what_was_shown(tmp_path: Path) -> None:
    pages = Pages()
    hall = hall_for_phones(tmp_path, pages)
    screen = ANNAS_PHONE.screen(now_s(hall))
    hall.agent.scan(OUTER, "in", screen, "")
    after = hall_for_phones(tmp_path, pages)
    after.agent.scan(OUTER, "in", screen, "")
    assert reasons(after.recorded()) == ["pass_replayed"]


@in_virtual_time
async def test_riders_pass_opens_where_nobody_knows_them(tmp_path: Path) -> None:
    hall = hall_for_phones(tmp_path)
    message = carried(OUTER, uses=1)
    hall.agent.scan(OUTER, "in", RIDERS_PHONE.carrying(message, now_s(hall)), "")
    (row,) = hall.recorded()
    assert (row.kind, row.data["credential"], row.data["holder"]) == ("access.allowed", "pass", GUEST.hex())
    await asyncio.sleep(10)
    hall.recorded()
    hall.agent.scan(OUTER, "in", RIDERS_PHONE.carrying(message, now_s(hall)), "")
    hall.agent.scan(OUTER, "in", RIDERS_PHONE.carrying(carried("elsewhere"), now_s(hall) + 1), "")
    assert reasons(hall.recorded()) == ["pass_used_up", "not_entitled"]


@in_virtual_time
async def test_unset_clock_and_spoilt_passes_are_told(tmp_path: Path) -> None:
    hall = hall_for_phones(tmp_path)
    hall.clock.trust = Trust.UNSET
    hall.agent.scan(OUTER, "in", ANNAS_PHONE.screen(now_s(hall)), "")
    hall.clock.trust = Trust.SYNCED
    hall.agent.scan(OUTER, "in", RIDERS_PHONE.screen(now_s(hall)), "")
    hall.agent.scan(OUTER, "in", "HG1AAAA", "")
    assert reasons(hall.recorded()) == ["pass_clock_unset", "pass_wrong_key", "pass_malformed"]


@in_virtual_time
async def test_many_bad_passes_are_few_rows(tmp_path: Path) -> None:
    hall = hall_for_phones(tmp_path)
    for number in range(100):
        hall.agent.scan(OUTER, "in", f"HG1{'A' * number}", "")
    assert reasons(hall.recorded()) == ["pass_malformed"] * 3 + ["reader.invalid_read"]
    assert hall.shown() == "pass_malformed"


@in_virtual_time
async def test_no_spoilt_pass_opens(tmp_path: Path) -> None:
    """A letter is another, is missing, or is doubled, at each place of both kinds of pass; or a line is cut there."""
    hall = hall_for_phones(tmp_path)
    for good in (ANNAS_PHONE.screen(now_s(hall)), RIDERS_PHONE.carrying(carried(OUTER), now_s(hall))):
        for place in range(len(good)):
            before, letter, behind = good[:place], good[place], good[place + 1 :]
            other = "A" if letter != "A" else "B"
            for text in (before + other + behind, before + behind, before + 2 * letter + behind, before):
                hall.agent.scan(OUTER, "in", text, "")
    assert "allowed" not in reasons(hall.recorded())
    assert hall.unlocked() == []
    assert (hall.agent.failures, hall.decider.failures) == (0, 0)


@in_virtual_time
async def test_lockdown_uses_no_pass_up(tmp_path: Path) -> None:
    """The pass is judged all the same: what was shown in vain is shown."""
    hall = hall_for_phones(tmp_path)
    message = carried(OUTER, uses=1)
    hall.lock_down()
    hall.agent.scan(OUTER, "in", RIDERS_PHONE.carrying(message, now_s(hall)), "")
    hall.agent.set_modes({}, 2)
    await asyncio.sleep(10)
    hall.agent.scan(OUTER, "in", RIDERS_PHONE.carrying(message, now_s(hall)), "")
    assert [one for one in reasons(hall.recorded()) if "." not in one] == ["locked_down", "allowed"]


@in_virtual_time
async def test_what_is_no_pass_is_counted(tmp_path: Path) -> None:
    """It may be half of somebody's pass: it stands in no record."""
    hall = Airlock(tmp_path, wiring=SCANNER)
    for text, why in (("http://example.com/a", ""), ("", "too_long"), ("", "not_text")):
        hall.agent.scan(OUTER, "in", text, why)
    (row,) = hall.recorded()
    assert (row.point, row.kind) == (OUTER, "reader.invalid_read")
    assert row.data == {"reader": "outer.in", "why": "no_pass", "count": 1}
    hall.agent.close()
    (rest,) = hall.recorded()
    assert rest.data == {"reader": "outer.in", "why": "not_text", "count": 2}


@in_virtual_time
async def test_noise_of_scanner_is_a_fault(tmp_path: Path) -> None:
    hall = Airlock(tmp_path, wiring=SCANNER)
    for _ in range(20):
        hall.agent.scan(OUTER, "in", "", "not_text")
    assert hall.agent.readers.faults() == {"outer.reader_noisy": "scanner in"}


@in_virtual_time
async def test_without_keeper_nothing_is_used_up(tmp_path: Path) -> None:
    hall = Airlock(tmp_path, wiring=SCANNER)
    hall.agent.keeper_lost()
    hall.recorded()
    hall.agent.scan(OUTER, "in", "HG1ABC", "")
    assert [row.data.get("why") for row in hall.recorded()] == ["keeper_lost"]

"""Card and PIN at one reader: what is asked, what is recorded, and what somebody gains by trying."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contract.credentials import code_credential
from contract.decide import Grant, Tier
from contract.demands import PinVerdict
from contract.pins import pin_verifier
from contract.schedules import ALWAYS
from contract.sealing import credential_digest
from edge.agent.decider import Decider
from edge.agent.keypad import CLEARS_AFTER_MS, MOST_DIGITS
from edge.agent.pin_guard import BLOCK_MS
from edge.archetypes.protocol import Decided
from tests.edge.support.airlock import DURESS_PIN, INNER, OUTER, PIN, Airlock, reasons
from tests.edge.support.cards import ANNAS, BENS, KEY, STRANGERS, digest
from tests.edge.support.portals import ANNA
from tests.firmware_sim.support.story import in_virtual_time

CLEARED_S = CLEARS_AFTER_MS / 1000
WRONG = "000000"


@in_virtual_time
async def test_right_pin_opens(tmp_path: Path) -> None:
    """The card alone is no event: whether somebody may pass is known only with the PIN."""
    hall = Airlock(tmp_path)
    assert await hall.badge() == []
    assert hall.shown() == "enter_pin"
    assert reasons(await hall.keys(f"{PIN}#")) == ["allowed"]
    await asyncio.sleep(1)
    assert hall.unlocked() == ["outer.lock"]


@in_virtual_time
async def test_pin_that_nobody_keys_is_one_refusal(tmp_path: Path) -> None:
    hall = Airlock(tmp_path)
    await hall.badge()
    await asyncio.sleep(CLEARED_S - 0.1)
    assert await hall.keys(PIN) == []
    await asyncio.sleep(CLEARED_S - 0.1)
    assert hall.recorded() == []
    await asyncio.sleep(0.2)
    assert reasons(hall.recorded()) == ["pin_needed"]
    await asyncio.sleep(60)
    assert hall.recorded() == []
    assert hall.shown() == "pin_needed"
    assert hall.unlocked() == []


@in_virtual_time
async def test_key_that_sticks_prolongs_no_wait(tmp_path: Path) -> None:
    """It bounces for five minutes: the card is refused ten seconds behind the last digit that a PIN may have."""
    hall = Airlock(tmp_path)
    await hall.badge()
    assert await hall.keys("5" * (MOST_DIGITS + 1)) == []
    for _ in range(int(CLEARED_S)):
        assert hall.recorded() == []
        await hall.keys("55")
        await asyncio.sleep(0.9)
    await asyncio.sleep(1)
    assert reasons(hall.recorded()) == ["pin_needed"]
    for _ in range(300):
        await hall.keys("5")
        await asyncio.sleep(1)
    assert hall.recorded() == []
    await asyncio.sleep(CLEARED_S)
    await hall.badge()
    assert reasons(await hall.keys(f"{PIN}#")) == ["allowed"]


@pytest.mark.parametrize("keys", ["*", "#", "12*"])
@in_virtual_time
async def test_taken_back_pin_is_one_refusal(tmp_path: Path, keys: str) -> None:
    hall = Airlock(tmp_path)
    await hall.badge()
    assert reasons(await hall.keys(keys)) == ["pin_needed"]
    await asyncio.sleep(60)
    assert hall.recorded() == []


@in_virtual_time
async def test_same_card_again_is_no_second_refusal(tmp_path: Path) -> None:
    """Whoever is impatient holds the card there again, and the PIN counts from the last time."""
    hall = Airlock(tmp_path)
    await hall.badge()
    await hall.keys("47")
    assert await hall.badge() == []
    assert reasons(await hall.keys(f"{PIN}#")) == ["allowed"]


@in_virtual_time
async def test_next_card_ends_the_wait(tmp_path: Path) -> None:
    """The next in the queue: the refusal of the one before is recorded first, and the PIN would be the next one's."""
    hall = Airlock(tmp_path)
    await hall.badge()
    rows = await hall.badge(STRANGERS)
    assert reasons(rows) == ["pin_needed", "unknown_credential"]
    assert await hall.keys(f"{PIN}#") == []
    assert hall.shown() == "no_pin_asked"


@in_virtual_time
async def test_close_records_who_waits(tmp_path: Path) -> None:
    hall = Airlock(tmp_path)
    await hall.badge()
    hall.agent.close()
    assert reasons(hall.recorded()) == ["pin_needed"]


@in_virtual_time
async def test_close_leaves_no_timer_of_a_lamp(tmp_path: Path) -> None:
    """The refusal of who waits lights the lamp. The keeper rests it, for the agent says nothing more."""
    hall = Airlock(tmp_path, wiring='outputs.red = { pin = 27, load = "power_to_run" }\n')
    await hall.badge()
    hall.agent.close()
    before = list(hall.orders)
    await asyncio.sleep(3600)
    assert hall.orders == before


@in_virtual_time
async def test_who_has_no_pin_is_refused_at_once(tmp_path: Path) -> None:
    assert reasons(await Airlock(tmp_path).badge(BENS)) == ["pin_needed"]


@in_virtual_time
async def test_pin_that_nobody_asked_for_is_forgotten(tmp_path: Path) -> None:
    """It is no code either: the digest of one stands in the journal, and who holds the key reads the PIN off it."""
    hall = Airlock(tmp_path)
    hall.ask_pin(INNER)
    assert reasons(await hall.badge()) == ["allowed"]
    assert await hall.keys(f"{PIN}#") == []
    assert hall.shown() == "no_pin_asked"


@in_virtual_time
async def test_wrong_pins_wait_and_block(tmp_path: Path) -> None:
    """Each wrong one doubles the wait, the fifth blocks; and where no PIN is asked the card opens all the while."""
    hall = Airlock(tmp_path)
    await hall.settle_in()
    for wait_s in (0, 2, 4, 8, 16):
        await asyncio.sleep(wait_s)
        await hall.badge()
        assert reasons(await hall.keys(f"{WRONG}#")) == ["pin_wrong"]
        assert reasons(await hall.badge() + await hall.keys(f"{PIN}#")) == ["pin_blocked"]
    hall.ask_pin(OUTER)
    assert reasons(await hall.badge(reader=f"{INNER}.in")) == ["allowed"]
    assert reasons(await hall.badge()) == ["pin_blocked"]
    assert hall.shown() == "pin_blocked"
    await asyncio.sleep(BLOCK_MS / 1000)
    await hall.badge()
    assert reasons(await hall.keys(f"{PIN}#")) == ["allowed"]


@in_virtual_time
async def test_wrong_pin_right_after_start_blocks(tmp_path: Path) -> None:
    hall = Airlock(tmp_path)
    await hall.badge()
    assert reasons(await hall.keys(f"{WRONG}#")) == ["pin_wrong"]
    assert reasons(await hall.badge()) == ["pin_blocked"]


@pytest.mark.parametrize("direct", [True, False])
@in_virtual_time
async def test_duress_opens_and_tells_silently(tmp_path: Path, direct: bool) -> None:
    """The screen, the lamps and the other event say what they say to the right PIN."""
    hall = Airlock(tmp_path)
    reader, number = (f"{OUTER}.in", "") if direct else ("pad", "1")
    await hall.keys(number, reader)
    await hall.badge(reader=reader)
    allowed, duress = await hall.keys(f"{DURESS_PIN}#", reader)
    assert (allowed.kind, allowed.data["reason"]) == ("access.allowed", "allowed")
    data = {"holder": ANNA.hex(), "direction": "in", "digest": digest(ANNAS).hex()}
    assert (duress.point, duress.kind, duress.data) == (OUTER, "access.duress", data)
    assert hall.shown() == "allowed"
    await asyncio.sleep(1)
    assert hall.unlocked() == ["outer.lock"]


@in_virtual_time
async def test_rule_is_told_nothing_of_duress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is told stands in the record of the decision, and that is read by many."""
    hall, told = Airlock(tmp_path), list[object]()
    decide = Decider.decide

    def listen(decider: Decider, *asked: Any, **with_what: Any) -> Decided:
        told.append(with_what["pin"])
        return decide(decider, *asked, **with_what)

    monkeypatch.setattr(Decider, "decide", listen)
    await hall.badge()
    await hall.keys(f"{DURESS_PIN}#")
    assert told == [None, PinVerdict.RIGHT]


@in_virtual_time
async def test_duress_is_wrong_where_it_is_off(tmp_path: Path) -> None:
    hall = Airlock(tmp_path)
    hall.let_anna(may_signal_duress=False)
    await hall.badge()
    assert reasons(await hall.keys(f"{DURESS_PIN}#")) == ["pin_wrong"]


@in_virtual_time
async def test_duress_is_told_though_door_stays_shut(tmp_path: Path) -> None:
    """Something else may keep the door shut meanwhile; who is forced is told of all the same."""
    hall = Airlock(tmp_path)
    await hall.badge()
    hall.lock_down()
    assert [row.kind for row in await hall.keys(f"{DURESS_PIN}#")] == ["access.refused", "access.duress"]


@in_virtual_time
async def test_override_passes_lockdown_with_pin(tmp_path: Path) -> None:
    """Without the mark nobody is asked for a PIN; with it the card alone does not open."""
    hall = Airlock(tmp_path)
    hall.ask_pin()
    hall.lock_down()
    assert reasons(await hall.badge()) == ["locked_down"]
    hall.let_anna(override=True)
    assert await hall.badge() == []
    (row,) = await hall.keys(f"{PIN}#")
    assert (row.kind, row.data["reason"], row.data["holder"]) == ("access.allowed", "override", ANNA.hex())
    await asyncio.sleep(1)
    assert hall.unlocked() == ["outer.lock"]
    await hall.badge()
    assert reasons(await hall.keys(f"{WRONG}#")) == ["pin_wrong"]


@in_virtual_time
async def test_pin_works_at_shared_reader(tmp_path: Path) -> None:
    """The number, the card, then the PIN; the point is still known when it is keyed."""
    hall = Airlock(tmp_path)
    await hall.keys("12", "pad")
    assert await hall.badge(reader="pad") == []
    (row,) = await hall.keys(f"{PIN}#", "pad")
    assert (row.point, row.data["reason"]) == (INNER, "allowed")


@in_virtual_time
async def test_code_is_looked_up_like_a_card(tmp_path: Path) -> None:
    """Unknown today; and known as soon as a roster has it. At a shared reader a number chooses the point."""
    hall = Airlock(tmp_path)
    hall.ask_pin()
    name = credential_digest(KEY, code_credential("862044"))
    (row,) = await hall.keys("862044#")
    assert (row.data["reason"], row.data["digest"]) == ("unknown_credential", name.hex())
    assert [row.data["why"] for row in await hall.keys("862044#", "pad")] == ["no_number"]
    hall.cards.grants[name] = Grant(b"guest...", Tier.GUEST, {INNER: ALWAYS})
    assert [row.point for row in await hall.keys("12#862044#", "pad")] == [INNER]


@in_virtual_time
async def test_code_is_asked_for_no_pin(tmp_path: Path) -> None:
    """What is keyed behind it would be another code: it is refused at once, and nobody waits."""
    hall = Airlock(tmp_path)
    name = credential_digest(KEY, code_credential("862044"))
    hall.cards.grants[name] = replace(hall.cards.grants[digest(ANNAS)], pin=pin_verifier(KEY, name, PIN))
    assert reasons(await hall.keys("862044#")) == ["pin_needed"]
    assert hall.shown() == "pin_needed"


@in_virtual_time
async def test_codes_by_the_hundred_are_few_rows(tmp_path: Path) -> None:
    hall = Airlock(tmp_path)
    rows = [row for number in range(100) for row in await hall.keys(f"86{number:04}#")]
    assert reasons(rows) == ["unknown_credential", "reader.invalid_read"]
    assert hall.agent.readers.faults() == {"outer.reader_noisy": "in"}


@in_virtual_time
async def test_keys_stand_in_no_record_and_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither as digits nor as anything from which their digest would be seen to come."""
    caplog.set_level(logging.DEBUG)
    hall = Airlock(tmp_path)
    rows = await hall.badge()
    rows += await hall.keys(f"{PIN}#") + await hall.badge() + await hall.keys(f"{WRONG}#") + await hall.keys("862044#")
    told = str(rows) + str(hall.orders) + caplog.text
    for digits in (PIN, WRONG, "862044"):
        assert digits not in told
        if digits != "862044":
            assert credential_digest(KEY, code_credential(digits)).hex() not in told

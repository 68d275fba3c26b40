"""Codes that are keyed without a card: one that somebody has opens, and nobody finds one by trying."""

import asyncio
from pathlib import Path

from contract.credentials import code_credential
from contract.decide import DAY_MS, Grant, Tier
from contract.schedules import ALWAYS
from contract.sealing import credential_digest
from edge.passes.guesses import CODES
from tests.edge.support.airlock import OUTER, Airlock, Pages, reasons
from tests.edge.support.cards import ANNAS, KEY
from tests.edge.support.portals import BEN
from tests.firmware_sim.support.story import in_virtual_time

CODE = "862044"


def hall_with_code(folder: Path, pages: Pages | None = None, *, free_exit: bool = False) -> Airlock:
    hall = Airlock(folder, notebook=pages, free_exit=free_exit)
    hall.cards.demands = {}
    hall.cards.grants[credential_digest(KEY, code_credential(CODE))] = Grant(BEN, Tier.GUEST, {OUTER: ALWAYS})
    return hall


@in_virtual_time
async def test_code_with_grant_opens(tmp_path: Path) -> None:
    hall = hall_with_code(tmp_path)
    (row,) = await hall.keys(f"{CODE}#")
    assert (row.kind, row.data["holder"], row.data["credential"]) == ("access.allowed", BEN.hex(), "code")
    assert hall.unlocked() == ["outer.lock"]


@in_virtual_time
async def test_wrong_code_makes_the_right_one_wait(tmp_path: Path) -> None:
    """Cards open all the while, and the text says what is to be done."""
    hall = hall_with_code(tmp_path)
    assert reasons(await hall.keys("111111#")) == ["unknown_credential"]
    (waits,) = await hall.keys(f"{CODE}#")
    assert (waits.kind, waits.data) == ("reader.invalid_read", {"reader": "outer.in", "why": "codes_wait", "count": 1})
    assert hall.shown() == "codes_wait"
    assert reasons(await hall.badge(ANNAS)) == ["allowed"]
    await hall.keys("*")
    await asyncio.sleep(30)
    assert reasons(await hall.keys(f"{CODE}#"))[-1] == "allowed"


@in_virtual_time
async def test_code_waits_at_its_reader_alone(tmp_path: Path) -> None:
    hall = hall_with_code(tmp_path)
    await hall.keys("111111#")
    assert reasons(await hall.keys(f"1#{CODE}#", "pad")) == ["allowed"]


@in_virtual_time
async def test_restart_does_not_end_the_wait(tmp_path: Path) -> None:
    pages = Pages()
    await hall_with_code(tmp_path, pages).keys("111111#")
    hall = hall_with_code(tmp_path, pages)
    assert reasons(await hall.keys(f"{CODE}#")) == ["reader.invalid_read"]
    await asyncio.sleep(30)
    assert reasons(await hall.keys(f"{CODE}#")) == ["allowed"]


@in_virtual_time
async def test_lockdown_counts_no_guess(tmp_path: Path) -> None:
    """Nobody learns anything there, so nobody has to wait behind it."""
    hall = hall_with_code(tmp_path)
    hall.lock_down()
    assert reasons(await hall.keys("111111#") + await hall.keys("111112#")) == ["locked_down", "locked_down"]


@in_virtual_time
async def test_free_way_out_waits_for_nothing(tmp_path: Path) -> None:
    hall = hall_with_code(tmp_path, free_exit=True)
    rows = [row for _ in range(3) for row in await hall.keys("111111#", "outer.out")]
    assert reasons(rows) == ["free_exit"] * 3


@in_virtual_time
async def test_ten_thousand_codes_are_tried(tmp_path: Path) -> None:
    """By somebody with a code of their own, who keys it to end each wait: few are looked at, codes close for an hour
    with an event, the journal stays small, and the card opens at the end as at the beginning."""
    hall, rows = hall_with_code(tmp_path), list[str]()
    began_s = hall.loop.time()
    for number in range(10_000):
        rows += reasons(await hall.keys(f"{CODE}#") + await hall.keys(f"{number:04}#"))
        await asyncio.sleep(DAY_MS / 1000 / 10_000)
    assert hall.loop.time() - began_s > DAY_MS / 1000
    assert 40 < rows.count("unknown_credential") <= 75
    assert rows.count("reader.codes_closed") > 10
    assert rows.count("reader.invalid_read") <= 25 * 60
    await hall.keys("*")
    assert reasons(await hall.badge(ANNAS)) == ["allowed"]


@in_virtual_time
async def test_closing_says_for_how_long(tmp_path: Path) -> None:
    hall = hall_with_code(tmp_path)
    rows = await hall.keys("111111#")
    while rows[-1].kind != "reader.codes_closed":
        await asyncio.sleep(CODES.longest_wait_ms / 1000)
        rows = await hall.keys("111111#")
    data = {"reader": "outer.in", "wrong": CODES.most_wrong, "closed_ms": CODES.closed_ms}
    assert (rows[-1].point, rows[-1].data) == (OUTER, data)
    await asyncio.sleep(CODES.closed_ms / 1000)
    assert reasons(await hall.keys(f"{CODE}#")) == ["allowed"]

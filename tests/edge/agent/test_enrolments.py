"""Enrolment by tap at the agent: one new card, held twice, leaves as a sealed envelope and in no other way."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.commands import EnrolArgs
from contract.credentials import canonical, encode
from contract.sealing import EnrolKey, enrol_statement
from edge.agent.enrolments import AGAIN_AFTER_MS, Enrolments
from edge.keeper.protocol import Frame
from tests.edge.agent.test_readers import Hub
from tests.edge.support.cards import ANNAS, BENS, STRANGERS, LoopClock
from tests.edge.support.desks import Desk
from tests.edge.support.recordings import HandRecording
from tests.firmware_sim.support.story import in_virtual_time

KEY = EnrolKey.from_bytes(b"e" * 32)
ARGS = EnrolArgs(KEY.public().hex(), 120_000)
ID = "0f" * 16
OTHER = encode("UID4", number=0x04A1B2C3)
AGAIN_S = AGAIN_AFTER_MS / 1000


class Tapping:
    """A desk whose east door is open for an enrolment."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self.ends: list[tuple[str, bytes]] = []
        assert self.begin() == ""
        self.desk.recorded()

    def begin(self, command: str = ID, args: EnrolArgs = ARGS, point: str = "east") -> str:
        return self.desk.agent.enrol(point, command, args, lambda why, sealed: self.ends.append((why, sealed)))

    async def hold(self, *cards: str) -> None:
        for bits in cards:
            self.desk.badge(bits)
            await asyncio.sleep(AGAIN_S)

    def whys(self) -> list[str]:
        return [why for why, _ in self.ends]


@in_virtual_time
async def test_card_held_twice_leaves_sealed(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    await world.hold(STRANGERS, STRANGERS)
    ((why, sealed),) = world.ends
    assert why == ""
    assert KEY.open(enrol_statement("sunny-court", "gates", ID), sealed).decode() == STRANGERS
    rows = [(kind, data.get("step")) for _, kind, data in world.desk.recording.rows]
    assert rows == [("reader.enrolment", "first_read"), ("reader.enrolment", "read")]
    assert world.desk.agent.runners["east"].shown is not None
    assert world.desk.agent.runners["east"].shown.text == "enrol_read"


@in_virtual_time
async def test_envelope_opens_for_its_command_only(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    await world.hold(STRANGERS, STRANGERS)
    for site, device, command in (("other", "gates", ID), ("sunny-court", "gates", "00" * 16)):
        with pytest.raises(ValueError, match="not for this key"):
            KEY.open(enrol_statement(site, device, command), world.ends[0][1])


@in_virtual_time
async def test_known_cards_work_during_an_enrolment(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    await world.hold(STRANGERS, ANNAS, BENS, STRANGERS)
    assert [kind for kind in world.desk.recorded() if kind.startswith("access.")] == [
        "access.allowed",
        "access.allowed",
    ]
    assert world.whys() == [""]


@in_virtual_time
async def test_other_card_the_second_time_ends_it(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    await world.hold(STRANGERS, OTHER)
    assert world.whys() == ["two_cards"]
    world.desk.recorded()
    await world.hold(OTHER)
    assert world.desk.recorded() == ["access.refused"], "the reader is as before"


@in_virtual_time
async def test_card_that_lies_there_counts_once(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    for _ in range(20):
        world.desk.badge(STRANGERS)
        await asyncio.sleep(AGAIN_S / 2)
    assert world.whys() == []
    await world.hold()
    await asyncio.sleep(AGAIN_S)
    await world.hold(STRANGERS)
    assert world.whys() == [""]


@in_virtual_time
async def test_enrolment_ends_with_its_window(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    await world.hold(STRANGERS)
    await asyncio.sleep(119)
    assert world.whys() == ["no_card"]
    await world.hold(STRANGERS)
    assert world.whys() == ["no_card"]


@in_virtual_time
async def test_second_enrolment_at_a_reader_is_refused(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    assert world.begin("aa" * 16) == "enrolling"
    await world.hold(STRANGERS, STRANGERS)
    assert world.begin("cc" * 16) == ""


@in_virtual_time
async def test_cancelled_enrolment_takes_no_card(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    enrolments = world.desk.agent.readers.enrolments
    assert enrolments.cancel("aa" * 16) == "no_enrolment"
    assert enrolments.cancel(ID) == ""
    assert enrolments.cancel(ID) == "no_enrolment"
    await world.hold(STRANGERS, STRANGERS)
    assert world.whys() == ["cancelled"]


@in_virtual_time
async def test_enrolment_without_keeper_or_reader_is_refused(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    assert world.begin("aa" * 16, EnrolArgs(ARGS.key, 1_000, "out")) == "no_reader"
    assert world.begin("aa" * 16, point="gym") == "no_reader"
    world.desk.agent.keeper_lost()
    assert world.begin("aa" * 16) == "keeper_lost"


@in_virtual_time
async def test_shared_reader_takes_a_card_without_number(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    ends: list[str] = []
    assert hub.agent.enrol("phone-1", ID, ARGS, lambda why, _sealed: ends.append(why)) == ""
    assert hub.pad("", STRANGERS)[0][1] == "reader.enrolment"
    await asyncio.sleep(AGAIN_S)
    hub.pad("1", STRANGERS)
    assert ends == [""]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["read", "other", "begin", "cancel", "wait"]), st.integers(0, 3_000)), max_size=30
    )
)
def test_enrolment_ends_once_and_never_tells_bits(steps: list[tuple[str, int]]) -> None:
    """Whatever is held, ordered and awaited, in any order: each that was begun ends once at most, and no row of the
    journal holds anything of a card."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        recording = HandRecording()
        enrolments = Enrolments("sunny-court", "gates", loop, LoopClock(loop), recording)
        ends: dict[str, int] = {}
        begun: list[str] = []
        for number, (step, wait_ms) in enumerate(steps):
            command = f"{number:032x}"
            match step:
                case "begin" if enrolments.begin("east.in", "east", command, ARGS, _counted(ends, command)) == "":
                    begun.append(command)
                case "cancel" if begun:
                    enrolments.cancel(begun[-1])
                case "read" | "other" if enrolments.is_open("east.in"):
                    enrolments.read("east.in", STRANGERS if step == "read" else OTHER)
            await asyncio.sleep(wait_ms / 1000)
        await asyncio.sleep(ARGS.window_ms / 1000)
        assert ends == dict.fromkeys(begun, 1)
        text = repr(recording.rows)
        assert all(bits not in text and (canonical(bits) or b"").hex() not in text for bits in (STRANGERS, OTHER))

    in_virtual_time(story)()


def _counted(ends: dict[str, int], command: str) -> Any:
    def ended(_why: str, _sealed: bytes) -> None:
        ends[command] = ends.get(command, 0) + 1

    return ended


@in_virtual_time
async def test_frame_that_is_no_card_is_not_enrolled(tmp_path: Path) -> None:
    world = Tapping(tmp_path)
    flipped = STRANGERS[:-1] + ("0" if STRANGERS[-1] == "1" else "1")
    world.desk.agent.handle(Frame("east.in", flipped, 0.0))
    assert world.desk.recorded() == ["reader.invalid_read"]
    assert world.whys() == []

"""The kept messages of the wire contract: what each file under `tests/fixtures/messages` means.

A file is never edited. A message that gains a field gets a second file beside the first, which must still be read.
"""

from pathlib import Path

from msgspec import Struct

from contract.decide import Mode, Trust
from contract.events import CHAIN_START, Event, chain, encode_event, gap_event
from contract.messages import (
    Ack,
    Beat,
    Certificate,
    Command,
    Desired,
    EventBatch,
    Lend,
    Live,
    Manifest,
    Renewal,
    Reported,
    Result,
    RosterState,
    State,
    Usage,
    Want,
)
from contract.roster import (
    PAGE_VERSIONS,
)
from contract.sealing import EnrolKey, page_hash
from contract.zone_news import Named, RoomTaken, SeenRow, ZoneNews, pack_names
from tests.contract.golden_pages import (
    CALENDAR_PAGE,
    COUNTING_PAGE,
    DEMANDING_PAGE,
    INDEX_PAGE,
    LENT_PAGE,
    PAGE,
    RATIONED_PAGE,
    SITE_PAGE,
    SLOW_PAGE,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "messages"

SITE, DEVICE, JOURNAL, BOOT = "willow-court", "gym-1", "0123456789abcdef", "b7"

EVENT = Event(
    seq=7,
    at_ms=1_777_888_800_123,
    mono_ms=86_400_456,
    boot=BOOT,
    clock=Trust.SYNCED,
    point="turnstile",
    kind="access.decided",
    data={"reason": "allowed", "digest": bytes(range(16)), "held": None, "late": False, "ms": 1.5},
)
_OF_PASS = {"reason": "allowed", "digest": "0f" * 16, "credential": "phone", "shown_s": 1_777_888_796}
PASS_SHOWN = Event(9, 1_777_888_802_000, 86_402_000, BOOT, Trust.SYNCED, "turnstile", "access.allowed", _OF_PASS)
PASSED = Event(8, 1_777_888_801_000, 86_401_333, BOOT, Trust.SYNCED, "turnstile", "turnstile.passed", {})

STORED = [encode_event(EVENT), encode_event(PASSED)]
TIP = chain(chain(CHAIN_START, STORED[0]), STORED[1])
LOST = encode_event(gap_event(EVENT, 3, chain(CHAIN_START, STORED[0]), "full"))
"""Rows 3 to 7 went when the journal was full; row 8 is there."""

ENROL_KEY = EnrolKey.from_bytes(bytes(range(32)))
ENROLLED_FRAME = "10001010100111110000100100"
ENROLLED = bytes.fromhex(
    "14a7ee75fcdb338ad01837d8722bd16b27e5ea76382ab4fabdbf77ad71c63b3e1fe0a8e8ce09fc5169fe4334a7cebfc96f2e"
    "9ebab138f400df2e4affa6819a923faecc506cbf6b147b40"
)
"""What a device sealed to that key about that frame. It was made once: a new envelope has other bytes."""


def payload(name: str) -> bytes:
    """The bytes that a file stands for."""
    text = (FOLDER / name).read_bytes()
    return bytes.fromhex(text.decode()) if name.endswith(".hex") else text.removesuffix(b"\n")


MESSAGES: dict[str, Struct] = {
    "events-1.hex": EventBatch(1, JOURNAL, 7, 8, CHAIN_START, TIP, replay=True, events=STORED, seal=bytes(range(64))),
    "events-gap-1.hex": EventBatch(
        1, JOURNAL, 3, 8, CHAIN_START, TIP, replay=True, events=[LOST, STORED[1]], seal=bytes(range(64))
    ),
    "ack-3.json": Ack(journal=JOURNAL, upto=8, now_ms=1_777_888_801_234),
    "ack-rewind-3.json": Ack(journal=JOURNAL, upto=0, now_ms=1_777_888_801_234, rewind=True),
    "ack-fork-3.json": Ack(journal=JOURNAL, upto=6, now_ms=1_777_888_801_234, fork=True),
    "ack-later-3.json": Ack(journal=JOURNAL, upto=0, now_ms=1_777_888_801_234, later_ms=2_500),
    "state-6.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        roster=RosterState(
            version=3,
            issued_ms=1_777_888_000_000,
            count=3,
            refused="expired",
            got=312,
            wanted=1042,
            reads=PAGE_VERSIONS,
        ),
        config_hash="1f2e",
        points={
            "turnstile": {"kind": "turnstile", "phase": "rest", "入口": "西门"},
            "phone-1": {"kind": "socket", "phase": "free"},
        },
    ),
    "will-3.json": State(online=False, connection=42),
    "beat-2.json": Beat(
        at_ms=1_777_888_801_234,
        uptime_ms=86_401_567,
        clock=Trust.SYNCED,
        journal_rows=8,
        waiting=2,
        oldest_ms=1111,
        unlogged=0,
        faults={"reader": "swapped_wires"},
        clock_error_ms=250,
    ),
    "live-1.json": Live(
        at_ms=1_777_888_801_234,
        points={"phone-1": {"class": "phone", "power_w": 11.8, "energy_wh": 4, "minutes_left": 236}},
    ),
    "want-1.json": Want(pages=[page_hash(PAGE)]),
    "roster-2.json": Manifest(
        device=DEVICE,
        number=3,
        issued_ms=1_777_888_000_000,
        expires_ms=1_777_974_400_000,
        site_page=page_hash(payload("site-page-1.hex")),
        pages=[],
        count=4316,
        index_pages=[page_hash(b"an index page of the lower half"), page_hash(INDEX_PAGE)],
    ),
    "config-2.json": Desired(
        device=DEVICE,
        number=4,
        issued_ms=1_777_888_000_000,
        modes={"turnstile": Mode.LOCKDOWN},
        wiring='[device]\nsite = "willow-court"  # 柳园\n',
        wiring_hash="0123456789abcdef",
        until={"turnstile": 1_777_895_200_000},
    ),
    "reported-1.json": Reported(
        number=4,
        status="reverted",
        at_ms=1_777_888_060_000,
        modes={"turnstile": Mode.LOCKDOWN},
        wiring_hash="fedcba9876543210",
        why="the keeper did not come back within 30 s",
    ),
    "command-1.json": Command(
        id="0123456789abcdef0123456789abcdef",
        device=DEVICE,
        op="open_once",
        by="desk",
        reason="a parcel for unit 1203 (快递)",
        connection=42,
        lifetime_ms=10_000,
        issued_ms=1_777_888_801_000,
        point="turnstile",
    ),
    "command-session-1.json": Command(
        id="0123456789abcdef0123456789abcdee",
        device=DEVICE,
        op="session_start",
        by="desk",
        reason="her card is at home",
        connection=42,
        lifetime_ms=30_000,
        issued_ms=1_777_888_801_000,
        point="phone-1",
        args={"digest": "00112233445566778899aabbccddeeff"},
    ),
    "command-enrol-1.json": Command(
        id="0123456789abcdef0123456789abcded",
        device=DEVICE,
        op="enrol",
        by="desk",
        reason="a card for unit 1203",
        connection=42,
        lifetime_ms=10_000,
        issued_ms=1_777_888_801_000,
        point="turnstile",
        args={"key": ENROL_KEY.public().hex(), "window_ms": 120_000, "reader": "in"},
    ),
    "result-enrol-1.json": Result(
        id="0123456789abcdef0123456789abcded",
        outcome="done",
        at_ms=1_777_888_841_234,
        data={"card": ENROLLED.hex()},
    ),
    "result-1.json": Result(
        id="0123456789abcdef0123456789abcdef",
        outcome="refused",
        at_ms=1_777_888_801_234,
        why="emergency",
        data={"lines": ["10:00:01 the keeper is back"]},
    ),
    "renew-1.json": Renewal("-----BEGIN CERTIFICATE REQUEST-----\n"),
    "certificate-1.json": Certificate("-----BEGIN CERTIFICATE-----\n", 1_785_664_800_000),
    "usage-1.json": Usage(
        holder="72696465726e6f32",
        allotment="rider-phone",
        unit="minutes",
        period=740_009,
        number=3,
        allowance=7_200_000,
        used=5_400_000,
        wants=True,
    ),
    "lend-1.json": Lend(
        holder="72696465726e6f32",
        allotment="yearly-pool@1777852800",
        unit="visits",
        period=1,
        number=4,
        allowance=7,
        used=5,
        keep=6,
    ),
    "zone-1.json": ZoneNews(
        zone="gym",
        number=1_777_888_801_234,
        issued_ms=1_777_888_801_234,
        seen={DEVICE: SeenRow(JOURNAL, 8), "gym-2": SeenRow("fedcba9876543210", 0)},
        inside=38,
        count_doubt=2,
        names_doubt=1,
        counted_ms=1_777_884_000_000,
        emptied_ms=1_777_834_800_000,
        names=pack_names([Named(b"rider-02", 75), Named(b"rider-03", 70_000)]),
        room=4,
        division=17,
        asks=True,
    ),
    "zone-many-1.json": ZoneNews(
        zone="gym",
        number=1_777_888_802_000,
        issued_ms=1_777_888_802_000,
        seen={},
        inside=5_000,
        names=None,
    ),
    "room-2.json": RoomTaken(zone="gym", division=17, wants=True),
    "site-page-7.hex": COUNTING_PAGE,
    "event-1.hex": EVENT,
    "event-2.hex": PASS_SHOWN,
}
"""Files of messages that are Structs; `.json` is the line itself, `.hex` spells msgpack."""

OLDER: dict[str, Struct] = {
    "state-4.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        roster=RosterState(
            version=3,
            issued_ms=1_777_888_000_000,
            count=3,
            refused="expired",
            got=312,
            wanted=1042,
            reads=(1, 2, 3),
        ),
        config_hash="1f2e",
        points={
            "turnstile": {"kind": "turnstile", "phase": "rest", "入口": "西门"},
            "phone-1": {"kind": "socket", "phase": "free"},
        },
    ),
    "state-5.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        roster=RosterState(
            version=3,
            issued_ms=1_777_888_000_000,
            count=3,
            refused="expired",
            got=312,
            wanted=1042,
            reads=(1, 2, 3, 4),
        ),
        config_hash="1f2e",
        points={
            "turnstile": {"kind": "turnstile", "phase": "rest", "入口": "西门"},
            "phone-1": {"kind": "socket", "phase": "free"},
        },
    ),
    "room-1.json": RoomTaken(zone="gym", division=17),
    "site-page-5.hex": LENT_PAGE,
    "site-page-6.hex": DEMANDING_PAGE,
    "state-3.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        roster=RosterState(
            version=3,
            issued_ms=1_777_888_000_000,
            count=3,
            refused="expired",
            got=312,
            wanted=1042,
            reads=(1, 2),
        ),
        config_hash="1f2e",
        points={
            "turnstile": {"kind": "turnstile", "phase": "rest", "入口": "西门"},
            "phone-1": {"kind": "socket", "phase": "free"},
        },
    ),
    "site-page-2.hex": RATIONED_PAGE,
    "site-page-3.hex": CALENDAR_PAGE,
    "site-page-4.hex": SLOW_PAGE,
    "state-1.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        roster=RosterState(version=3, issued_ms=1_777_888_000_000, count=3, refused="expired"),
        config_hash="1f2e",
        points={"turnstile": {"phase": "rest", "busy": False, "入口": "西门"}},
    ),
    "roster-1.json": Manifest(
        device=DEVICE,
        number=3,
        issued_ms=1_777_888_000_000,
        expires_ms=1_777_974_400_000,
        site_page=page_hash(payload("site-page-1.hex")),
        pages=[page_hash(b"a page of the lower half"), page_hash(PAGE)],
        count=103,
    ),
    "state-2.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        roster=RosterState(version=3, issued_ms=1_777_888_000_000, count=3, refused="expired", got=312, wanted=1042),
        config_hash="1f2e",
        points={"turnstile": {"phase": "rest", "busy": False, "入口": "西门"}},
    ),
    "state-kinds-2.json": State(
        online=True,
        connection=42,
        boot=BOOT,
        software="0.1.0",
        config_hash="1f2e",
        points={"turnstile": {"kind": "turnstile", "phase": "rest"}, "phone-1": {"kind": "socket", "phase": "free"}},
    ),
    "will-2.json": State(online=False, connection=42),
    "will-1.json": State(online=False, connection=42),
    "beat-1.json": Beat(
        at_ms=1_777_888_801_234,
        uptime_ms=86_401_567,
        clock=Trust.SYNCED,
        journal_rows=8,
        waiting=2,
        oldest_ms=1111,
        unlogged=0,
        faults={"reader": "swapped_wires"},
    ),
    "config-1.json": Desired(
        device=DEVICE,
        number=4,
        issued_ms=1_777_888_000_000,
        modes={"turnstile": Mode.LOCKDOWN},
        wiring='[device]\nsite = "willow-court"  # 柳园\n',
        wiring_hash="0123456789abcdef",
    ),
    "ack-2.json": Ack(journal=JOURNAL, upto=8, now_ms=1_777_888_801_234),
    "ack-rewind-2.json": Ack(journal=JOURNAL, upto=0, now_ms=1_777_888_801_234, rewind=True),
    "ack-fork-2.json": Ack(journal=JOURNAL, upto=6, now_ms=1_777_888_801_234, fork=True),
    "ack-1.json": Ack(journal=JOURNAL, upto=8, now_ms=1_777_888_801_234),
    "site-page-1.hex": SITE_PAGE,
    "ack-rewind-1.json": Ack(journal=JOURNAL, upto=0, now_ms=1_777_888_801_234, rewind=True),
}
"""Files from before a message gained a field: they are read as ever, and nobody writes them any more."""

OTHER_FILES = {
    "page-1.hex",
    "page-2.hex",
    "page-3.hex",
    "page-4.hex",
    "index-page-1.hex",
    "roster-1.sealed",
    "ack-1.sealed",
    "state-1.sealed",
}

"""The kept pages of rosters: what the files of pages under `tests/fixtures/messages` mean."""

from msgspec import structs

from contract.decide import Standing, Tier
from contract.demands import Assurance
from contract.quantities import Quantity
from contract.roster import Prefix, Row, pack_page
from contract.roster_index import IndexEntry, pack_index_page
from contract.schedules import ALWAYS, Schedule
from contract.sealing import page_hash
from contract.site_page import PageDemand, Rations, SitePage
from contract.zone_rules import PageZone

SITE_PAGE = SitePage(
    zone="Asia/Shanghai",
    schedules={"always": ALWAYS, "night": Schedule(((), (), (), (), ((1320, 1800),), (), ()))},
    profiles=[{"gym": "always"}, {"gate": "always", "gym": "night"}],
)
RATIONED_PAGE = SitePage(
    zone="Asia/Shanghai",
    schedules={"always": ALWAYS},
    profiles=[{"gate": "always"}, {"gate": "always", "phone-1": "always"}, {"phone-1": "always"}],
    allotments={"rider-phone": Rations(minutes=240, wh=150)},
    quotas=[{}, {"phone-1": "rider-phone"}, {}],
    resets=[[], [], ["hub", "gym"]],
)
CALENDAR_PAGE = SitePage(
    zone="Europe/Berlin",
    schedules={
        "always": ALWAYS,
        "gym": Schedule(
            ((), (), (), (), ((1320, 1800),), ((480, 1320),), ()),
            {20_819: ((480, 720),), 20_820: (), 20_824: ((360, 1440),)},
        ),
    },
    profiles=[{"gate": "always"}, {"gate": "always", "gym": "gym"}],
)
"""Of version 3: a half day, a day on which nothing opens, and a night that ends at 24:00."""
SLOW_PAGE = structs.replace(RATIONED_PAGE, slow=[1])
LENT_PAGE = structs.replace(
    RATIONED_PAGE,
    quantities={
        "rider-phone": [Quantity(240, "minutes", floor=60), Quantity(150, "wh", floor=38)],
        "rider-meal": [Quantity(1, "meals", "mealtime", money=True)],
    },
)
PAGE = pack_page(
    Prefix(0x80000000, 1),
    [
        Row(bytes([0x80]) + bytes(15), 0, b"founder1", Tier.FOUNDER),
        Row(bytes([0x80]) + bytes(15), 1, b"founder1", Tier.RESIDENT, Standing.SUSPENDED),
        Row(bytes([0xFF] * 16), 1, b"riderno2", Tier.RIDER, Standing.LOST, 1_777_852_800, 0xFFFFFFFF),
    ],
    version=1,
)
PAGE_OF_WINDOWS = pack_page(
    Prefix(0x80000000, 1),
    [
        Row(bytes([0x80]) + bytes(15), 0, b"founder1", Tier.FOUNDER),
        Row(bytes([0x80]) + bytes(15), 1, b"founder1", Tier.MEMBER, Standing.SUSPENDED, 1_777_852_800, 1_777_939_200),
        Row(bytes([0x80]) + bytes(15), 1, b"founder1", Tier.MEMBER, Standing.ACTIVE, 1_778_025_600, 1_809_561_600),
        Row(bytes([0xFF] * 16), 1, b"riderno2", Tier.RIDER, Standing.LOST, 1_777_852_800, 0xFFFFFFFF),
    ],
)
"""Of version 2: one profile stands twice for one card."""
PAGE_OF_MARKS = pack_page(
    Prefix(0x80000000, 1),
    [
        Row(
            bytes([0x80]) + bytes(15),
            0,
            b"guard001",
            Tier.STAFF,
            override=True,
            pin=b"verifier",
            assurance=Assurance.SIGNED,
        ),
        Row(bytes([0x80]) + bytes(15), 1, b"guard001", Tier.STAFF, may_signal_duress=True, pin=b"verifier"),
        Row(bytes([0xC0]) + bytes(15), 1, b"memberno", Tier.MEMBER, Standing.BARRED, 1_777_852_800, 1_777_939_200),
        Row(bytes([0xD0]) + bytes(15), 1, b"memberno", Tier.MEMBER, Standing.UNQUALIFIED, assurance=Assurance.COPYABLE),
        Row(bytes([0xE0]) + bytes(15), 1, b"memberno", Tier.MEMBER, Standing.SURPLUS, assurance=Assurance.NUMBER),
        Row(bytes([0xFF] * 16), 1, b"riderno2", Tier.RIDER, Standing.LOST, 1_777_852_800, 0xFFFFFFFF),
    ],
)
"""Of version 3: PINs, marks, what a card is worth, and the standings that no version before has."""
PAGE_OF_PHONES = pack_page(
    Prefix(0x80000000, 1),
    [
        Row(bytes([0x80]) + bytes(15), 1, b"memberno", Tier.MEMBER, assurance=Assurance.SIGNED, key=bytes([2] * 33)),
        Row(bytes([0xC0]) + bytes(15), 1, b"familyno", Tier.MEMBER, family=True),
        Row(bytes([0xE0]) + bytes(15), 1, b"guard001", Tier.STAFF, pin=b"verifier"),
    ],
)
"""Of version 4: a phone, a card that a family shares, and a row of which version 3 says all."""
DEMANDING_PAGE = structs.replace(
    CALENDAR_PAGE, demands={"gate": PageDemand(assurance=Assurance.SIGNED), "gym": PageDemand("gym", Assurance.CARD)}
)
COUNTING_PAGE = structs.replace(
    CALENDAR_PAGE,
    zones={"gym": PageZone(comfort=40, limit=50, anti_passback="hard"), "garage": PageZone("vehicles", limit=120)},
    counted={"gym": "gym"},
    pass_keys=[bytes([2] * 33), bytes([3] * 33)],
    revoked=[bytes(range(8))],
)
"""Of version 5: two zones that count, the keys of passes, and a pass that was withdrawn."""
INDEX_PAGE = pack_index_page(
    Prefix(0x80000000, 1),
    [
        IndexEntry(Prefix(0x80000000, 2), 117, page_hash(b"a page of the third quarter")),
        IndexEntry(Prefix(0xC0000000, 3), 0, page_hash(b"an empty page")),
        IndexEntry(Prefix(0xE0000000, 3), 4096, page_hash(b"a full page")),
    ],
)

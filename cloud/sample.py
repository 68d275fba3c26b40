"""Sunny Court (晴苑): a small community to try things on. Its people are the placeholders of textbooks, not persons.

Its setup is the file ``sunny-court.toml``. The same seed makes the same people.
"""

import random
import tomllib
from functools import partial
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection

from cloud.cards.rule import Card
from cloud.cards.store import add_card, set_card_standing
from cloud.devices.registry import Site
from cloud.founding import found_community
from cloud.keys.keys import KeyFolder
from cloud.parties.party import MemberRole, PartyMember
from cloud.parties.store import add_party_member, take_household
from cloud.people.members import Membership
from cloud.people.plans import FOUNDER
from cloud.people.store import add_membership, add_person
from cloud.setup.document import SetupFile
from cloud.store.labels import Label
from contract.decide import DAY_MS, Standing
from contract.roster import HOLDER_BYTES

SITE = Site("sunny-court", "Asia/Shanghai", Label("晴苑", "Sunny Court"))
SEED = 1
FACILITY = 21

SETUP_FILE = Path(__file__).with_name("sunny-court.toml")
_POINTS = tomllib.loads(SETUP_FILE.read_text("utf-8"))["point"]

POINTS = tuple(
    (point["name"], point["zone"], point["label"]["zh"], point["label"]["en"])
    for point in _POINTS
    if "class" not in point
)
"""Name, zone and labels of doors and turnstiles. Each stands on a device of its own that bears its name."""

HUB_SOCKETS = "hub-sockets"
"""The device in the riders' hub that all its sockets and posts are on."""

SOCKETS = tuple(
    (point["name"], point["class"], point["label"]["zh"], point["label"]["en"]) for point in _POINTS if "class" in point
)
"""Name, class and labels of what charges in the hub."""


class Sample(Struct, frozen=True):
    """A person of the sample. ``days`` is the membership's window as days from today, ``uid`` the number of a second
    card, which charging posts can read."""

    unit: str
    name_zh: str
    name_en: str
    card: int
    plan: str = ""
    payer: bool = False
    days: tuple[int, int] | None = None
    standing: Standing = Standing.ACTIVE
    card_standing: Standing = Standing.ACTIVE
    uid: int = 0


PEOPLE = (
    Sample("1-101", "张三", "Zhang San", 10001, "founder", payer=True),
    Sample("1-101", "张大一", "Zhang Dayi", 10002, "founder"),
    Sample("1-101", "张小二", "Zhang Xiao'er", 10003, "founder"),
    Sample("1-101", "张小三", "Zhang Xiaosan", 10004, "founder"),
    Sample("2-502", "李四", "Li Si", 15890, "yearly", payer=True, days=(-100, 265)),
    Sample("2-502", "李小五", "Li Xiaowu", 10006),
    Sample("3-303", "王五", "Wang Wu", 10007, "yearly", payer=True, days=(-380, -15)),
    Sample("5-606", "赵六", "Zhao Liu", 10008, "yearly", payer=True, days=(-30, 335), standing=Standing.SUSPENDED),
    Sample("6-1202", "吴九", "Wu Jiu", 10009, card_standing=Standing.LOST),
    Sample("", "孙七", "Sun Qi", 10010, "rider", uid=0x04A1B2C3),
    Sample("", "周八", "Zhou Ba", 10011, "staff"),
    Sample("", "郑十", "Zheng Shi", 10012, "rider", uid=0x04D4E5F6),
    Sample("", "冯十一", "Feng Shiyi", 10013, "rider"),
)


def seed_sample(
    connection: Connection, keys: KeyFolder, now_ms: int, seed: int = SEED, setup: SetupFile | None = None
) -> None:
    """Fill a new database with Sunny Court. With another ``setup`` than its own it may lie in another time zone."""
    chance = random.Random(seed)
    setup = setup or SetupFile(SETUP_FILE.read_bytes(), SETUP_FILE.name)
    zone = tomllib.loads(setup.content.decode())["site"]["zone"]
    found_community(connection, SITE._replace(zone=zone), now_ms, setup)
    for person in PEOPLE:
        holder = chance.randbytes(HOLDER_BYTES)
        _add(connection, keys, person, holder, now_ms)


def _add(connection: Connection, keys: KeyFolder, person: Sample, holder: bytes, now_ms: int) -> None:
    made = add_person(connection, person.name_zh, person.name_en, holder)
    household = take_household(connection, SITE.name, person.unit, now_ms) if person.unit else None
    if household is not None:
        role = MemberRole.PAYER if person.payer else MemberRole.ADULT
        add_party_member(connection, SITE.name, PartyMember(0, household, made, role))
    if person.plan:
        start, end = person.days or (0, 0)
        window = (now_ms + start * DAY_MS, now_ms + end * DAY_MS) if person.days else (0, 0)
        held_with = household if person.plan == FOUNDER.name else None
        held = Membership(0, made, person.plan, person.payer, *window, person.standing, held_with)
        add_membership(connection, held)
    given = partial(add_card, connection, made, digest_key=keys.digest, numbers=keys.numbers, now_ms=now_ms)
    credential = given(Card("H10301", FACILITY, person.card), "Gate card 门禁卡")
    if person.card_standing is not Standing.ACTIVE:
        set_card_standing(connection, credential, person.card_standing)
    if person.uid:
        given(Card("UID4", None, person.uid), "Charging card 充电卡")

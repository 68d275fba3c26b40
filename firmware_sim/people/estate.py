"""Oak Court (橡树苑), an invented estate of the size of a real one, as the files that found it: a setup, its flats, and
the people with their cards.

The counts are those of published articles about such estates: 1,821 households, 55 founders of the gym with up to three
of their family, 151 yearly members, 465 companies in the commercial part. Everybody's name is a surname and a number.
"""

from collections.abc import Iterator
from typing import NamedTuple

FLATS, FOUNDERS, YEARLY_MEMBERS, COMPANIES = 1_821, 55, 151, 465
FLOORS, FLATS_A_FLOOR = 20, 3
FAMILY = 4
"""The founder and three of their family; every other household has one to three people."""
STAFF_OF_A_COMPANY = 4
FACILITY, FIRST_CARD = 77, 1
MAX_CARD = 1 << 16
"""The numbers of a 26-bit card of one facility; the next facility follows."""

SURNAMES = (
    *(("赵", "Zhao"), ("钱", "Qian"), ("孙", "Sun"), ("李", "Li"), ("周", "Zhou"), ("吴", "Wu"), ("郑", "Zheng")),
    *(("王", "Wang"), ("冯", "Feng"), ("陈", "Chen"), ("褚", "Chu"), ("卫", "Wei"), ("蒋", "Jiang"), ("沈", "Shen")),
)
"""The first of the Hundred Family Surnames (百家姓)."""

SETUP = """\
flats = "flats.csv"

[site]
name = "oak-court"
zone = "Asia/Shanghai"
label = { zh = "橡树苑", en = "Oak Court" }

[[zone]]
name = "estate"
label = { zh = "小区", en = "Estate" }

[[zone]]
name = "gym"
label = { zh = "健身房", en = "Gym" }
kind = "counted"
parent = "estate"
capacity = 40
fire_limit = 60

[[zone]]
name = "offices"
label = { zh = "商务楼", en = "Offices" }

[[zone]]
name = "buildings"
label = { zh = "楼栋", en = "Buildings" }
parent = "estate"

[[hours]]
name = "always"
label = { zh = "全天", en = "Always" }
daily = "00:00-24:00"

[[hours]]
name = "gym-hours"
label = { zh = "健身房开放时间", en = "Gym hours" }
daily = "06:00-22:30"
half = "06:00-12:00"

[[hours]]
name = "office-hours"
label = { zh = "办公时间", en = "Office hours" }
mon = "07:00-20:00"
tue = "07:00-20:00"
wed = "07:00-20:00"
thu = "07:00-20:00"
fri = "07:00-20:00"
sat = "-"
sun = "-"
rest = "-"

[[plan]]
name = "resident"
tier = "resident"
fee_yuan = 0
opens = { estate = "always", home = "always", own-floor = "always" }
label = { zh = "住户", en = "Resident" }

[[plan]]
name = "founder"
tier = "founder"
fee_yuan = 3600
places = 4
opens = { gym = "gym-hours" }
label = { zh = "创始会员", en = "Founder" }

[[plan]]
name = "yearly"
tier = "member"
fee_yuan = 365
opens = { gym = "gym-hours" }
label = { zh = "年度会员", en = "Yearly member" }
term = { days = 365 }
grace_days = 15
reminder_days = [30, 7, 1]

[[plan]]
name = "company"
tier = "member"
fee_yuan = 0
opens = { offices = "office-hours" }
label = { zh = "企业员工", en = "Staff of a company" }

[[point]]
name = "east-gate"
device = "east-gate"
zone = "estate"
kind = "door"
label = { zh = "东门", en = "East gate" }

[[point]]
name = "gym-turnstile"
device = "gym-turnstile"
zone = "gym"
kind = "turnstile"
label = { zh = "健身房闸机", en = "Gym turnstile" }

[[point]]
name = "office-door"
device = "office-door"
zone = "offices"
kind = "door"
label = { zh = "商务楼门", en = "Office door" }
"""

_UNIT_DOOR = """
[[point]]
name = "door-{unit}"
device = "unit-{unit}"
zone = "buildings"
kind = "door"
label = {{ zh = "{unit} 单元门", en = "Door of unit {unit}" }}
unit = "{unit}"
"""
_LIFT_BUTTON = """
[[point]]
name = "lift-{unit}-{floor}"
device = "lift-{unit}"
zone = "buildings"
kind = "door"
label = {{ zh = "{unit} 电梯 {floor} 层", en = "Lift of unit {unit}, floor {floor}" }}
unit = "{unit}"
floor = {floor}
"""


class EstateFlat(NamedTuple):
    """A flat: its name is building, unit and number."""

    name: str
    building: int
    unit: int
    floor: int
    number: str


class EstatePerson(NamedTuple):
    """Somebody with a card. ``flat`` or ``company`` says where they belong; ``plan`` is empty for who only lives
    here."""

    name_zh: str
    name_en: str
    flat: str
    company: str
    plan: str
    is_payer: bool
    facility: int
    card: int


def flats(count: int = FLATS) -> Iterator[EstateFlat]:
    """The flats, unit by unit and floor by floor."""
    for number in range(count):
        at, on_floor = divmod(number, FLATS_A_FLOOR)
        unit, floor = divmod(at, FLOORS)
        building, unit = unit // 2 + 1, unit % 2 + 1
        flat = f"{floor + 1}{on_floor + 1:02}"
        yield EstateFlat(f"{building}-{unit}-{flat}", building, unit, floor + 1, flat)


def setup_toml(count: int = FLATS) -> str:
    """The setup file. It names ``flats.csv``."""
    floors = dict.fromkeys((f"{flat.building}-{flat.unit}", flat.floor) for flat in flats(count))
    units = dict.fromkeys(unit for unit, _ in floors)
    doors = (_UNIT_DOOR.format(unit=unit) for unit in units)
    buttons = (_LIFT_BUTTON.format(unit=unit, floor=floor) for unit, floor in floors)
    return SETUP + "".join((*doors, *buttons))


def flats_csv(count: int = FLATS) -> str:
    lines = [f"{flat.name},{flat.building},{flat.unit},{flat.floor},{flat.number}" for flat in flats(count)]
    return "\n".join(["name,building,unit,floor,flat", *lines, ""])


def people(count: int = FLATS, companies: int = COMPANIES) -> Iterator[EstatePerson]:
    """Everybody, household by household, then company by company."""
    card = FIRST_CARD
    for household, flat in enumerate(flats(count)):
        is_founder = household < FOUNDERS
        plan = "founder" if is_founder else "yearly" if household < FOUNDERS + YEARLY_MEMBERS else ""
        for member in range(FAMILY if is_founder else 1 + household % 3):
            mine = plan if is_founder or member == 0 else ""
            yield _person(card, flat.name, "", mine, bool(mine) and member == 0)
            card += 1
    for company in range(companies):
        for _ in range(STAFF_OF_A_COMPANY):
            yield _person(card, "", f"企业 {company + 1}", "company", False)
            card += 1


def _person(card: int, flat: str, company: str, plan: str, is_payer: bool) -> EstatePerson:
    zh, en = SURNAMES[card % len(SURNAMES)]
    facility, number = divmod(card, MAX_CARD)
    return EstatePerson(f"{zh}{card}", f"{en} {card}", flat, company, plan, is_payer, FACILITY + facility, number)


def people_csv(count: int = FLATS, companies: int = COMPANIES) -> str:
    """Everybody as a table of people: what ``hearthgate-cloud import`` reads."""
    rows = (
        f"{one.name_zh},{one.name_en},{one.flat},{one.company},{one.plan},{'yes' if one.is_payer else ''},"
        f"H10301,{one.facility},{one.card}"
        for one in people(count, companies)
    )
    return "\n".join(["name_zh,name_en,flat,company,plan,payer,format,facility,number", *rows, ""])

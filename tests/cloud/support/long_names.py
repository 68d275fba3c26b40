"""Places, plans, hours and people with the longest names that anybody gives them, a bar, a PIN, a company and a family
card among them: what has to fit on a phone."""

from msgspec import Struct, structs

from cloud.bars.rule import BarGround
from cloud.cards.rule import Card, Recipient
from cloud.hours.rule import Hours
from cloud.hours.service import HoursService
from cloud.parties.party import MemberRole, PartyKind
from cloud.people.plans import YEARLY
from cloud.plans.service import PlanService
from cloud.store.labels import Label
from contract.decide import DAY_MS
from tests.cloud.support.households import PropertyOffice
from tests.cloud.support.town import Town

PLAN = "founders-families-garage-and-riders-hub1"
HOURS = "work-days-of-the-swimming-pool-in-summer"
FLAT = "12-3-2502"
DAILY = ((6 * 60, 8 * 60 + 30), (11 * 60 + 30, 13 * 60), (17 * 60, 22 * 60 + 30))
PLAN_LABEL = Label(
    "全体业主及家属健身房骑手驿站与地下车库年度通行计划含节假日", "Founders with families: gym, riders' hub, garage"
)
HOURS_LABEL = Label("游泳池夏季工作日及调休上班日开放时间表", "Summer work days of the swimming pool, shifted ones too")
NAME = Label("买买提艾力·阿卜杜热合曼·玉素甫江", "Maimaitiaili Abudurehemanjiang Yusufujiangwuli")


class LongNames(Struct, frozen=True):
    """The numbers of what was added."""

    person: int
    household: int
    company: int

    @property
    def pages(self) -> tuple[str, ...]:
        """Every page of the console that names one of them and has an address of its own."""
        person, household = f"/people/{self.person}", f"/parties/{self.household}"
        return (
            *(person, f"{person}/why?point=gym-turnstile", f"{person}/why?point=east-gate&at=2027-01-15T03:12"),
            *(household, f"{household}/moving", "/parties", f"/parties/{self.company}", "/bars", "/renewals"),
            *("/cards", "/cards/unused", "/cards/returns", "/cards/desk", "/people", "/flats", f"/flats/{FLAT}"),
            *(f"/plans/{PLAN}", f"/hours/{HOURS}", "/last-month/none", "/no-such-page"),
        )


def add_long_names(town: Town) -> LongNames:
    services = town.app.state.services
    desk = PropertyOffice(town.store, town.keys)
    services[HoursService].add("admin", Hours(HOURS, HOURS_LABEL, (DAILY,) * 7, rest=(), half=DAILY))
    services[PlanService].make(
        "admin", structs.replace(YEARLY, name=PLAN, label=PLAN_LABEL, opens={**YEARLY.opens, "hub": HOURS})
    )
    person = desk.people.add_person("office", NAME, FLAT)
    household, company = desk.party_of(person), desk.parties.add("office", PartyKind.COMPANY, PLAN_LABEL)
    desk.join(company, person, MemberRole.ADMIN)
    desk.give(PLAN, person, payer=True)
    for number in (1, 2):
        card = Card("H10301", 21, 60_000 + number)
        desk.cards_service.add_card("office", Recipient(person), card, "Front door and garage card 大门车库卡", 5_000)
    desk.pins.set_pin("office", person, "481516")
    bar = desk.bars.enter("office", BarGround.DAMAGE, town.now_ms + 30 * DAY_MS, person=person)
    desk.bars.confirm("admin", bar)
    desk.bars.note_appeal("admin", bar, "It was not me: I was in Wulumuqi on that day, and can show the ticket. " * 3)
    return LongNames(person, household, company)

"""Random changes of a community: numbers to draw on, and some of the changes that they become."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select, update

from cloud.bars.rule import Bar, BarGround
from cloud.bars.store import add_bar
from cloud.bars.tables import bars
from cloud.cards.pin_store import pin_cards, put_pin
from cloud.people.members import Membership
from cloud.people.store import add_membership
from cloud.people.store import change_membership as change_row
from cloud.people.tables import memberships
from cloud.pins.store import set_override
from cloud.sample import SITE
from cloud.store.revision import touch
from cloud.store.schema import parties, people, points
from contract.decide import DAY_MS
from tests.cloud.support.rosters import World

Act = Callable[[Connection, "Changes"], object]


@dataclass
class Changes:
    """Numbers to draw on, and the names that were used."""

    world: World
    numbers: list[int] = field(default_factory=list)
    used: int = 0

    def one_of(self, many: list[int]) -> int:
        return many[self.number(len(many))]

    def number(self, below: int) -> int:
        self.numbers = self.numbers or [0]
        return self.numbers.pop(0) % below

    def name(self) -> str:
        self.used += 1
        return f"new-{self.used}"


def ids(connection: Connection, table: object) -> list[int]:
    return list(connection.execute(select(table.c.id).order_by(table.c.id)).scalars())  # type: ignore[attr-defined]


def take_place(connection: Connection, changes: Changes) -> None:
    """Somebody is given a place of a party's plan, be there one or not; or somebody's ends."""
    at_ms = changes.world.now_ms + (-2, 0, 5)[changes.number(3)] * DAY_MS
    held = list(connection.execute(select(memberships.c.id).where(memberships.c.plan == "founder")).scalars())
    if changes.number(3):
        person, party = changes.one_of(ids(connection, people)), changes.one_of(ids(connection, parties)[:2])
        window = ((0, 0), (at_ms, 0), (0, at_ms + 40 * DAY_MS))[changes.number(3)]
        add_membership(connection, Membership(0, person, "founder", bool(changes.number(2)), *window, party=party))
    elif held:
        change_row(connection, changes.one_of(held), ended_ms=at_ms)


def bar_somebody(connection: Connection, changes: Changes) -> None:
    """Somebody is barred from a moment on, or no longer."""
    person = changes.one_of(ids(connection, people))
    begins = changes.world.now_ms + (changes.number(60) - 20) * DAY_MS
    if changes.number(4):
        ends = begins + 1 + changes.number(90) * DAY_MS
        known = Bar(0, person, None, "", BarGround.THEFT, begins, ends, "lin", begins, "wu", begins)
        add_bar(connection, SITE.name, known)
    else:
        connection.execute(delete(bars).where(bars.c.person_id == person))
    touch(connection, (person,))


def ask_for_more(connection: Connection, changes: Changes) -> None:
    """A card gets a PIN, somebody is marked, or a point asks for one."""
    person, digits = changes.one_of(ids(connection, people)), 4 + changes.number(5)
    for card in pin_cards(connection, SITE.name, person):
        pins = {digest: digest[:8] for digest in card.digests}
        put_pin(connection, SITE.name, card.id, pins if changes.number(3) else {}, digits)
    set_override(connection, person, may_override=bool(changes.number(2)))
    asked = {"pin": ("", "always")[changes.number(2)], "assurance": ("number", "card")[changes.number(2)]}
    connection.execute(update(points).where(points.c.name == "east-gate").values(asked))
    touch(connection)

"""What will befall a town of real processes, and who will badge there: all of it drawn from a seed beforehand.

The same seed, length and number of devices make the same plan, to the byte. What comes of it is up to the machine.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

What = Literal[
    "kill broker",
    "kill cloud",
    "kill cloud at an ack",
    "kill keeper",
    "kill agent",
    "kill keeper at a card",
    "kill agent at a card",
    "cut device",
    "cut cloud",
    "slow device",
    "slow cloud",
    "fire",
]
WEIGHTS: dict[What, int] = {
    "kill broker": 2,
    "kill cloud": 1,
    "kill cloud at an ack": 3,
    "kill keeper": 2,
    "kill agent": 2,
    "kill keeper at a card": 2,
    "kill agent at a card": 3,
    "cut device": 3,
    "cut cloud": 1,
    "slow device": 2,
    "slow cloud": 1,
    "fire": 1,
}
EVERYWHERE: frozenset[What] = frozenset(
    {"kill broker", "kill cloud", "kill cloud at an ack", "cut cloud", "slow cloud"}
)
TROUBLE_EVERY_S = 3.0
"""On average. A cloud needs about two seconds of a core to start again, an agent about one."""
AFTER_CARD_S = (0.02, 0.12)
"""A card takes 25 ms, its frame ends 8 ms later; then it is decided, written down, and the lock opens."""
LASTS_S: dict[What, tuple[float, float]] = {
    "cut device": (1.0, 15.0),
    "cut cloud": (1.0, 8.0),
    "slow device": (5.0, 20.0),
    "slow cloud": (5.0, 20.0),
    "fire": (1.0, 4.0),
}

AuditEntry = Literal["badge and walk", "badge", "leave", "ring"]
STANDING_ACTIONS: dict[AuditEntry, int] = {"badge and walk": 5, "badge": 4, "leave": 2, "ring": 2}
"""Who rings is let in by an operator, from afar."""
VISIT_EVERY_S = 1.5
"""At each device. It makes about two events, and 5 KB in the log of the board's pins."""
VISIT_JITTER_S = 0.5


class Trouble(Struct, frozen=True):
    """At ``at_s`` after the start something befalls ``where``, a device or nothing; it lasts so long, if it lasts.
    What is to happen at a card happens ``after_s`` after one begins to be read."""

    at_s: float
    what: What
    where: str = ""
    lasts_s: float = 0.0
    after_s: float = 0.0

    def __str__(self) -> str:
        words = self.what.replace("device", self.where)
        for program in ("keeper", "agent"):
            words = words.replace(program, f"{program} of {self.where}")
        words += f" at {self.where}" if self.what == "fire" else ""
        return f"{self.at_s:7.1f} s  {words}" + (f" for {self.lasts_s:.1f} s" if self.lasts_s else "")


class PlannedVisit(Struct, frozen=True):
    """Somebody comes to a device at ``at_s``; ``card`` is an index into the town's cards."""

    at_s: float
    device: str
    deed: AuditEntry
    card: int


class Plan(Struct, frozen=True):
    """All of it, each list in the order of time."""

    seed: int
    minutes: float
    devices: Sequence[str]
    troubles: Sequence[Trouble]
    visits: Sequence[PlannedVisit]

    @property
    def fingerprint(self) -> str:
        """16 hex digits that two runs share if they had the same plan."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    @property
    def counts(self) -> Counter[str]:
        """How often each sort of trouble is planned."""
        return Counter(trouble.what for trouble in self.troubles)


def make_plan(seed: int, minutes: float, devices: Sequence[str], cards: int, among: Sequence[What] = ()) -> Plan:
    """Draw a plan. ``cards`` is how many there are to badge with; ``among`` limits what may happen.

    Every sort of trouble comes once before any comes again, so that a short run has seen them all if it can.
    """
    lasts_s = minutes * 60
    troubles = tuple(_troubles(random.Random(f"{seed}/troubles"), lasts_s, devices, among or tuple(WEIGHTS)))
    visits = [visit for name in devices for visit in _visits(random.Random(f"{seed}/{name}"), lasts_s, name, cards)]
    return Plan(seed, minutes, tuple(devices), troubles, tuple(sorted(visits, key=lambda visit: visit.at_s)))


def _troubles(
    chance: random.Random, until_s: float, devices: Sequence[str], among: Sequence[What]
) -> Iterator[Trouble]:
    once = chance.sample(among, len(among))
    at_s = 0.0
    while True:
        at_s += chance.uniform(0.5, 1.5) * TROUBLE_EVERY_S
        if at_s >= until_s:
            return
        what = once.pop() if once else chance.choices(among, [WEIGHTS[one] for one in among])[0]
        where = "" if what in EVERYWHERE else chance.choice(devices)
        lasts_s = round(chance.uniform(*LASTS_S[what]), 1) if what in LASTS_S else 0.0
        after_s = round(chance.uniform(*AFTER_CARD_S), 3) if what.endswith("at a card") else 0.0
        yield Trouble(round(at_s, 3), what, where, lasts_s, after_s)


def _visits(chance: random.Random, until_s: float, device: str, cards: int) -> Iterator[PlannedVisit]:
    at_s = chance.uniform(0.0, VISIT_EVERY_S)
    while at_s < until_s:
        jitter_s = chance.uniform(0.0, VISIT_JITTER_S)
        (deed,) = chance.choices(list(STANDING_ACTIONS), list(STANDING_ACTIONS.values()))
        yield PlannedVisit(round(at_s + jitter_s, 3), device, deed, chance.randrange(cards))
        at_s += VISIT_EVERY_S

"""The golden table on the device: from the bytes of a page of rows and a site page to the decision, row by row."""

from collections.abc import Iterable, Mapping, Sequence, Set
from zoneinfo import ZoneInfo

from contract.decide import Facts, Grant, Request
from contract.demands import Demand
from contract.occupancy import Whereabouts, ZoneCount
from contract.quantities import Accounts, Allotment
from contract.reasons import Reason
from contract.roster import WHOLE, Page, Row, pack_page
from contract.site_page import PageDemand, Site, SitePage, pack_site
from contract.zone_rules import PageZone
from edge.agent.decider import Decider
from edge.archetypes.protocol import Report
from edge.config.tables import Point
from edge.roster.file import RosterDamaged
from tests.contract.decisions import CARDS, CASES, ORDER, asked, asked_of_card
from tests.edge.support.cards import KEY

OFFLINE_MS = 60_000


class InUse:
    """The roster of the case, as it came over the wire."""

    number, site_page = 1, bytes(16)

    def __init__(self, request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> None:
        self.zone: ZoneInfo | None = facts.zone
        self.issued_ms = None if facts.roster_age_ms is None else now_ms - facts.roster_age_ms
        self._is_damaged = facts.roster_damaged and not grants
        hours = {f"{number}-{point}": one for number, grant in enumerate(grants) for point, one in grant.points.items()}
        asks = {} if facts.demand.pin is None else {"pin": facts.demand.pin}
        page = SitePage(
            zone=facts.zone.key,
            schedules=hours | asks,
            profiles=[{point: f"{number}-{point}" for point in grant.points} for number, grant in enumerate(grants)],
            quotas=[{point: held.name for point, held in grant.allotments.items()} for grant in grants],
            quantities={held.name: list(held.quantities) for grant in grants for held in grant.allotments.values()},
            demands={request.point: PageDemand("".join(asks), facts.demand.assurance)},
            zones={} if facts.counted is None else {"hall": facts.counted},
            counted={} if facts.counted is None else {request.point: "hall"},
        )
        self._site = Site.from_blob(pack_site(page))
        self._page = pack_page(WHOLE, [row_of(request.digest, number, grant) for number, grant in enumerate(grants)])
        Page(self._page).check()
        self._grants = grants

    @property
    def pass_keys(self) -> Sequence[bytes]:
        return self._site.pass_keys

    @property
    def revoked(self) -> Set[bytes]:
        return self._site.revoked

    def counted(self, point: str) -> tuple[str, PageZone] | None:
        zone = self._site.counted.get(point)
        return None if zone is None else (zone, self._site.zones[zone])

    @property
    def demands(self) -> Mapping[str, Demand]:
        return self._site.demands

    def find(self, digest: bytes) -> list[Grant]:
        if self._is_damaged:
            raise RosterDamaged("page 1f is not the page that was signed")
        found = self._site.grants(self._page, digest)
        finer = [one for one in self._grants if one.valid_from_ms % 1000 or one.valid_until_ms % 1000]
        return finer or found  # a page says seconds, and some cases ask for milliseconds


def row_of(digest: bytes, profile: int, grant: Grant) -> Row:
    return Row(
        *(digest, profile, grant.holder, grant.tier, grant.standing),
        valid_from_s=grant.valid_from_ms // 1000,
        valid_until_s=grant.valid_until_ms // 1000,
        override=grant.override,
        pin=grant.pin,
        may_signal_duress=grant.may_signal_duress,
        assurance=grant.assurance,
        family=grant.family,
    )


class Clock:
    """The device's clocks at the moment of the case."""

    boot = "b7"
    error_ms = 0

    def __init__(self, facts: Facts, now_ms: int) -> None:
        self.trust, self.floor_ms, self._now_ms = facts.clock, facts.clock_floor_ms, now_ms
        self.last_contact_ms = now_ms - OFFLINE_MS if facts.offline else now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def mono_ms(self) -> int:
        return 0


class Ledger:
    """What the case says was used."""

    def __init__(self, used: Mapping[str, Accounts] | None) -> None:
        self._used = used

    def used(self, _holder: str, _allotments: Iterable[Allotment]) -> Mapping[str, Accounts] | None:
        return self._used

    def seek(self, holder: str, allotment: Allotment, *, refused: bool) -> None:
        """Nothing is sought."""


class Counts:
    """What the case says of who is inside."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def count(self, _zone: str, _limit: int, _holder: bytes) -> ZoneCount | None:
        return self._facts.zone_count

    def whereabouts(self, _zone: str, _holder: bytes) -> Whereabouts | None:
        return self._facts.whereabouts

    def let_in(self, _zone: str, _holder: bytes) -> None:
        """Nobody follows."""

    def seek(self, _zone: str) -> None:
        """There is nobody to ask."""


def on_the_device(request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> Reason:
    kind = "door" if facts.can_be_held else "socket"
    decider = Decider(
        InUse(request, grants, facts, now_ms),
        Clock(facts, now_ms),
        KEY,
        points={request.point: Point(request.point, kind, "hub")},
        ledger=Ledger(facts.used),
        counts=Counts(facts),
    )
    report = Report(
        "rest",
        busy=facts.busy,
        faulted=facts.faulted,
        reserved_for=facts.reserved_for.hex(),
        offline_limit_ms=OFFLINE_MS if facts.offline else None,
    )
    decided = decider.decide(
        request.digest,
        request.point,
        request.direction,
        free_exit=facts.free_exit,
        report=report,
        mode=facts.mode,
        interlocked=facts.interlocked,
        pin=request.pin,
        pass_verdict=request.pass_verdict,
    )
    assert decider.failures == 0
    return decided.decision.reason


def test_the_device_answers_as_the_table_says() -> None:
    wrong = {}
    for case in ORDER + CASES:
        request, grant, facts, now_ms = asked(case.get("set", {}))
        said = on_the_device(request, [] if grant is None else [grant], facts, now_ms)
        if said != case["reason"]:
            wrong[case.get("name", case["reason"])] = said
    assert wrong == {}


def test_the_device_weighs_cards_as_the_table_says() -> None:
    for card in CARDS:
        assert on_the_device(*asked_of_card(card)) == card["reason"], card["name"]

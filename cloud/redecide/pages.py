"""The page of decisions that the cloud has decided again."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from msgspec import Struct

from cloud.devices.event_views import last_arrival
from cloud.devices.registry import site_of
from cloud.redecide.rule import Redecided
from cloud.redecide.store import counts_of, list_differences, marked
from cloud.redecide.words import VERDICTS, WHY_NOT
from cloud.web.context import N_, ReadingConfig
from cloud.web.domain import Nav, NavGroup
from cloud.web.params import Cursor
from cloud.web.roles import Right

ROWS = 50
REPLAYED = (Redecided.SAME, Redecided.DIFFERENT)
IN_HINDSIGHT = (Redecided.WOULD_REFUSE, Redecided.WOULD_ALLOW, Redecided.HINDSIGHT_SAME)

router = APIRouter()
NAV = (Nav(NavGroup.DEVICES, "/redecide", N_("Decided again"), after="/quarantine", right=Right.CONFIG),)


class CountLine(Struct, frozen=True):
    """A count, and the text of what it counts."""

    text: str
    count: int


@router.get("/redecide")
def redecided(context: ReadingConfig, before: Cursor = None) -> HTMLResponse:
    with context.store.reading() as connection:
        site = site_of(connection).name
        counts, differences = counts_of(connection, site), list_differences(connection, site, before, ROWS)
        behind = last_arrival(connection) - marked(connection, site)
    reasons = ((why, count) for (of, why), count in counts.items() if of is Redecided.NOT_JUDGED)
    not_judged = [CountLine(WHY_NOT[why], count) for why, count in reasons if why is not None]
    return context.render(
        "redecide.html",
        replayed=[CountLine(VERDICTS[one], counts[one, None]) for one in REPLAYED],
        in_hindsight=[CountLine(VERDICTS[one], counts[one, None]) for one in IN_HINDSIGHT],
        not_judged=sorted(not_judged, key=lambda line: -line.count),
        differences=differences,
        behind=max(0, behind),
        cursor=differences[-1].difference.arrival if len(differences) == ROWS else None,
    )

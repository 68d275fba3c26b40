"""The pages that list: events, rosters, quarantine, audit."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.devices.quarantine import list_quarantined, list_tallies
from cloud.devices.registry import site_of
from cloud.devices.views import list_devices
from cloud.overview.asked import asked_holder
from cloud.overview.metrics import Metrics
from cloud.overview.whom import whom_of
from cloud.people.rosters import spread
from cloud.retention.store import AUDIT, anchor_of, oldest_event_ms, terms_of
from cloud.web.context import N_, Reading, ReadingZone, RequestContext, page_for
from cloud.web.domain import Nav, NavGroup
from cloud.web.operators import first_broken_entry, list_audit
from cloud.web.params import Cursor, Text
from cloud.web.roles import Part, Right
from contract.kinds import vocabulary
from contract.reasons import Reason

ROWS = 50

AuditReading = Annotated[RequestContext, Depends(page_for(Right.AUDIT))]

router = APIRouter()
NAV = (
    Nav(NavGroup.DAILY, "/events", N_("Events"), after="/charging", parts=(Part.ZONE,)),
    Nav(NavGroup.DEVICES, "/rosters", N_("Rosters")),
    Nav(NavGroup.DEVICES, "/quarantine", N_("Quarantine")),
    Nav(NavGroup.OFFICE, "/audit", N_("Audit"), right=Right.AUDIT),
)


@router.get("/events")
def events(
    context: ReadingZone,
    device: Text = "",
    point: Text = "",
    kind: Text = "",
    reason: Text = "",
    person: Cursor = None,
    before: Cursor = None,
) -> HTMLResponse:
    """Of everybody, or of one person for a purpose."""
    with context.store.reading() as connection:
        filters = EventFilter(device, point, kind, reason, asked_holder(context, connection, person))
        page = list_events(connection, filters, before, ROWS)
        all_devices = list_devices(connection)
        since_ms, days = oldest_event_ms(connection), terms_of(connection, site_of(connection).name)["events"]
    return context.render(
        "events.html",
        filters=filters,
        person=person,
        page=page,
        devices=all_devices,
        kinds=[*sorted(vocabulary().families), *sorted(vocabulary().events.keys() - vocabulary().silent)],
        reasons=list(Reason),
        since_ms=since_ms,
        days=days,
    )


@router.get("/rosters")
def rosters(context: Reading) -> HTMLResponse:
    """The newest rosters, each with the points that have it and the devices that lack it."""
    with context.store.reading() as connection:
        roster_spread = spread(connection)
    workings = context.service(Metrics).workings()
    stuck, withheld = workings.undeliverable, workings.withheld
    return context.render("rosters.html", spread=roster_spread, stuck=stuck, withheld=withheld)


@router.get("/quarantine")
def quarantine(context: Reading, before: Cursor = None) -> HTMLResponse:
    with context.store.reading() as connection:
        rows = list_quarantined(connection, before, ROWS)
        tallies = list_tallies(connection)
    cursor = rows[-1].id if len(rows) == ROWS else None
    return context.render("quarantine.html", rows=rows, tallies=tallies, cursor=cursor)


@router.get("/audit")
def audit(context: AuditReading, before: Cursor = None, check: Annotated[bool, Query()] = False) -> HTMLResponse:
    """With ``check``, the whole chain is followed from its first row."""
    with context.store.reading() as connection:
        rows = list_audit(connection, before, ROWS)
        upto, link = anchor_of(connection, site_of(connection).name, AUDIT)
        broken = first_broken_entry(connection, upto, link or b"") if check else None
        whom = whom_of(connection, rows)
    cursor = rows[-1].id if len(rows) == ROWS else None
    return context.render("audit.html", rows=rows, whom=whom, cursor=cursor, checked=check, broken=broken)

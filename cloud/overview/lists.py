"""The pages that list: events, rosters, quarantine, audit."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventPage
from cloud.devices.quarantine import list_quarantined, list_tallies
from cloud.devices.registry import site_of
from cloud.devices.views import list_devices
from cloud.operators.tips import AuditTipService
from cloud.overview.asked import asked_holder
from cloud.overview.event_csv import MAX_ROWS, EventExportService, csv_response
from cloud.overview.line_text import LineText, search_events
from cloud.overview.metrics import Metrics
from cloud.overview.whom import names_of_rows
from cloud.people.rosters import spread
from cloud.retention.store import oldest_event_ms, terms_of
from cloud.web.context import N_, ReadingConfig, ReadingZone, RequestContext, page_for, service
from cloud.web.days import read_moment
from cloud.web.domain import Nav, NavGroup
from cloud.web.errors import page
from cloud.web.operators import list_audit
from cloud.web.params import Cursor, Text
from cloud.web.rejected import Rejected
from cloud.web.roles import Part, Right
from contract.kinds import vocabulary
from contract.reasons import Reason

ROWS = 50

NO_FILE = N_("There is no such file")

Exports = Annotated[EventExportService, Depends(service(EventExportService))]
Tips = Annotated[AuditTipService, Depends(service(AuditTipService))]
AuditReading = Annotated[RequestContext, Depends(page_for(Right.AUDIT))]

router = APIRouter()
NAV = (
    Nav(NavGroup.DAILY, "/events", N_("Events"), after="/charging", parts=(Part.ZONE,)),
    Nav(NavGroup.DEVICES, "/rosters", N_("Rosters"), right=Right.CONFIG),
    Nav(NavGroup.DEVICES, "/quarantine", N_("Quarantine"), right=Right.CONFIG),
    Nav(NavGroup.OFFICE, "/audit", N_("Audit"), right=Right.AUDIT),
)


class _Asked(NamedTuple):
    """What the address of the page of events asks for."""

    context: RequestContext
    fields: Mapping[str, str]
    person: int | None

    def filters(self, connection: Connection) -> EventFilter:
        """Raises ``Rejected``, ``PurposeNeeded`` or ``Forbidden``."""
        zone = self.context.pages.zone
        since_ms, until_ms = (read_moment(self.fields[name], zone) for name in ("since", "until"))
        device, point, kind, reason = (self.fields[name] for name in ("device", "point", "kind", "reason"))
        holder = asked_holder(self.context, connection, self.person)
        return EventFilter(device, point, kind, reason, holder, since_ms, until_ms)

    def page(self, connection: Connection, before: int | None, limit: int) -> EventPage:
        text = LineText.of(self.context.language, self.fields["text"])
        return search_events(connection, self.filters(connection), text, before, limit)


def _asked(
    context: ReadingZone,
    device: Text = "",
    point: Text = "",
    kind: Text = "",
    reason: Text = "",
    since: Text = "",
    until: Text = "",
    text: Text = "",
    person: Cursor = None,
) -> _Asked:
    named = {"device": device, "point": point, "kind": kind, "reason": reason}
    return _Asked(context, {**named, "since": since, "until": until, "text": text}, person)


EventsAsked = Annotated[_Asked, Depends(_asked)]


@router.get("/events")
def events(asked: EventsAsked, before: Cursor = None) -> HTMLResponse:
    """Of everybody, or of one person for a purpose."""
    context, said, found = asked.context, None, EventPage([], None)
    with context.store.reading() as connection:
        try:
            found = asked.page(connection, before, ROWS)
        except Rejected as wrong:
            said = context.say("bad", wrong.sentence)
        all_devices = list_devices(connection)
        since_ms, days = oldest_event_ms(connection), terms_of(connection, site_of(connection).name)["events"]
    return context.render(
        "events.html",
        said=said,
        filters=asked.fields,
        person=asked.person,
        page=found,
        devices=all_devices,
        kinds=[*sorted(vocabulary().families), *sorted(vocabulary().events.keys() - vocabulary().silent)],
        reasons=list(Reason),
        since_ms=since_ms,
        days=days,
        most=MAX_ROWS,
    )


@router.get("/events.csv")
def events_csv(asked: EventsAsked, exports: Exports, bom: bool = False) -> Response:
    """The same events as a file."""
    context = asked.context

    def read(before: int | None, limit: int) -> EventPage:
        with context.store.reading() as connection:
            return asked.page(connection, before, limit)

    try:
        answer = csv_response(read, context.language, bom=bom)
    except Rejected as wrong:
        return page(context.request, wrong.status, NO_FILE, wrong.sentence)
    narrowed = {name: value for name, value in asked.fields.items() if value}
    exports.note(context.by, narrowed | ({"person": str(asked.person)} if asked.person else {}))
    return answer


@router.get("/rosters")
def rosters(context: ReadingConfig) -> HTMLResponse:
    """The newest rosters, each with the points that have it and the devices that lack it."""
    with context.store.reading() as connection:
        roster_spread = spread(connection)
    workings = context.service(Metrics).workings()
    stuck, withheld = workings.undeliverable, workings.withheld
    return context.render("rosters.html", spread=roster_spread, stuck=stuck, withheld=withheld)


@router.get("/quarantine")
def quarantine(context: ReadingConfig, before: Cursor = None) -> HTMLResponse:
    with context.store.reading() as connection:
        rows = list_quarantined(connection, before, ROWS)
        tallies = list_tallies(connection)
    cursor = rows[-1].id if len(rows) == ROWS else None
    return context.render("quarantine.html", rows=rows, tallies=tallies, cursor=cursor)


@router.get("/audit")
def audit(
    context: AuditReading, tips: Tips, before: Cursor = None, check: Annotated[bool, Query()] = False
) -> HTMLResponse:
    """With ``check``, the whole chain is followed from its first row, and compared with the tips of every day."""
    with context.store.reading() as connection:
        rows = list_audit(connection, before, ROWS)
        named = names_of_rows(connection, rows)
    cursor = rows[-1].id if len(rows) == ROWS else None
    return context.render(
        "audit.html",
        rows=rows,
        named=named,
        cursor=cursor,
        verdict=tips.verify(tips.all()) if check else None,
        tips=tips.newest(),
    )

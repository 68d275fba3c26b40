"""The page of exports to authorities, with the forms that enter, release and withdraw one; and what a person's page
says of them once their day has come."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.authority.download import sealed_file
from cloud.authority.proof import Officer
from cloud.authority.rule import AuthorityExport, ExportState, named
from cloud.authority.service import AuthorityService
from cloud.authority.store import given_of, list_exports, names_of_people
from cloud.devices.registry import site_of
from cloud.people.store import PersonView
from cloud.points.store import point_labels
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.days import read_moment, start_of_day
from cloud.web.domain import Nav, NavGroup, Panel, Visit
from cloud.web.errors import page
from cloud.web.forms import NOTHING_DONE, REJECTED, Clerk, FormItems, attempt, number_in
from cloud.web.names import clean_text
from cloud.web.params import Cursor, Id
from cloud.web.rejected import Rejected

ROWS = 50
MAX_TEXT = 80
MAX_DIGITS = 19
"""More than that no number of a person has."""
STATES: Mapping[str, str] = {
    ExportState.ENTERED: N_("Waits for a second operator"),
    ExportState.RELEASED: N_("Released"),
    ExportState.WITHDRAWN: N_("Withdrawn"),
}
DONE: Mapping[str, str] = {
    "entered": N_("Entered. Nothing is given before another operator has released it."),
    "released": N_("Released. The sealed file may be taken away."),
    "withdrawn": N_("Withdrawn. Nothing was given."),
}

Exports = Annotated[AuthorityService, Depends(service(AuthorityService))]
Looking = Annotated[RequestContext, Depends(page_for(Right.PEOPLE))]
Auditing = Annotated[RequestContext, Depends(page_for(Right.AUDIT))]
PERSON = ("people", "person")
"""The fields that name people: those who are ticked, and whoever was found last."""
Items = Sequence[tuple[str, str]]
"""What was sent, one name as often as it was ticked."""

router = APIRouter(prefix="/authority")
NAV = (Nav(NavGroup.OFFICE, "/authority", N_("For authorities"), right=Right.PEOPLE),)


@router.get("")
def show_exports(context: Looking, after: Cursor = None, done: str = "") -> HTMLResponse:
    return exports_page(context, context.confirm(DONE, done), after=after or 0)


@router.get("/keys")
def show_keys(context: Auditing, exports: Exports) -> HTMLResponse:
    """What whoever has a sealed file compares the keys in it with. They are no secret."""
    return context.render("authority_keys.html", keys=exports.public_keys())


def exports_page(context: RequestContext, said: Said | None, *, after: int = 0, sent: Items = ()) -> HTMLResponse:
    """``sent`` stands in the form again, with whoever was chosen."""
    chosen = {int(value) for name, value in sent if name in PERSON and value.isdecimal() and len(value) < MAX_DIGITS}
    with context.store.reading() as connection:
        listed = list_exports(connection, site_of(connection).name, after, ROWS)
        points = point_labels(connection)
        people = names_of_people(connection, chosen.union(*(one.people for one in listed)))
    return context.render(
        "authority.html",
        said=said,
        exports=listed,
        older=listed[-1].id if len(listed) == ROWS else None,
        states=STATES,
        points=points,
        people=people,
        typed=dict(sent),
        chosen=sorted(chosen & people.keys()),
        ticked={value for name, value in sent if name == "points"},
    )


@router.post("")
def enter(context: Clerk, exports: Exports, items: FormItems, again: bool = False) -> Response:
    """The form comes ``again`` with whoever was chosen."""
    shown = partial(exports_page, context, sent=items)
    if again:
        return shown(None)

    def act() -> None:
        exports.enter(_read(context, items))

    return attempt(context, act, "/authority?done=entered", REJECTED, shown)


@router.post("/{number}/release")
def release(number: Id, context: Clerk, exports: Exports) -> Response:
    act = partial(exports.release, context.by, number)
    return attempt(context, act, "/authority?done=released", REJECTED, partial(exports_page, context))


@router.post("/{number}/withdraw")
def withdraw(number: Id, context: Clerk, exports: Exports) -> Response:
    act = partial(exports.withdraw, context.by, number)
    return attempt(context, act, "/authority?done=withdrawn", REJECTED, partial(exports_page, context))


@router.post("/{number}/file")
def take(number: Id, context: Clerk, exports: Exports) -> Response:
    """The sealed file. A form leads here, for each taking is written down."""
    try:
        return sealed_file(exports, context.by, number)
    except Rejected as wrong:
        return page(context.request, wrong.status, NOTHING_DONE, wrong.sentence)


def _people(items: Items) -> Iterator[int]:
    """Those who are ticked. Raises ``ValueError`` for what can be no number of a row."""
    return (number_in({name: value}, name) for name, value in items if value and name in PERSON)


def _read(context: RequestContext, items: Items) -> AuthorityExport:
    """Raises ``Rejected``, or ``ValueError`` for a text that cannot be shown."""
    zone, fields = context.pages.zone, dict(items)
    silent = fields.get("embargo", "")
    first, second = (
        Officer(*(clean_text(fields.get(f"officer{number}_{what}", ""), MAX_TEXT) for what in ("name", "number")))
        for number in (1, 2)
    )
    return AuthorityExport(
        id=0,
        document=clean_text(fields.get("document", ""), MAX_TEXT),
        officers=(first, second),
        from_ms=read_moment(fields.get("since", ""), zone),
        until_ms=read_moment(fields.get("until", ""), zone),
        points=named([value for name, value in items if name == "points"]),
        people=tuple(sorted(set(_people(items)))),
        embargo_until_ms=start_of_day(silent, zone) if silent else 0,
        entered_by=context.by,
        entered_ms=context.clock(),
    )


def _given(visit: Visit, person: PersonView) -> Mapping[str, object] | None:
    found = given_of(visit.connection, site_of(visit.connection).name, person.id, visit.now_ms)
    return {"given": found} if found else None


PANELS = (Panel("person", 81, "_given_to_authorities.html", _given, right=Right.AUDIT),)

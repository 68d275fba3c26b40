"""The pages of parties: the list, the page of one with its members and plans, and what ends soon."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.office.party_service import PartyService
from cloud.office.party_store import PartyView, list_due, list_parties, party_of_member, view_party
from cloud.office.rule import HomeGround
from cloud.office.words import GROUNDS, KINDS, OFFERED, roles_of
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.people.community import standings_of
from cloud.people.members import Membership, stated
from cloud.people.memberships import MembershipService
from cloud.people.store import plans_to_give
from cloud.store.labels import Label
from cloud.web.context import N_, RequestContext, Said, form_for, or_404, page_for, service
from cloud.web.days import end_of_day, start_of_day, window_of
from cloud.web.domain import Nav, NavGroup, Panel, Visit
from cloud.web.forms import NOTHING_TYPED, REJECTED, Clerk, Fields, attempt, number_in
from cloud.web.pages import local_path, with_query
from cloud.web.panels import render_panels
from cloud.web.params import Cursor, Id, Text
from cloud.web.query import PanelsOf
from cloud.web.roles import Part, Right

ROWS = 50
DONE: Mapping[str, str] = {
    "added": N_("Added. Now add its members."),
    "renamed": N_("It has its new name."),
    "joined": N_("Added. Online doors apply it within a second, offline ones when they reconnect."),
    "changed": N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
    "ended": N_("Ended. A home ends by day: its moment stands beside the name."),
    "moved": N_("The moving day is carried out."),
    "renewed": N_("Renewed."),
}

Parties = Annotated[PartyService, Depends(service(PartyService))]
Memberships = Annotated[MembershipService, Depends(service(MembershipService))]
PartiesReading = Annotated[RequestContext, Depends(page_for(Right.PARTIES, Part.PARTY))]
MembersForm = Annotated[RequestContext, Depends(form_for(Right.MEMBERS, Part.PARTY))]
Renewing = Annotated[RequestContext, Depends(page_for(Right.DIRECTORY))]

router = APIRouter()
NAV = (
    Nav(NavGroup.PEOPLE, "/parties", N_("Households and companies"), right=Right.PARTIES, parts=(Part.PARTY,)),
    Nav(NavGroup.PEOPLE, "/renewals", N_("Renewals"), right=Right.DIRECTORY),
)


@router.get("/parties")
def show_parties(
    context: PartiesReading, kind: Text = "", text: Text = "", after: Cursor = None, done: str = ""
) -> HTMLResponse:
    return parties_page(context, context.confirm(DONE, done), kind=kind, text=text, after=after or 0)


def parties_page(
    context: RequestContext,
    said: Said | None = None,
    *,
    kind: str = "",
    text: str = "",
    after: int = 0,
    typed: Mapping[str, str] = NOTHING_TYPED,
) -> HTMLResponse:
    with context.store.reading() as connection:
        site = site_of(connection).name
        page = list_parties(connection, site, kind=kind, text=text.strip(), after=after, limit=ROWS)
    return context.render("parties.html", page=page, kind=kind, text=text, said=said, typed=typed, kinds=KINDS)


@router.post("/parties")
def add_party(context: Clerk, party_service: Parties, fields: Fields) -> Response:
    def act() -> int:
        return party_service.add(context.by, PartyKind(fields.get("kind", "")), _label(fields), fields.get("flat", ""))

    again = partial(parties_page, context, typed=fields)
    return attempt(context, act, "/parties/{}?done=added".format, REJECTED, again)


@router.get("/renewals")
def renewals(context: Renewing, done: str = "") -> HTMLResponse:
    """What ends within 30, 7 or 1 day, or has ended: memberships to renew, and leases."""
    now_ms = context.clock()
    with context.store.reading() as connection:
        lines = list_due(connection, site_of(connection).name, now_ms, context.pages.zone)
    counts = {days: sum(line.days == days for line in lines) for days in sorted({line.days for line in lines})}
    return context.render("renewals.html", lines=lines, counts=counts, said=context.confirm(DONE, done))


@router.get("/parties/{party}", dependencies=[Depends(PanelsOf("party"))])
def party(party: Id, context: PartiesReading, done: str = "") -> HTMLResponse:
    return party_page(context, party, context.confirm(DONE, done))


def party_page(context: RequestContext, party: int, said: Said | None) -> HTMLResponse:
    return render_panels(
        context,
        "party",
        lambda visit: view_party(visit.connection, site_of(visit.connection).name, party, visit.now_ms),
        lambda party: {"title": party.name},
        said=said,
        live=False,
    )


def _words(_visit: Visit, party: PartyView) -> Mapping[str, object]:
    return {"kinds": KINDS, "roles": roles_of(party.kind), "offered": OFFERED[party.kind], "grounds": GROUNDS}


def _plans(visit: Visit, party: PartyView) -> Mapping[str, object]:
    """What each membership counts for is said of one person's alone."""
    persons = sorted({one.person for one in party.memberships if one.person is not None})
    return {"plans": plans_to_give(visit.connection), "now": standings_of(visit.connection, persons, visit.now_ms)}


PANELS = (
    Panel("party", 0, "_party_head.html", _words, right=Right.PARTIES),
    Panel("party", 10, "_party_members.html", _words, right=Right.PARTIES),
    Panel("party", 20, "_party_plans.html", _plans),
)


@router.post("/parties/{party}/name")
def rename_party(party: Id, context: Clerk, party_service: Parties, fields: Fields) -> Response:
    act = partial(party_service.rename, context.by, party, _label(fields))
    return attempt(context, act, f"/parties/{party}?done=renamed", REJECTED, partial(party_page, context, party))


@router.post("/parties/{party}/end")
def end_party(party: Id, context: Clerk, party_service: Parties) -> Response:
    act = partial(party_service.end, context.by, party)
    return attempt(context, act, "/parties?done=ended", REJECTED, partial(party_page, context, party))


@router.post("/parties/{party}/members")
def add_member(party: Id, context: MembersForm, party_service: Parties, fields: Fields) -> Response:
    """Somebody who is listed, or who is new. Whoever does not see the directory adds new people only."""
    context.check_party(party)

    def act() -> None:
        role, window = MemberRole(fields.get("role", "")), _window(context, fields)
        if "person" in fields:
            context.check_right(Right.DIRECTORY)
            party_service.add_member(context.by, party, number_in(fields, "person"), role, *window)
        else:
            party_service.add_newcomer(context.by, _label(fields), PartyMember(0, party, 0, role, *window))

    return attempt(context, act, f"/parties/{party}?done=joined", REJECTED, partial(party_page, context, party))


@router.post("/parties/{party}/members/{member}")
def change_member(party: Id, member: Id, context: Clerk, party_service: Parties, fields: Fields) -> Response:
    def act() -> None:
        role = MemberRole(fields.get("role", ""))
        party_service.change_member(context.by, member, role, *_window(context, fields))

    return attempt(context, act, f"/parties/{party}?done=changed", REJECTED, partial(party_page, context, party))


@router.post("/parties/{party}/members/{member}/lease")
def renew_lease(party: Id, member: Id, context: Clerk, party_service: Parties, fields: Fields) -> Response:
    def act() -> None:
        party_service.renew_lease(context.by, member, end_of_day(fields.get("last_day", ""), context.pages.zone))

    return attempt(context, act, "/renewals?done=renewed", REJECTED)


@router.post("/parties/{party}/members/{member}/end")
def end_member(party: Id, member: Id, context: MembersForm, party_service: Parties, fields: Fields) -> Response:
    context.check_party(party)
    with context.store.reading() as connection:
        or_404(party_of_member(connection, site_of(connection).name, member) == party or None)

    def act() -> None:
        ground = HomeGround(fields["ground"]) if "ground" in fields else None
        party_service.end_member(context.by, member, ground)

    return attempt(context, act, f"/parties/{party}?done=ended", REJECTED, partial(party_page, context, party))


@router.post("/parties/{party}/memberships")
def give_plan(party: Id, context: Clerk, memberships: Memberships, fields: Fields) -> Response:
    """To everybody of the party, or to one of them."""

    def act() -> None:
        person = number_in(fields, "person") if "person" in fields else None
        window = _window(context, fields)
        new = Membership(0, person, fields.get("plan", ""), "payer" in fields, *window, party=party)
        memberships.add(context.by, new)

    return attempt(context, act, f"/parties/{party}?done=joined", REJECTED, partial(party_page, context, party))


@router.post("/memberships/{membership}/{step}")
def change_membership(membership: Id, step: str, context: Clerk, memberships: Memberships, fields: Fields) -> Response:
    """Renew it, change its window or its standing, or end it. It stands on the page of a person or of a party."""

    def act() -> None:
        if step == "renewed":
            memberships.renew(context.by, membership)
        elif step == "changed":
            memberships.change_window(context.by, membership, *_window(context, fields))
        elif step == "standing":
            memberships.set_standing(context.by, membership, stated(fields.get("standing", "")))
        elif step == "ended":
            last = start_of_day(fields["first_day"], context.pages.zone) if "first_day" in fields else 0
            memberships.end(context.by, membership, last)
        else:
            raise ValueError(step)

    back = local_path(fields.get("back", "/renewals"))
    return attempt(context, act, with_query(back, {}, done="changed" if step == "standing" else step), REJECTED)


def _label(fields: Mapping[str, str]) -> Label:
    return Label(fields.get("name_zh", ""), fields.get("name_en", ""))


def _window(context: RequestContext, fields: Mapping[str, str]) -> tuple[int, int]:
    """Days of the site's calendar, the last one included. Raises ``Rejected``."""
    return window_of(fields.get("first_day", ""), fields.get("last_day", ""), context.pages.zone)

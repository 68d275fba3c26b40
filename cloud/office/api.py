"""The routes of `/api/v1` about parties, their members and moving days, and about memberships that are renewed, changed
and ended."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from cloud.devices.registry import site_of
from cloud.office.moving import MovingService, StepPreview
from cloud.office.party_service import MAX_NAME, PartyService
from cloud.office.party_store import (
    DueLine,
    PartiesPage,
    PartyView,
    list_due,
    list_parties,
    party_of_member,
    view_party,
)
from cloud.office.rule import HomeGround
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.people.members import Membership
from cloud.people.memberships import MembershipService
from cloud.store.labels import Label
from cloud.store.schema import MAX_INTEGER
from cloud.web.bodies import Added, Shown, Strict, answer_of
from cloud.web.context import RequestContext, call_for, or_404, service
from cloud.web.domain import MovingDay, Newcomer
from cloud.web.i18n import LAST_MS
from cloud.web.params import Clerk, Cursor, Id, Limit, Text
from cloud.web.roles import Part, Right

Parties = Annotated[PartyService, Depends(service(PartyService))]
Memberships = Annotated[MembershipService, Depends(service(MembershipService))]
PartiesReader = Annotated[RequestContext, Depends(call_for(Right.PARTIES, Part.PARTY))]
MembersCall = Annotated[RequestContext, Depends(call_for(Right.MEMBERS, Part.PARTY))]
Renewing = Annotated[RequestContext, Depends(call_for(Right.DIRECTORY))]
Moving = Annotated[MovingService, Depends(service(MovingService))]
Moment = Annotated[int, Field(ge=0, le=LAST_MS)]

router = APIRouter(prefix="/api/v1")


class PartyIn(Strict):
    """A new party. A household has a flat, and its name unless it is given another."""

    kind: PartyKind
    name_zh: Shown = Field("", max_length=MAX_NAME)
    name_en: Shown = Field("", max_length=MAX_NAME)
    flat: Shown = Field("", max_length=MAX_NAME)


class PartyNameIn(Strict):
    name_zh: Shown = Field("", max_length=MAX_NAME)
    name_en: Shown = Field("", max_length=MAX_NAME)


class PartyPlaceIn(Strict):
    """What somebody is in a party, over a half-open window (UTC milliseconds, 0 for no bound)."""

    role: MemberRole
    from_ms: Moment = 0
    until_ms: Moment = 0


class MemberIn(PartyPlaceIn):
    """Somebody who joins: a person who is listed, or a new one under this name."""

    person: int | None = Field(None, ge=1, le=MAX_INTEGER)
    name_zh: Shown = Field("", max_length=MAX_NAME)
    name_en: Shown = Field("", max_length=MAX_NAME)


class LeavingIn(Strict):
    """Whoever has their home there leaves on a ground only."""

    ground: HomeGround | None = None
    at_ms: Moment = 0


class HeldIn(Strict):
    """A plan for a party, or for one of its people."""

    plan: str = Field(min_length=1, max_length=40)
    person: int | None = Field(None, ge=1, le=MAX_INTEGER)
    payer: bool = False
    from_ms: Moment = 0
    until_ms: Moment = 0


class WindowIn(Strict):
    from_ms: Moment = 0
    until_ms: Moment = 0


class EndIn(Strict):
    """0 for now."""

    at_ms: Moment = 0


class NewcomerIn(Strict):
    """Somebody who moves in: a person who is listed, or a new one under this name."""

    role: MemberRole
    person: int | None = Field(None, ge=1, le=MAX_INTEGER)
    name_zh: Shown = Field("", max_length=MAX_NAME)
    name_en: Shown = Field("", max_length=MAX_NAME)
    until_ms: Moment = 0


class MovingIn(Strict):
    """A moving day: who leaves, on which ground, who comes, and when."""

    leavers: list[Annotated[int, Field(ge=1, le=MAX_INTEGER)]] = Field(default=[], max_length=20)
    newcomers: list[NewcomerIn] = Field(default=[], max_length=20)
    ground: HomeGround | None = None
    out_ms: Moment
    in_ms: Moment


@router.get("/parties", response_model=answer_of(PartiesPage))
def show_parties(
    context: PartiesReader, kind: PartyKind | None = None, text: Text = "", after: Cursor = None, limit: Limit = 50
) -> PartiesPage:
    with context.store.reading() as connection:
        site = site_of(connection).name
        return list_parties(connection, site, kind=kind or "", text=text, after=after or 0, limit=limit)


@router.post("/parties", status_code=201)
def add_party(body: PartyIn, context: Clerk, party_service: Parties) -> Added:
    return Added(id=party_service.add(context.by, body.kind, Label(body.name_zh, body.name_en), body.flat))


@router.get("/parties/{party}", response_model=answer_of(PartyView))
def party(party: Id, context: PartiesReader) -> PartyView:
    with context.store.reading() as connection:
        found = view_party(connection, site_of(connection).name, party, context.clock())
    return or_404(found, "there is no such party")


@router.patch("/parties/{party}", status_code=204)
def rename_party(party: Id, body: PartyNameIn, context: Clerk, party_service: Parties) -> None:
    party_service.rename(context.by, party, Label(body.name_zh, body.name_en))


@router.post("/parties/{party}/end", status_code=204)
def end_party(party: Id, context: Clerk, party_service: Parties) -> None:
    """A party in which nobody has their home."""
    party_service.end(context.by, party)


@router.post("/parties/{party}/members", status_code=201)
def add_member(party: Id, body: MemberIn, context: MembersCall, party_service: Parties) -> Added:
    """Whoever does not see the directory adds new people only."""
    context.check_party(party)
    member = PartyMember(0, party, 0, body.role, body.from_ms, body.until_ms)
    if body.person is None:
        return Added(id=party_service.add_newcomer(context.by, Label(body.name_zh, body.name_en), member))
    context.check_right(Right.DIRECTORY)
    return Added(id=party_service.add_member(context.by, party, body.person, body.role, body.from_ms, body.until_ms))


@router.patch("/party-members/{member}", status_code=204)
def change_member(member: Id, body: PartyPlaceIn, context: Clerk, party_service: Parties) -> None:
    party_service.change_member(context.by, member, body.role, body.from_ms, body.until_ms)


@router.post("/party-members/{member}/end")
def end_member(member: Id, body: LeavingIn, context: MembersCall, party_service: Parties) -> dict[str, int]:
    """Says when: a home does not end at night."""
    with context.store.reading() as connection:
        context.check_party(party_of_member(connection, site_of(connection).name, member) or 0)
    return {"ends_ms": party_service.end_member(context.by, member, body.ground, body.at_ms)}


@router.post("/parties/{party}/memberships", status_code=201)
def give_plan(party: Id, body: HeldIn, context: Clerk, memberships: Memberships) -> Added:
    """Without a person, everybody of the party holds it."""
    new = Membership(0, body.person, body.plan, body.payer, body.from_ms, body.until_ms, party=party)
    return Added(id=memberships.add(context.by, new))


@router.post("/parties/{party}/moving/preview", response_model=answer_of(list[StepPreview], only=("name", "lines")))
def preview_moving(party: Id, body: MovingIn, context: Clerk, moving: Moving) -> list[StepPreview]:
    """What each step will do; what would be refused is refused here."""
    return moving.preview(_moving_day(party, body))


@router.post("/parties/{party}/moving", status_code=204)
def move(party: Id, body: MovingIn, context: Clerk, moving: Moving) -> None:
    moving.carry_out(context.by, _moving_day(party, body))


@router.get("/renewals", response_model=answer_of(list[DueLine]))
def renewals(context: Renewing) -> list[DueLine]:
    """What ends soon or has ended and was not renewed: memberships, and leases."""
    with context.store.reading() as connection:
        return list_due(connection, site_of(connection).name, context.clock(), context.pages.zone)


@router.post("/memberships/{membership}/renew", status_code=201)
def renew(membership: Id, context: Clerk, memberships: Memberships) -> Added:
    return Added(id=memberships.renew(context.by, membership))


@router.put("/memberships/{membership}/window", status_code=204)
def change_window(membership: Id, body: WindowIn, context: Clerk, memberships: Memberships) -> None:
    memberships.change_window(context.by, membership, body.from_ms, body.until_ms)


@router.post("/memberships/{membership}/end", status_code=204)
def end_membership(membership: Id, body: EndIn, context: Clerk, memberships: Memberships) -> None:
    """The family's of the same plan end with the payer's."""
    memberships.end(context.by, membership, body.at_ms)


def _moving_day(party: int, body: MovingIn) -> MovingDay:
    newcomers = tuple(
        Newcomer(one.role, one.person, None if one.person else Label(one.name_zh, one.name_en), one.until_ms)
        for one in body.newcomers
    )
    ground = body.ground.value if body.ground else ""
    return MovingDay(party, tuple(dict.fromkeys(body.leavers)), newcomers, ground, body.out_ms, body.in_ms)

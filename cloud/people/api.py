"""The routes of `/api/v1` about rosters, plans, people and what they hold."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from cloud.people.members import Membership, Stated
from cloud.people.memberships import MembershipService
from cloud.people.plans import Plan
from cloud.people.rosters import Spread, spread
from cloud.people.service import MAX_NAME, MAX_UNIT, PeopleService
from cloud.people.store import PeoplePage, PersonView, find_person, list_people, list_plans
from cloud.store.labels import Label
from cloud.web.bodies import Added, Shown, Strict, answer_of
from cloud.web.context import or_404, service
from cloud.web.params import Clerk, ConfigReader, Cursor, DirectoryReader, Id, Limit, Text

MAX_MS = 253_370_764_800_000
"""The beginning of the year 9999."""
People = Annotated[PeopleService, Depends(service(PeopleService))]
Memberships = Annotated[MembershipService, Depends(service(MembershipService))]

router = APIRouter(prefix="/api/v1")


class MembershipIn(Strict):
    """A plan for somebody, over a half-open window (UTC milliseconds, 0 for no bound)."""

    plan: str = Field(min_length=1, max_length=40)
    payer: bool = False
    from_ms: int = Field(0, ge=0, le=MAX_MS)
    until_ms: int = Field(0, ge=0, le=MAX_MS)


class PersonIn(Strict):
    """Somebody new. One name is enough; ``unit`` is building and flat, empty for riders and staff."""

    name_zh: Shown = Field("", max_length=MAX_NAME)
    name_en: Shown = Field("", max_length=MAX_NAME)
    unit: Shown = Field("", max_length=MAX_UNIT)
    membership: MembershipIn | None = None


class StandingIn(Strict):
    standing: Stated


def _membership(person: int, body: MembershipIn) -> Membership:
    return Membership(0, person, **body.model_dump())


@router.get("/rosters", response_model=answer_of(Spread))
def rosters(context: ConfigReader) -> Spread:
    """The newest rosters, and how far each has got."""
    with context.store.reading() as connection:
        return spread(connection)


@router.get("/plans", response_model=answer_of(list[Plan]))
def plans(context: ConfigReader) -> list[Plan]:
    with context.store.reading() as connection:
        return list_plans(connection)


@router.get("/people", response_model=answer_of(PeoplePage))
def people(context: DirectoryReader, text: Text = "", after: Cursor = None, limit: Limit = 50) -> PeoplePage:
    with context.store.reading() as connection:
        return list_people(connection, text, after or 0, limit)


@router.post("/people", status_code=201)
def add_person(body: PersonIn, context: Clerk, people: People) -> Added:
    membership = _membership(0, body.membership) if body.membership else None
    name = Label(body.name_zh, body.name_en)
    return Added(id=people.add_person(context.by, name, body.unit, membership))


@router.get("/people/{person}", response_model=answer_of(PersonView))
def person(person: Id, context: DirectoryReader) -> PersonView:
    with context.store.reading() as connection:
        return or_404(find_person(connection, person), "there is no such person")


@router.post("/people/{person}/memberships", status_code=201)
def add_membership(person: Id, body: MembershipIn, context: Clerk, memberships: Memberships) -> Added:
    return Added(id=memberships.add(context.by, _membership(person, body)))


@router.patch("/memberships/{membership}", status_code=204)
def change_membership(membership: Id, body: StandingIn, context: Clerk, memberships: Memberships) -> None:
    """Suspend it or let it count again; the family's of the same plan go with the payer's."""
    memberships.set_standing(context.by, membership, body.standing)

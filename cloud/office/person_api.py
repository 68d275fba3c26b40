"""The routes of `/api/v1` about a person's record: name, traits, guardians, qualifications, end and merge."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from cloud.devices.registry import site_of
from cloud.office.person_service import MAX_NAME, MAX_QUALIFICATION, PersonService
from cloud.office.person_store import Traits, find_traits
from cloud.office.rule import HomeGround
from cloud.people.traits import Tag, Verified
from cloud.store.labels import Label
from cloud.store.schema import MAX_INTEGER
from cloud.web.bodies import Shown, Strict, answer_of
from cloud.web.context import RequestContext, call_for, or_404, service
from cloud.web.i18n import LAST_MS
from cloud.web.params import Clerk, Id
from cloud.web.roles import Right

TraitsReader = Annotated[RequestContext, Depends(call_for(Right.DIRECTORY))]
Persons = Annotated[PersonService, Depends(service(PersonService))]
Moment = Annotated[int, Field(ge=0, le=LAST_MS)]

router = APIRouter(prefix="/api/v1/people")


class NameIn(Strict):
    name_zh: Shown = Field("", max_length=MAX_NAME)
    name_en: Shown = Field("", max_length=MAX_NAME)


class TraitsIn(Strict):
    """Month of birth as 1957-03, empty for none, and how the office knows who it is."""

    born: str = Field("", max_length=7)
    verified: Verified = Verified.NOT


class TagIn(Strict):
    tag: Tag
    from_ms: Moment = 0
    until_ms: Moment = 0


class QualificationIn(Strict):
    name: Shown = Field(min_length=1, max_length=MAX_QUALIFICATION)
    until_ms: Moment = 0


class GuardianIn(Strict):
    guardian: int = Field(ge=1, le=MAX_INTEGER)


class PersonEndIn(Strict):
    """Whoever has a home loses it on a ground only."""

    ground: HomeGround | None = None


class MergeIn(Strict):
    """The record that goes; the one of the address stays."""

    goes: int = Field(ge=1, le=MAX_INTEGER)


@router.get("/{person}/traits", response_model=answer_of(Traits))
def traits(person: Id, context: TraitsReader) -> Traits:
    with context.store.reading() as connection:
        return or_404(find_traits(connection, site_of(connection).name, person), "there is no such person")


@router.patch("/{person}", status_code=204)
def rename(person: Id, body: NameIn, context: Clerk, persons: Persons) -> None:
    persons.rename(context.by, person, Label(body.name_zh, body.name_en))


@router.put("/{person}/traits", status_code=204)
def set_traits(person: Id, body: TraitsIn, context: Clerk, persons: Persons) -> None:
    persons.set_traits(context.by, person, body.born, body.verified)


@router.post("/{person}/tags", status_code=204)
def tag(person: Id, body: TagIn, context: Clerk, persons: Persons) -> None:
    persons.tag(context.by, person, body.tag, body.from_ms, body.until_ms)


@router.delete("/{person}/tags/{tag}", status_code=204)
def untag(
    person: Id, tag: Tag, context: Clerk, persons: Persons, from_ms: Annotated[int, Query(ge=0, le=LAST_MS)] = 0
) -> None:
    persons.untag(context.by, person, tag, from_ms)


@router.post("/{person}/qualifications", status_code=204)
def qualify(person: Id, body: QualificationIn, context: Clerk, persons: Persons) -> None:
    persons.qualify(context.by, person, body.name, body.until_ms)


@router.delete("/{person}/qualifications/{name}", status_code=204)
def unqualify(person: Id, name: str, context: Clerk, persons: Persons) -> None:
    persons.unqualify(context.by, person, name)


@router.post("/{person}/guardians", status_code=204)
def add_guardian(person: Id, body: GuardianIn, context: Clerk, persons: Persons) -> None:
    persons.add_guardian(context.by, person, body.guardian)


@router.delete("/{person}/guardians/{guardian}", status_code=204)
def remove_guardian(person: Id, guardian: Id, context: Clerk, persons: Persons) -> None:
    persons.remove_guardian(context.by, person, guardian)


@router.post("/{person}/end")
def end(person: Id, body: PersonEndIn, context: Clerk, persons: Persons) -> dict[str, int]:
    """Says when: a home does not end at night."""
    return {"ends_ms": persons.end(context.by, person, body.ground)}


@router.post("/{person}/merge", status_code=204)
def merge(person: Id, body: MergeIn, context: Clerk, persons: Persons) -> None:
    """Cards, memberships, parties and traits of the other move here, and the other ends."""
    persons.merge(context.by, person, body.goes)

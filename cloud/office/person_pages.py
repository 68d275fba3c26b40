"""What the office adds to a person's page: their parties and their record, with the forms that change it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from cloud.devices.registry import site_of
from cloud.office.party_store import parties_of_person
from cloud.office.person_service import PersonService
from cloud.office.person_store import find_traits
from cloud.office.rule import HomeGround
from cloud.office.words import GROUNDS, TAGS, VERIFIED, roles_of
from cloud.parties.party import PartyKind
from cloud.people.pages import person_page
from cloud.people.traits import Tag, Verified, age_tags
from cloud.store.labels import Label
from cloud.web.context import RequestContext, or_404, service
from cloud.web.days import end_of_day, window_of
from cloud.web.domain import Panel, Visit
from cloud.web.forms import REJECTED, Clerk, Fields, attempt, number_in
from cloud.web.pages import Pages
from cloud.web.params import Id

Persons = Annotated[PersonService, Depends(service(PersonService))]

router = APIRouter(prefix="/people/{person}/record")


def _parties(visit: Visit, person: int) -> Mapping[str, object]:
    found = parties_of_person(visit.connection, site_of(visit.connection).name, person)
    return {"parties": found, "roles": {kind: roles_of(kind) for kind in PartyKind}}


def _record(visit: Visit, person: int) -> Mapping[str, object]:
    found = find_traits(visit.connection, site_of(visit.connection).name, person)
    today = datetime.fromtimestamp(visit.now_ms / 1000, visit.service(Pages).zone)
    ages = age_tags(found.born, today.year, today.month) if found else ()
    return {"traits": found, "ages": sorted(ages), "tags": TAGS, "verified": VERIFIED, "grounds": GROUNDS}


PANELS = (
    Panel("person", 25, "_person_parties.html", lambda visit, person: _parties(visit, person.id)),
    Panel("person", 30, "_person_record.html", lambda visit, person: _record(visit, person.id)),
)


@router.post("/{step}")
def change_record(person: Id, step: str, context: Clerk, persons: Persons, fields: Fields) -> Response:
    """Every form of the record, by what it does."""
    change = or_404(_CHANGES.get(step))
    return attempt(
        context,
        lambda: change(persons, context, person, fields),
        f"/people/{person}?done=standing",
        REJECTED,
        lambda said: person_page(context, person, said),
    )


Change = Callable[[PersonService, RequestContext, int, Mapping[str, str]], object]


def _rename(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.rename(context.by, person, Label(fields.get("name_zh", ""), fields.get("name_en", "")))


def _set_traits(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.set_traits(context.by, person, fields.get("born", ""), Verified(fields.get("verified", "")))


def _tag(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    window = window_of(fields.get("first_day", ""), fields.get("last_day", ""), context.pages.zone)
    persons.tag(context.by, person, Tag(fields.get("tag", "")), *window)


def _untag(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.untag(context.by, person, Tag(fields.get("tag", "")), number_in(fields, "from_ms"))


def _qualify(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    until_ms = end_of_day(fields["last_day"], context.pages.zone) if "last_day" in fields else 0
    persons.qualify(context.by, person, fields.get("name", ""), until_ms)


def _unqualify(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.unqualify(context.by, person, fields.get("name", ""))


def _guard(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.add_guardian(context.by, person, number_in(fields, "guardian"))


def _unguard(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.remove_guardian(context.by, person, number_in(fields, "guardian"))


def _end(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.end(context.by, person, HomeGround(fields["ground"]) if "ground" in fields else None)


def _merge(persons: PersonService, context: RequestContext, person: int, fields: Mapping[str, str]) -> None:
    persons.merge(context.by, person, number_in(fields, "goes"))


_CHANGES: Mapping[str, Change] = {
    "name": _rename,
    "traits": _set_traits,
    "tag": _tag,
    "untag": _untag,
    "qualify": _qualify,
    "unqualify": _unqualify,
    "guard": _guard,
    "unguard": _unguard,
    "end": _end,
    "merge": _merge,
}

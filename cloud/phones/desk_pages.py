"""What a person's page shows the office of their telephones, and where a link for one is made."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from cloud.devices.registry import site_of
from cloud.people.membership_store import labels_of
from cloud.people.store import PersonView, find_person
from cloud.phones.service import PhoneService, guardians_of
from cloud.phones.store import list_phones
from cloud.web.context import or_404, service
from cloud.web.domain import Panel, Visit
from cloud.web.errors import page
from cloud.web.forms import NOTHING_DONE, REJECTED, Clerk, Fields, attempt, number_in
from cloud.web.params import Id
from cloud.web.qr import draw_address
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

Phones = Annotated[PhoneService, Depends(service(PhoneService))]

router = APIRouter(prefix="/people/{person}/phones")


@router.post("")
def invite(person: Id, context: Clerk, phones: Phones, fields: Fields) -> Response:
    """The link is shown once, on the page that answers: nobody can look it up again."""
    guardian = number_in(fields, "guardian") if "guardian" in fields else None
    try:
        secret = phones.make_link(context.by, person, replaces="replaces" in fields, guardian=guardian)
    except Rejected as rejected:
        return page(context.request, rejected.status, NOTHING_DONE, rejected.sentence, back=f"/people/{person}")
    with context.store.reading() as connection:
        invited = or_404(find_person(connection, person))
    address = draw_address(context.request, f"/phone/{secret}")
    return context.render("phone_invite.html", person=invited, address=address)


@router.post("/{phone}/end")
def end(person: Id, phone: Id, context: Clerk, phones: Phones) -> Response:
    return attempt(context, lambda: phones.end_phone(context.by, person, phone), f"/people/{person}", REJECTED)


def _phones_of(visit: Visit, person: PersonView) -> Mapping[str, Any]:
    site = site_of(visit.connection).name
    consenting = labels_of(visit.connection, guardians_of(visit.connection, site, person.id))
    return {"phones": list_phones(visit.connection, site, person.id), "guardians": consenting}


PANELS = (Panel("person", 27, "_person_phones.html", _phones_of, right=Right.DIRECTORY),)

"""What is kept of somebody, as lines of one file."""

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO

from sqlalchemy import Connection

from cloud.devices.event_views import EventView
from cloud.exchange.sheet import quoted
from cloud.office.person_store import find_traits
from cloud.people.store import PersonView
from cloud.permits.store import permits_of_inviter
from cloud.phones.erasure import list_requests
from cloud.phones.records import all_events_of, looks_at, sessions_of
from cloud.phones.store import list_phones
from cloud.web import words
from cloud.web.i18n import Language
from cloud.web.sentence import N_

MAX_VISITORS = 500
"""The newest: older ones are deleted a month after the visit."""

Line = tuple[str, str, str, str]
"""What it is, when, where or which, and what is said of it."""


def own_lines(connection: Connection, site: str, person: PersonView, language: Language, now_ms: int) -> list[Line]:
    """All that is kept of somebody, a line each, in the language of the page."""
    standing = _standing_lines(connection, site, person, language)
    asked = _asked_lines(connection, site, person, language)
    return [*standing, *asked, *_moving_lines(connection, site, person, language, now_ms)]


def _standing_lines(connection: Connection, site: str, person: PersonView, language: Language) -> Iterator[Line]:
    say = language.say
    yield say(N_("Name")), "", language.label(person.name), person.unit or ""
    traits = find_traits(connection, site, person.id)
    if traits is not None and traits.born:
        yield say(N_("Month of birth")), "", traits.born, ""
    for tag in traits.tags if traits else ():
        yield say(N_("Tag")), "", tag.tag, ""
    for one in person.memberships:
        until = language.day(one.until_ms) if one.until_ms else ""
        yield say(N_("Plan")), language.day(one.from_ms) if one.from_ms else "", language.label(one.label), until
    for card in person.cards:
        yield say(N_("Card")), language.day(card.added_ms), card.label, card.standing
    for phone in list_phones(connection, site, person.id):
        yield say(N_("Phone")), language.day(phone.registered_ms), phone.name, ""


def _moving_lines(
    connection: Connection, site: str, person: PersonView, language: Language, now_ms: int
) -> Iterator[Line]:
    say = language.say
    for event in all_events_of(connection, person.holder):
        what, why = language.say(words.look_of(event)[1]), _reason_of(event, language)
        at, where = language.moment(event.shown_ms), language.label(event.point_label)
        yield say(N_("Visit")), at, where, f"{what} {why}".strip()
    for session in sessions_of(connection, person.holder):
        at, where = language.moment(session.told_ms), language.label(session.point_label)
        yield say(N_("Charging")), at, where, language.energy(session.energy_wh)
    looks = looks_at(connection, site, person.id, now_ms)
    for look in looks.by_operators:
        yield say(N_("Somebody looked")), language.moment(look.at_ms), look.operator, look.purpose
    for given in looks.by_authorities:
        yield say(N_("Given to an authority")), language.moment(given.released_ms), given.document, ""


def _asked_lines(connection: Connection, site: str, person: PersonView, language: Language) -> Iterator[Line]:
    """What they asked for: visitors, and that something be erased."""
    say = language.say
    for view in permits_of_inviter(connection, site, person.id, MAX_VISITORS):
        permit = view.permit
        until, flat = language.moment(permit.window[1]), f"{say(permit.rule.label)} · {permit.flat}"
        yield say(N_("Visitor")), language.moment(permit.window[0]), permit.name or permit.plate, f"{flat} · {until}"
    for request in list_requests(connection, site, person.id):
        yield say(N_("Asked to erase")), language.moment(request.asked_ms), request.said, request.answer


def _reason_of(event: EventView, language: Language) -> str:
    if not event.reason:
        return ""
    return language.stop(event.reason) if event.kind == "session.ended" else language.reason(event.reason)


HEADS = ("what", "when", "which", "more")


def as_json(lines: Sequence[Line]) -> str:
    return json.dumps([dict(zip(HEADS, line, strict=True)) for line in lines], ensure_ascii=False, indent=1)


def as_csv(lines: Sequence[Line]) -> str:
    """With the mark by which spreadsheets know the letters, and no cell that one would calculate."""
    out = StringIO()
    csv.writer(out).writerows([HEADS, *([quoted(cell) for cell in line] for line in lines)])
    return "\ufeff" + out.getvalue()

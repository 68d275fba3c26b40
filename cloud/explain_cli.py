"""``hearthgate-cloud why`` and ``who``: why the rule answers somebody as it does, and who or what opened a point."""

import re
from typing import Annotated

import typer
from msgspec import json

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, fail, site_zone
from cloud.devices.event_views import EventView
from cloud.explain.answers import WhoAnswer, WhyAnswer, who_of, why_of
from cloud.explain.credential import find_digest
from cloud.explain.moments import BadMoment, Moment, read_moment
from cloud.explain.store import find_event, find_row
from cloud.explain.who import Asker, WhoService
from cloud.explain.why import WhyService
from cloud.keys.folder import clock, open_folder
from cloud.store.database import Store
from cloud.web.i18n import Language, languages
from cloud.web.looks import Purpose, read_purpose
from cloud.web.rejected import Rejected

EVENT = re.compile(r"([^/]{1,80})/([^/]{1,40})/(\d{1,15})")
MAX_DIGITS = 19
AT = "As 2027-01-15T03:12 on the site's clock, with a Z in UTC, or 03:12 for the last time it was so late."
PointOption = Annotated[str, typer.Option("--point", help="The point's name, as its wiring says it.")]
LanguageOption = Annotated[str, typer.Option("--language", help="zh or en.")]


def why(
    credential: Annotated[
        str,
        typer.Option("--credential", help="A card: its number (21:15890), digest, row (#5), or what is printed on it."),
    ] = "",
    point: Annotated[str, typer.Option("--point", help="The point's name, as its wiring says it.")] = "",
    at: Annotated[str, typer.Option("--at", help=f"{AT} Without it: now.")] = "",
    event: Annotated[
        str, typer.Option("--event", help="In their place an event: DEVICE/JOURNAL/SEQ, or its number in the console.")
    ] = "",
    folder: FolderOption = HERE,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Why the rule lets somebody pass or not: at which check it stopped, what would change it, and by which facts."""
    if bool(event) == bool(credential and point) or (event and (credential or point or at)):
        fail("say who and where, with --credential and --point, or else an --event that says both")
    with open_folder(folder) as (store, keys):
        spoken, service = _spoken(store, language), WhyService(store, clock)
        try:
            if event:
                found = service.why_event(_event(store, event))
            else:
                with store.reading() as connection:
                    digest = find_digest(connection, keys, credential)
                found = service.why(digest, point, _moment(store, at).at_ms if at else None)
        except Rejected as wrong:
            fail(str(wrong))
    _say(why_of(found, spoken), as_json)


def who(
    point: PointOption,
    at: Annotated[str, typer.Option("--at", help=AT)],
    purpose: Annotated[Purpose, typer.Option(help="Why you ask: it is recorded in the audit.")] = Purpose.AUDIT,
    case: Annotated[str, typer.Option(help="The number of a case, in the place of a purpose.")] = "",
    folder: FolderOption = HERE,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Who or what opened a point at a moment, and what of that time is not on record. The question is recorded."""
    with open_folder(folder) as (store, _):
        spoken, moment = _spoken(store, language), _moment(store, at)
        try:
            asked = read_purpose(purpose.value, case)
            found = WhoService(store, clock).ask(Asker(BY), point, moment.at_ms, asked, lasts_ms=moment.lasts_ms)
        except Rejected as wrong:
            fail(str(wrong))
    _say(who_of(found, spoken), as_json)


def _say(answer: WhoAnswer | WhyAnswer, as_json: bool) -> None:
    typer.echo(json.encode(answer).decode() if as_json else "\n".join(answer.text))


def _event(store: Store, text: str) -> EventView:
    """An event by its device, journal and row, or by its number in the console."""
    with store.reading() as connection:
        found = find_event(connection, int(text)) if text.isdecimal() and len(text) < MAX_DIGITS else None
        if found is None and (named := EVENT.fullmatch(text)):
            found = find_row(connection, named[1], named[2], int(named[3]))
    return found or fail(f"--event {text}: there is no such event; write DEVICE/JOURNAL/SEQ, or its number")


def _spoken(store: Store, code: str) -> Language:
    spoken = {language[:2]: one for language, one in languages(site_zone(store)).items()}
    return spoken[code] if code in spoken else fail(f"--language {code}: write zh or en")


def _moment(store: Store, text: str) -> Moment:
    try:
        return read_moment(text, site_zone(store), clock())
    except BadMoment:
        fail(f"--at {text}: write it as 2027-01-15T03:12, or as 03:12")

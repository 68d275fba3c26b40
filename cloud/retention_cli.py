"""``hearthgate-cloud retention``: how long records are held, and whether what is left is whole."""

from typing import Annotated

import typer

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, english, fail, moment, show, tell
from cloud.devices.registry import site_of
from cloud.keys.folder import clock, open_folder
from cloud.phones.expiry import EXPIRIES
from cloud.retention.rule import DEFAULT_DAYS
from cloud.retention.service import BadTerm, RetentionService
from cloud.retention.store import AUDIT, anchor_of, broken_journals, oldest_event_ms, terms_of
from cloud.store.database import Store
from cloud.web.operators import first_broken_entry
from contract.decide import DAY_MS
from service.exit_codes import Exit

MEANINGS = {
    "events": "what devices recorded",
    "visits": "who it was, of riders, guests, children and unknown cards",
    "weeks": "counts by the week",
    "quarantine": "what was not accepted",
    "sessions": "charging, with its receipts",
    "audit": "what operators did",
    "breaks": "gaps in journals",
    "certificates": "certificates of devices",
}
"""The kinds of record in words."""

app = typer.Typer(no_args_is_help=True, help="How long records are held.")


@app.command("show")
def show_terms(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """How many days each kind of record is held, and how far back the events go."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        language, terms = english(store), terms_of(connection, site_of(connection).name)
        oldest_ms = oldest_event_ms(connection)
    rows = [
        {"what": what, "days": days, "default": DEFAULT_DAYS[what], "is": MEANINGS[what]}
        for what, days in terms.items()
    ]
    show(rows, ("what", "days", "default", "is"), as_json)
    if not as_json:
        typer.echo(f"events go back to {moment(oldest_ms, language)}" if oldest_ms is not None else "no events yet")


@app.command("set")
def set_days(
    what: Annotated[str, typer.Argument(help=f"One of {', '.join(DEFAULT_DAYS)}.")],
    days: Annotated[int, typer.Argument(help="How long they are held from now on.")],
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Hold a kind of record for so many days. The running cloud deletes what is older."""
    with open_folder(folder) as (store, _):
        try:
            _service(store).set_term(what, days, BY)
        except BadTerm as wrong:
            fail(str(wrong))
    tell(as_json, {"what": what, "days": days}, f"{what}: {days} days")


@app.command("run")
def run(
    folder: FolderOption = HERE,
    clock_is_right: Annotated[
        bool, typer.Option("--clock-is-right", help="Believe this machine's clock, however far it went ahead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete all that is older than its term now, in small steps; a running cloud is not held up."""
    count = 0
    with open_folder(folder) as (store, _):
        service = _service(store)
        if clock_is_right:
            service.trust_clock()
        elif service.behind_ms() > DAY_MS:
            days = service.behind_ms() // DAY_MS
            fail(f"this machine's clock is {days} days ahead of the newest event: see date, then add --clock-is-right")
        while step := service.step():
            count += step
    tell(as_json, {"rows": count}, f"{count} rows deleted or gone over")


@app.command("check")
def check(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Follow the chain of every journal and of the audit, from where what is left of it begins."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        site = site_of(connection).name
        wrong = [f"journal {name} {why}" for name, why in broken_journals(connection, site).items()]
        anchor = anchor_of(connection, site, AUDIT)
        row = first_broken_entry(connection, anchor.upto, anchor.link or b"")
    if row is not None:
        wrong.append(f"the audit is broken at row {row}")
    tell(as_json, {"whole": not wrong, "wrong": wrong}, *(wrong or ["every chain is whole"]))
    if wrong:
        raise SystemExit(Exit.NOT_SO)


def _service(store: Store) -> RetentionService:
    with store.reading() as connection:
        return RetentionService(store, site_of(connection).name, clock, more=EXPIRIES)

"""``hearthgate-cloud replay``: a log of passages, weighed by the rule."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import typer
from msgspec import structs
from sqlalchemy import Connection

from cloud.cli_parts import BY, JsonOption, fail, moment
from cloud.devices.registry import Site
from cloud.founding import found_community
from cloud.keys.folder import clock, open_folder
from cloud.people.community import load_community
from cloud.people.grants import Community, Credential
from cloud.people.members import Member, Membership
from cloud.replay.checks import MAX_REMEMBERED, Check, by_rule, verdict
from cloud.replay.holders import HolderIndex, Unclear, by_name
from cloud.replay.log import BadLine, LogRow, NoLog, read_log
from cloud.replay.passback import Passback
from cloud.replay.rule import Weigher
from cloud.setup.document import SetupFile, read_setup
from cloud.setup.setup_tables import SiteRow
from cloud.setup.store import people_names
from cloud.setup_cli import read_file, setup_service
from cloud.setup_tables import SETUP_TABLES
from cloud.store.database import open_store
from cloud.store.labels import Label
from cloud.web.i18n import ENGLISH, Language, languages
from cloud.web.words import plain
from contract.reasons import TABLE, Reason
from contract.roster import HOLDER_BYTES
from contract.sealing import DIGEST_BYTES, DigestKey

SHOWN = 20
"""Refusals that are printed in full without ``--json``."""
UTC = ZoneInfo("UTC")


class _Weighed(NamedTuple):
    """What the rows of a log are weighed by."""

    zone: ZoneInfo
    checks: Sequence[Check]
    passback: Passback | None = None
    """One of the checks, if it was asked for."""
    holders: HolderIndex | None = None
    points: frozenset[str] | None = None
    """Only the rows at these points are weighed; None for all."""

    def takes(self, row: LogRow) -> bool:
        return self.points is None or row.point in self.points


def replay(
    log: Annotated[Path, typer.Argument(help="CSV: time,holder,point,direction, in any order of columns.")],
    folder: Annotated[Path | None, typer.Option("--dir", "-d", help="Weigh by the community in this folder.")] = None,
    setup: Annotated[Path | None, typer.Option(help="Weigh by this setup, of the community or by itself.")] = None,
    zone: Annotated[
        str, typer.Option(help="Only the rows at points of this zone. Without a community all points are of it.")
    ] = "",
    anti_passback: Annotated[
        bool, typer.Option("--anti-passback", help="Refuse who goes in while inside, or out while outside.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say of every row of a log whether it would have been allowed, and why. Nothing is changed.

    With --dir a holder is a person's name or number, or a card (H10301:21:10001); with --setup alone the name of a
    plan. With neither only --anti-passback is weighed, whoever it was, and every point is a zone of its own. A log with
    a bad line is not weighed: every such line is named, and the exit code is 2.
    """
    with _weighed(folder, setup, zone, anti_passback) as weighed:
        _read_once(log, weighed)
        rows = _rows(log, weighed)
        if as_json:
            _print_lines(rows, weighed.checks)
        else:
            _print_summary(rows, weighed.checks, languages(weighed.zone)[ENGLISH])


def _print_lines(rows: Iterator[LogRow], checks: Sequence[Check]) -> None:
    lines = {reason: f'"allow": {str(TABLE[reason].allows).lower()}, "reason": "{reason}"}}\n' for reason in Reason}
    for row in rows:
        sys.stdout.write(f'{{"line": {row.line}, {lines[verdict(row, checks)]}')


def _print_summary(rows: Iterator[LogRow], checks: Sequence[Check], language: Language) -> None:
    counts, refused = Counter[Reason](), 0
    for row in rows:
        reason = verdict(row, checks)
        counts[reason] += 1
        if TABLE[reason].allows:
            continue
        refused += 1
        if refused <= SHOWN:
            when = "" if row.at_ms is None else f"{moment(row.at_ms, language)} "
            typer.echo(f"line {row.line}: {when}{row.holder} {row.direction} at {row.point}: {language.reason(reason)}")
    if refused > SHOWN:
        typer.echo(f"and {refused - SHOWN} refusals more; all are there with --json")
    for reason, count in counts.most_common():
        said = f"allowed: {plain(reason)}" if TABLE[reason].allows else f"refused: {language.reason(reason)}"
        typer.echo(f"{count:>9} {said}")
    typer.echo(f"{counts.total():>9} rows")
    if not checks:
        typer.echo("nothing was checked: name a community with --dir, a setup with --setup, or --anti-passback")


def _read_once(log: Path, weighed: _Weighed) -> None:
    """Name every line that is no row, or names nobody clearly; what is weighed then is whole. The rows are noted for
    the check that has to know them all."""
    bad = 0
    for row in _read(log, weighed.zone):
        why = row.why if isinstance(row, BadLine) else _unclear(row.holder, weighed.holders)
        if why:
            bad += 1
            typer.echo(f"{log}:{row.line}: {why}", err=True)
        elif weighed.passback and isinstance(row, LogRow) and weighed.takes(row):
            weighed.passback.note(row)
    if bad:
        fail(f"{log}: {bad} bad {'line' if bad == 1 else 'lines'}: nothing was weighed")


def _unclear(holder: str, holders: HolderIndex | None) -> str:
    try:
        if holders is not None:
            holders.find(holder)
    except Unclear as wrong:
        return str(wrong)
    return ""


def _rows(log: Path, weighed: _Weighed) -> Iterator[LogRow]:
    for row in _read(log, weighed.zone):
        if isinstance(row, LogRow) and weighed.takes(row):
            yield row


def _read(log: Path, zone: ZoneInfo) -> Iterator[LogRow | BadLine]:
    with log.open(encoding=_encoding_of(log), newline="") as lines:
        try:
            yield from read_log(lines, zone)
        except NoLog as wrong:
            fail(f"{log}: {wrong}")


def _encoding_of(log: Path) -> str:
    """As spreadsheets write it: UTF-8 or UTF-16, with or without a mark, or GBK."""
    with log.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    try:
        with log.open(encoding="utf-8-sig", newline="") as lines:
            while lines.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


@contextmanager
def _weighed(folder: Path | None, setup: Path | None, zone: str, anti_passback: bool) -> Iterator[_Weighed]:
    if folder is None and setup is None:
        passback = Passback(lambda point: zone or point, str) if anti_passback else None
        yield _Weighed(UTC, [passback] if passback else [], passback)
        return
    file = read_file(setup) if setup else None
    now_ms = clock()
    found = _community(folder, file) if folder is not None else _alone(file, now_ms)
    zones = {point.name: point.zone for point in found.community.points}
    points = frozenset(name for name, of in zones.items() if of == zone)
    if zone and not points:
        known = ", ".join(sorted(set(zones.values()))) or "none"
        fail(f"there is no point in a zone {zone!r}; zones with points: {known}")
    walker = lru_cache(MAX_REMEMBERED)(found.holders.walker)
    passback = Passback(lambda point: zones.get(point, point), walker) if anti_passback else None
    checks: list[Check] = [by_rule(Weigher(found.community, now_ms), found.holders), *([passback] if passback else [])]
    yield _Weighed(ZoneInfo(found.community.zone), checks, passback, found.holders, points if zone else None)


class _Found(NamedTuple):
    community: Community
    holders: HolderIndex


def _community(folder: Path, file: SetupFile | None) -> _Found:
    """The community of a folder, under a setup if one is given: put in place, looked at, and undone."""
    with open_folder(folder) as (store, keys):
        if file is not None:
            tried = setup_service(store).try_out(file, BY)
            return _Found(tried.after, _holders(tried.after, tried.names, keys.digest))
        with store.reading() as connection:
            community, names = load_community(connection), people_names(connection)
            return _Found(community, _holders(community, names, keys.digest))


def _holders(community: Community, names: Mapping[int, Label], key: DigestKey) -> HolderIndex:
    return HolderIndex(community, by_name({person: (name.zh, name.en) for person, name in names.items()}), key)


def _alone(file: SetupFile | None, now_ms: int) -> _Found:
    """A community of a setup, with one person for each plan who is called as the plan."""
    assert file is not None, "there is a folder or a setup"  # noqa: S101
    rows = read_setup(file, SETUP_TABLES).rows.get(SiteRow, {}).values()
    row = next((row for row in rows if isinstance(row, SiteRow)), SiteRow("replay", "UTC"))
    with TemporaryDirectory() as scratch:
        store = open_store(f"sqlite:///{scratch}/cloud.db")
        try:
            with store.writing() as connection:
                found_community(connection, Site(row.name, row.zone, row.label), now_ms, file)
                return _of_plans(connection)
        finally:
            store.close()


def _of_plans(connection: Connection) -> _Found:
    community = load_community(connection)
    plans = list(enumerate(community.plans, 1))
    numbered = {number: number.to_bytes(DIGEST_BYTES, "big") for number, _ in plans}
    community = structs.replace(
        community,
        people=[Member(number, digest[-HOLDER_BYTES:]) for number, digest in numbered.items()],
        memberships=[Membership(number, number, plan.name) for number, plan in plans],
        credentials=[Credential(number, digest) for number, digest in numbered.items()],
    )
    called = {number: (plan.name, plan.label.zh, plan.label.en) for number, plan in plans}
    return _Found(community, HolderIndex(community, by_name(called), None))

"""The table of the setup file about the site itself."""

from collections.abc import Iterator

from msgspec import Struct
from sqlalchemy import Connection, select, update

from cloud.devices.registry import site_of
from cloud.store.labels import Label, Name
from cloud.store.revision import touch
from cloud.store.schema import sites
from cloud.web.operators import record
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import Problem, Proposal, SetupTable, Writing, changed_detail

OTHER_SITE = N_("this community is %(site)s, and the file is of %(name)s")
OTHER_ZONE = N_("the time zone is %(zone)s since the community was founded; leave it so")


class SiteRow(Struct, frozen=True):
    """The site: its name on the wire and its time zone, which it has for good, and what screens call it. With
    ``duress`` its staff may signal with their PIN that they are being forced."""

    name: Name
    zone: str
    label: Label = Label()
    duress: bool = False


def _read(connection: Connection, _site: str) -> list[SiteRow]:
    site = site_of(connection)
    return [SiteRow(site.name, site.zone, site.label, bool(connection.execute(select(sites.c.duress)).scalar_one()))]


def _check(proposal: Proposal) -> Iterator[Problem]:
    (was,) = proposal.old_rows(SiteRow).values()
    for row in proposal.rows(SiteRow).values():
        if row.name != was.name:
            yield Problem("", "name", Sentence(OTHER_SITE, site=was.name, name=row.name))
        if row.zone != was.zone:
            yield Problem("", "zone", Sentence(OTHER_ZONE, zone=was.zone))


def _put(writing: Writing, row: SiteRow, before: SiteRow | None) -> None:
    values = {"label_zh": row.label.zh, "label_en": row.label.en, "duress": row.duress}
    writing.connection.execute(update(sites).where(sites.c.name == writing.site).values(values))
    if before is not None and row.duress is not before.duress:
        touch(writing.connection)
    detail = changed_detail(before, row)
    record(writing.connection, writing.now_ms, writing.by, "site.changed", writing.site, **detail)


def _stays(_writing: Writing, _row: SiteRow) -> None:
    """There is one site as long as there is a community."""


SITE = SetupTable(
    name="site",
    place=0,
    kind=SiteRow,
    read=_read,
    put=_put,
    remove=_stays,
    check=_check,
    actions=("site.",),
    single=True,
)
TABLES = (SITE,)

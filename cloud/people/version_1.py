"""Rosters of version 1, for devices whose software reads no other: made of the same compiled pages.

A page of version 1 has one row for a digest and profile, so each profile stands eight times in its site page, and the
windows of one plan go by turns to the eight.
"""

from collections.abc import Sequence
from typing import TypeVar

from contract.roster import Page, Row, pack_page
from contract.site_page import SitePage

T = TypeVar("T")

REPEATS = 8
"""Windows of one plan and one person that such a device is told of."""


def site_page(page: SitePage) -> SitePage:
    return SitePage(
        zone=page.zone,
        schedules=page.schedules,
        profiles=_repeated(page.profiles),
        allotments=page.allotments,
        quotas=_repeated(page.quotas),
        resets=_repeated(page.resets),
    )


def row_page(blob: bytes) -> tuple[bytes, int]:
    """The page of version 1 for a page of a later one, and how many rows it has."""
    page = Page(blob)
    rows: list[Row] = []
    before, times = None, 0
    for row in filter(None, (one.in_version_2() for one in page.rows())):
        times = times + 1 if (row.digest, row.profile) == before else 0
        before = row.digest, row.profile
        if times < REPEATS:
            at = row.valid_from_s, row.valid_until_s
            rows.append(Row(row.digest, row.profile * REPEATS + times, row.holder, row.tier, row.standing, *at))
    return pack_page(page.prefix, rows, version=1), len(rows)


def _repeated(listed: Sequence[T]) -> list[T]:
    return [one for one in listed for _ in range(REPEATS)]

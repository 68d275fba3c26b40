"""Special days, what hours are on them, and the site pages of a roster by their version."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

rosters = sa.table(
    "rosters", sa.column("number"), sa.column("site_page"), sa.column("old_site_page"), sa.column("site_pages", sa.JSON)
)


def upgrade() -> None:
    op.create_table(
        "special_days",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hours", sa.String(), nullable=False, comment="name of those that it concerns; empty for all"),
        sa.Column("weekday", sa.Integer(), comment="1 to 7, Monday first: which one a shifted day is as"),
        sa.Column("label", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_special_days_site")),
        sa.PrimaryKeyConstraint("site", "day", "kind", "hours", name=op.f("pk_special_days")),
    )
    for name, comment in (
        ("rest", "such a list for days of rest; none where they are as other days"),
        ("half", "the same for half days"),
    ):
        op.add_column("schedules", sa.Column(name, sa.JSON(), comment=comment))
    _site_pages_by_version()


def _site_pages_by_version() -> None:
    comment = "their hashes in hex, by version"
    op.add_column("rosters", sa.Column("site_pages", sa.JSON(), nullable=False, server_default="{}", comment=comment))
    connection = op.get_bind()
    for row in connection.execute(sa.select(rosters)).all():
        held = sa.update(rosters).where(rosters.c.number == row.number).values(site_pages=_by_version(row))
        connection.execute(held)
    for name in ("site_page", "old_site_page"):
        op.drop_column("rosters", name)


def _by_version(row: Any) -> dict[str, str]:
    """A roster of before there was version 2 has none of version 1 beside it."""
    pages = {"1": row.old_site_page, "2": row.site_page}
    return {version: bytes(name).hex() for version, name in pages.items() if name}

"""Rosters as trees of pages, compiled person by person: who changed, what was compiled, and which pages are in use.

The pages of before are of another version: the next roster is made of new ones. Numbers go on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

plans = sa.table("plans", sa.column("name"), sa.column("profile"))
devices = sa.table("devices", sa.column("state"), sa.column("page_version"))


def upgrade() -> None:
    for name, comment in (
        ("terms_revision", "when plans, points, zones or hours changed last"),
        ("everybody_revision", "when the grants of anybody may have changed last"),
    ):
        op.add_column("sites", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0", comment=comment))
    op.add_column(
        "people",
        sa.Column(
            "revision",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="the site's, when this person's grants may have changed last",
        ),
    )
    op.create_index("ix_people_revision", "people", ["revision"])
    op.create_index("ix_people_household_id", "people", ["household_id"])
    _number_profiles()
    _say_what_devices_read()
    _make_tables()


def _number_profiles() -> None:
    op.add_column(
        "plans",
        sa.Column(
            "profile", sa.Integer(), nullable=False, server_default="0", comment="its place in the site page, for good"
        ),
    )
    connection = op.get_bind()
    names = connection.execute(sa.select(plans.c.name).order_by(plans.c.name)).scalars().all()
    for number, name in enumerate(names):
        connection.execute(sa.update(plans).where(plans.c.name == name).values(profile=number))


def _say_what_devices_read() -> None:
    """All software of before reads version 1."""
    op.add_column(
        "devices",
        sa.Column(
            "page_version",
            sa.Integer(),
            comment="newest version of roster pages that it reads; none before its first state",
        ),
    )
    op.get_bind().execute(sa.update(devices).where(devices.c.state.is_not(None)).values(page_version=1))


def _make_tables() -> None:
    op.execute("DELETE FROM roster_pages")
    op.add_column(
        "roster_pages",
        sa.Column("gone", sa.BigInteger(), comment="the first roster without it; none while the newest has it"),
    )
    op.add_column(
        "roster_pages",
        sa.Column(
            "old_hash",
            sa.LargeBinary(length=16),
            comment="of the page of version 1 with the same rows, if one was asked for",
        ),
    )
    op.add_column("roster_pages", sa.Column("old_count", sa.Integer(), comment="rows of that page"))
    op.create_index("ix_roster_pages_gone", "roster_pages", ["gone"])
    op.create_index("ix_roster_pages_old_hash", "roster_pages", ["old_hash"])
    op.add_column(
        "rosters",
        sa.Column(
            "old_site_page",
            sa.LargeBinary(length=16),
            nullable=False,
            server_default=sa.text("X''"),
            comment="of version 1",
        ),
    )
    op.add_column(
        "rosters",
        sa.Column(
            "root",
            sa.LargeBinary(),
            nullable=False,
            server_default=sa.text("X''"),
            comment="names its index pages, and is written as one of them",
        ),
    )
    op.drop_column("rosters", "pages")
    op.create_table(
        "compiled_rows",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column(
            "rows",
            sa.LargeBinary(),
            nullable=False,
            comment="of the newest roster, 36 bytes each, as pages hold them",
        ),
        sa.Column("edge_ms", sa.BigInteger(), comment="when time alone changes them next"),
        sa.Column("left_out", sa.Integer(), nullable=False, comment="windows that are too many for them"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_compiled_rows_site")),
        sa.PrimaryKeyConstraint("site", "person_id", name=op.f("pk_compiled_rows")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_compiled_rows_site_edge_ms", "compiled_rows", ["site", "edge_ms"])
    op.create_index(
        "ix_compiled_rows_site_left_out", "compiled_rows", ["site", "left_out"], sqlite_where=sa.text("left_out > 0")
    )

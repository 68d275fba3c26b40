"""Permits of visitors, what became of them, and their rows in the roster."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "permits",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("holder", sa.LargeBinary(length=8), nullable=False, comment="all that devices know of it"),
        sa.Column("kind", sa.String(), nullable=False, comment="a row of the table of kinds"),
        sa.Column("plan", sa.String(), nullable=False, comment="whose zones it opens; empty: none"),
        sa.Column("name", sa.String(), nullable=False, comment="who or what comes, as the inviter wrote it"),
        sa.Column("flat", sa.String(), nullable=False, comment="it leads to; empty for none"),
        sa.Column("inviter_id", ROW_ID, nullable=True, comment="who answers for it; none: the operator who drew it"),
        sa.Column("drawn_by", sa.String(), nullable=False, comment="the operator, or person and number"),
        sa.Column("drawn_ms", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False, comment="as agreed, without margins"),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open"),
        sa.Column("early_ms", sa.BigInteger(), nullable=False, comment="margin before"),
        sa.Column("late_ms", sa.BigInteger(), nullable=False, comment="margin after"),
        sa.Column("uses", sa.Integer(), nullable=False, comment="at each gate; 0 for no bound"),
        sa.Column(
            "clock_ms", sa.BigInteger(), nullable=False, comment="it lasts so long from its first use; 0: to its end"
        ),
        sa.Column("headcount", sa.Integer(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False, comment="in its one form; empty for none"),
        sa.Column("made", sa.String(), nullable=False, comment="kinds of the credentials that it was drawn up with"),
        sa.Column("goods", sa.String(), nullable=False, comment="of a goods slip: what leaves"),
        sa.Column(
            "agreed_by", sa.String(), nullable=False, comment="the guard who rang the flat; empty where nobody had to"
        ),
        sa.Column("agreed_ms", sa.BigInteger(), nullable=True, comment="when the flat said yes"),
        sa.Column("used_ms", sa.BigInteger(), nullable=True, comment="first passage through a gate"),
        sa.Column(
            "gates_until_ms",
            sa.BigInteger(),
            nullable=True,
            comment="when the first gate shuts at which its uses are used up",
        ),
        sa.Column("in_ms", sa.BigInteger(), nullable=True, comment="last passage in"),
        sa.Column("out_ms", sa.BigInteger(), nullable=True, comment="last passage out"),
        sa.Column("extended_ms", sa.BigInteger(), nullable=True, comment="it was extended then: once"),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False, comment="empty before"),
        sa.Column(
            "overstayed_ms", sa.BigInteger(), nullable=True, comment="that its holder is still inside was noted then"
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="of the site, when its rows changed last"),
        sa.ForeignKeyConstraint(["inviter_id"], ["people.id"], name=op.f("fk_permits_inviter_id")),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_permits_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permits")),
        sa.UniqueConstraint("holder", name=op.f("uq_permits_holder")),
    )
    op.create_index("ix_permits_site_until_ms", "permits", ["site", "until_ms"])
    op.create_index("ix_permits_inviter_id", "permits", ["inviter_id"])
    op.create_index("ix_permits_flat", "permits", ["flat"])
    op.create_index("ix_permits_revision", "permits", ["revision"])
    op.create_table(
        "permit_uses",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("permit_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("point", sa.String(), nullable=False, comment="a gate of the estate"),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name=op.f("fk_permit_uses_permit_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_permit_uses_site")),
        sa.PrimaryKeyConstraint("permit_id", "point", name=op.f("pk_permit_uses")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "permit_notices",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hour_ms", sa.BigInteger(), autoincrement=False, nullable=False, comment="its beginning"),
        sa.Column(
            "overstayed", sa.Integer(), nullable=False, comment="permits of that kind that were noted in that hour"
        ),
        sa.Column("seen", sa.Boolean(), nullable=False, comment="a guard has taken notice"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_permit_notices_site")),
        sa.PrimaryKeyConstraint("site", "kind", "hour_ms", name=op.f("pk_permit_notices")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "compiled_permits",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("permit_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False, comment="of the newest roster, as pages hold them"),
        sa.Column("edge_ms", sa.BigInteger(), nullable=True, comment="when time alone changes them next"),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_compiled_permits_site")),
        sa.PrimaryKeyConstraint("site", "permit_id", name=op.f("pk_compiled_permits")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_compiled_permits_site_edge_ms", "compiled_permits", ["site", "edge_ms"])
    # The table is not made anew: to drop it would take the forms of all cards with it.
    reference = "CONSTRAINT fk_credentials_permit_id REFERENCES permits (id)"
    op.execute(f"ALTER TABLE credentials ADD COLUMN permit_id INTEGER {reference}")
    op.create_index("ix_credentials_permit_id", "credentials", ["permit_id"])

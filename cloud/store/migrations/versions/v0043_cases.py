"""Cases: what somebody has to look after."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False, comment="of the one that may be open of it"),
        sa.Column("kind", sa.String(), nullable=False, comment="a row of the table of kinds"),
        sa.Column("grade", sa.String(), nullable=False, comment="life_safety, security or service"),
        sa.Column("team", sa.String(), nullable=False, comment="who looks after it first"),
        sa.Column("device", sa.String(), nullable=False, comment="that reported it; empty: the cloud itself"),
        sa.Column("point", sa.String(), nullable=False, comment="empty for none"),
        sa.Column("zone", sa.String(), nullable=False, comment="empty for none"),
        sa.Column("cell", sa.String(), nullable=False, comment="that answers for the point; empty for none"),
        sa.Column(
            "part",
            sa.String(),
            nullable=False,
            comment="tells apart what is wrong at one place, such as a fault's word",
        ),
        sa.Column(
            "late", sa.Boolean(), nullable=False, comment="it was no news when the cloud heard of it, and rang no bell"
        ),
        sa.Column("count", sa.Integer(), nullable=False, comment="how often it has happened since it is open"),
        sa.Column("reported_ms", sa.BigInteger(), nullable=False, comment="clock of who reported it"),
        sa.Column("noted_ms", sa.BigInteger(), nullable=False, comment="the cloud's clock"),
        sa.Column("last_ms", sa.BigInteger(), nullable=False, comment="the last time it happened"),
        sa.Column("recovered_ms", sa.BigInteger(), nullable=True, comment="when it was over by itself"),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=False, comment="the operator; empty before"),
        sa.Column("assignee", sa.String(), nullable=False, comment="the operator who has it"),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("solved_ms", sa.BigInteger(), nullable=True, comment="when it was closed"),
        sa.Column("solved_by", sa.String(), nullable=False, comment="the operator; empty where it closed by itself"),
        sa.Column("rings", sa.Integer(), nullable=False, comment="how often somebody was called"),
        sa.Column("rung_ms", sa.BigInteger(), nullable=True, comment="the last time"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_cases_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    is_open = sa.text("solved_ms IS NULL")
    op.create_index("ix_cases_key", "cases", ["key"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_index("ix_cases_site_solved_ms", "cases", ["site", "solved_ms"])

"""What stays of deleted records: the ends of chains and weekly counts; and how long records are held here."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "chain_anchors",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("chain", sa.String(), nullable=False, comment="audit, or the id of a journal"),
        sa.Column("upto", sa.BigInteger(), nullable=False, comment="all rows up to this one were deleted"),
        sa.Column("link", sa.LargeBinary(length=32), nullable=True, comment="of that row; none where it is not known"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_chain_anchors_site")),
        sa.PrimaryKeyConstraint("site", "chain", name=op.f("pk_chain_anchors")),
    )
    op.create_table(
        "event_weeks",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("week_ms", sa.BigInteger(), autoincrement=False, nullable=False, comment="its beginning"),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False, comment="deleted events that were received in that week"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_event_weeks_site")),
        sa.PrimaryKeyConstraint("site", "week_ms", "point", "kind", "reason", name=op.f("pk_event_weeks")),
    )
    op.create_table(
        "retention_terms",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False, comment="events, weeks, quarantine, sessions or audit"),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_retention_terms_site")),
        sa.PrimaryKeyConstraint("site", "what", name=op.f("pk_retention_terms")),
    )

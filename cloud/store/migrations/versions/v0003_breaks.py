"""Where a device's journal is broken."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "breaks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "first", sa.BigInteger(), nullable=False, comment="rows first to last are not stored, or exist twice"
        ),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(), nullable=False, comment="full, let_go or forked"),
        sa.Column("noted_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_breaks_device_id")),
        sa.ForeignKeyConstraint(["journal_id"], ["journals.id"], name=op.f("fk_breaks_journal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaks")),
        sa.UniqueConstraint("journal_id", "why", "first", name=op.f("uq_breaks_journal_id_why_first")),
    )

"""What is ordered from afar: commands, and how devices are to be."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("point", sa.String(), nullable=False, comment="empty for the device itself"),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False, comment="the operator's name"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("connection", sa.BigInteger(), nullable=False, comment="the one of the device that it is for"),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("lifetime_ms", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="sent, undeliverable, or what its device answered"),
        sa.Column("why", sa.String(), nullable=False, comment="one word"),
        sa.Column("data", sa.JSON(), comment="what was asked for"),
        sa.Column("at_ms", sa.BigInteger(), comment="the device's clock when it ended"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_issued_ms"), "commands", ["issued_ms"])
    op.create_table(
        "desired",
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of the newest document; 0 before the first"),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("modes", sa.JSON(), nullable=False, comment="of points that are not scheduled"),
        sa.Column("reported", sa.JSON(), comment="the device's last report on it"),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_desired")),
    )

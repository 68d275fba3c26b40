"""Charging sessions, folded from the events that tell of them, and the readings of this moment."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("device_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column(
            "session", sa.String(length=16), nullable=False, comment="the ticket of the decision that it began with"
        ),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("holder", sa.LargeBinary(length=8)),
        sa.Column("kind", sa.String(), nullable=False, comment="class of the point: phone, ebike, ev"),
        sa.Column("began_by", sa.String(), nullable=False, comment="card, operator or post"),
        sa.Column("began_ms", sa.BigInteger(), comment="the device's clock, like all times of this table"),
        sa.Column("told_ms", sa.BigInteger(), nullable=False, comment="when its device last told of it"),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("power_w", sa.BigInteger(), comment="when it was last told of"),
        sa.Column("lasted_ms", sa.BigInteger(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("reason", sa.String(), nullable=False, comment="why it ended; empty while it runs"),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_sessions_device_id")),
        sa.PrimaryKeyConstraint("device_id", "session", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_told_ms"), "sessions", ["told_ms"])
    op.create_index(op.f("ix_sessions_holder"), "sessions", ["holder"])
    op.add_column("devices", sa.Column("live", sa.JSON(), comment="its last readings, by point"))
    op.add_column("devices", sa.Column("live_ms", sa.BigInteger()))

"""What is desired of a device's wiring, and roll-outs that bring it to one device after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "desired",
        sa.Column(
            "wiring",
            sa.String(),
            nullable=False,
            server_default="",
            comment="a configuration file; empty for its own",
        ),
    )
    op.add_column(
        "desired",
        sa.Column(
            "wired_ms",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="since when that wiring is desired",
        ),
    )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(), nullable=False, comment="the operator's name"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("canary", sa.String(), nullable=False, comment="the device that it goes to first"),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("stop", sa.String(), comment="why a person wants it stopped; the server does it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_index(op.f("ix_rollouts_started_ms"), "rollouts", ["started_ms"])
    op.create_table(
        "rollout_legs",
        sa.Column("rollout_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("wiring", sa.String(), nullable=False, comment="what is sent to it"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column(
            "number", sa.BigInteger(), nullable=False, comment="of the document that carries it; 0 before it is sent"
        ),
        sa.Column("former", sa.String(), nullable=False, comment="what was desired of it before"),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_legs_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "device", name=op.f("pk_rollout_legs")),
    )

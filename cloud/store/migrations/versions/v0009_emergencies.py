"""Emergencies, folded from the events that tell of them, and who has been accounted for in one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "emergencies",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("device_id", ROW_ID, nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False, comment="the worst so far"),
        sa.Column("began_ms", sa.BigInteger(), nullable=False, comment="the device's clock, like ended_ms"),
        sa.Column("noted_ms", sa.BigInteger(), nullable=False, comment="the cloud's clock when it first heard of it"),
        sa.Column("began_by", sa.String(), nullable=False, comment="the operator who ordered a drill"),
        sa.Column("how", sa.String(), nullable=False, comment="by what it ended; empty while it stands"),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("ended_by", sa.String(), nullable=False, comment="the operator who ended a drill"),
        sa.Column("holder", sa.LargeBinary(length=8), comment="whose card ended it"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_emergencies_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergencies")),
    )
    op.create_index(op.f("ix_emergencies_device_id_zone"), "emergencies", ["device_id", "zone"])
    op.create_table(
        "accounted",
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("holder", sa.LargeBinary(length=8), nullable=False),
        sa.Column("by", sa.String(), nullable=False, comment="the operator who has seen them"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, comment="counts for the emergency that was noted before"),
        sa.PrimaryKeyConstraint("zone", "holder", name=op.f("pk_accounted")),
    )

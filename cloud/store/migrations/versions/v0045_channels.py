"""Channels, and what waits for them."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "call_channels",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.LargeBinary(), nullable=False, comment="sealed: it may hold a token"),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="sealed; signs its messages"),
        sa.Column("operator", sa.String(), nullable=False, comment="whose it is; empty: of everybody on duty"),
        sa.Column("grade", sa.String(), nullable=False, comment="it is told of cases at least as bad"),
        sa.Column("tries", sa.Integer(), nullable=False, comment="failures since it last took something"),
        sa.Column("trouble", sa.String(), nullable=False, comment="the last failure"),
        sa.Column("failing_ms", sa.BigInteger(), nullable=True, comment="since when"),
        sa.Column("next_ms", sa.BigInteger(), nullable=False, comment="not tried before"),
        sa.Column("told_ms", sa.BigInteger(), nullable=True, comment="when a message was last made for it"),
        sa.Column("lost", sa.Integer(), nullable=False, comment="messages that it never took"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_call_channels_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_channels")),
        sa.UniqueConstraint("site", "name", name=op.f("uq_call_channels_site_name")),
    )
    op.create_table(
        "call_outbox",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("channel_id", ROW_ID, nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="as it is sent, and signed each time"),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["call_channels.id"], name=op.f("fk_call_outbox_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_call_outbox_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_outbox")),
    )
    op.create_index("ix_call_outbox_channel_id", "call_outbox", ["channel_id"])

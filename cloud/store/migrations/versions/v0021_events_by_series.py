"""Events without the columns that their series have: device, point, kind and reason.

The rows are copied by SQLite itself and in their order, so no memory grows with them; until the transaction is
committed the file needs twice the space of the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

COLUMNS = (
    *("arrival", "journal_id", "seq", "received_ms", "replay"),
    *("at_ms", "mono_ms", "boot", "clock", "holder", "stored", "series"),
)
before, events = (sa.table(name, *map(sa.column, COLUMNS)) for name in ("events_before", "events"))


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.rename_table("events", "events_before")
    op.create_table(
        "events",
        sa.Column(
            "arrival", row_id, autoincrement=False, nullable=False, comment="one more with every event of any device"
        ),
        sa.Column("journal_id", row_id, nullable=False, comment="of journals, which are never deleted"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("replay", sa.Boolean(), nullable=False, comment="made while the device was offline: rings no bell"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, comment="the device's wall clock"),
        sa.Column("mono_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("clock", sa.String(), nullable=False, comment="how far at_ms is to be believed"),
        sa.Column("holder", sa.LargeBinary(length=8), nullable=True),
        sa.Column(
            "stored", sa.LargeBinary(), nullable=False, comment="the event's own bytes, as its device stored them"
        ),
        sa.Column(
            "series", row_id, nullable=False, comment="id of event_series, which has its device, point, kind and reason"
        ),
        sa.PrimaryKeyConstraint("arrival", name=op.f("pk_events")),
    )
    op.execute(sa.insert(events).from_select(COLUMNS, sa.select(before).order_by(before.c.arrival)))
    op.drop_table("events_before")
    op.create_index("ix_events_series", "events", ["series"])
    op.create_index("ix_events_journal_id_seq", "events", ["journal_id", "seq"], unique=True)

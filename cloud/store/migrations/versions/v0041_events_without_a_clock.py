"""Events without the column that said how far their time is to be believed: their start is empty where it is.

SQLite copies the rows by itself; until the transaction is committed the file needs twice the space of the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"

events = sa.table("events", *map(sa.column, ("clock", "boot", "mono_ms")))


def upgrade() -> None:
    is_dated = events.c.clock != "unset"
    has_more = (events.c.boot != "") | (events.c.mono_ms != 0)
    op.execute(sa.update(events).where(is_dated, has_more).values(boot="", mono_ms=0))
    op.execute(sa.update(events).where(events.c.clock == "unset", events.c.boot == "").values(boot="-"))
    op.drop_column("events", "clock")

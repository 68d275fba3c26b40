"""Refusals by day. Those of before are counted once, a row after the other."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

LAST_MS = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp() * 1000)
REFUSED = """
    SELECT series.site, series.device_id, series.reason, events.clock, events.boot, events.mono_ms, events.at_ms,
        events.received_ms, clock_fixes.offset_ms
    FROM event_series AS series JOIN events ON events.series = series.id
    LEFT JOIN clock_fixes ON clock_fixes.device_id = series.device_id AND clock_fixes.boot = events.boot
        AND events.clock = 'unset'
    WHERE series.kind = 'access.refused'"""


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "refusal_days",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False, comment="of the site's zone, as 2026-11-30"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_refusal_days_site")),
        sa.PrimaryKeyConstraint("site", "day", "reason", name=op.f("pk_refusal_days")),
    )
    op.create_table(
        "undated_refusals",
        sa.Column("id", row_id, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("device_id", row_id, nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("mono_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False, comment="for which it is counted now"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_undated_refusals_site")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_undated_refusals_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undated_refusals")),
    )
    op.create_index("ix_undated_refusals_device_id_boot", "undated_refusals", ["device_id", "boot"])
    _count()


def _count() -> None:
    connection = op.get_bind()
    zones = {name: ZoneInfo(zone) for name, zone in connection.exec_driver_sql("SELECT name, zone FROM sites")}
    counts: Counter[tuple[str, str, str]] = Counter()
    undated = "INSERT INTO undated_refusals (site, device_id, boot, mono_ms, received_ms, reason, day)"
    for row in connection.execution_options(yield_per=1000).exec_driver_sql(REFUSED):
        at_ms = row.at_ms if row.offset_ms is None else row.mono_ms + row.offset_ms
        valid = 0 <= at_ms <= LAST_MS
        day = datetime.fromtimestamp(at_ms / 1000, zones[row.site]).date().isoformat() if valid else ""
        if valid:
            counts[row.site, day, row.reason] += 1
        if row.clock == "unset":
            values = row.site, row.device_id, row.boot, row.mono_ms, row.received_ms, row.reason, day
            connection.exec_driver_sql(f"{undated} VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    counted = "INSERT INTO refusal_days (site, day, reason, count) VALUES (?, ?, ?, ?)"
    for (site, day, reason), count in counts.items():
        connection.exec_driver_sql(counted, (site, day, reason, count))

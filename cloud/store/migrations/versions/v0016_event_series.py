"""Every event has the number of its series: all events of a device that agree in point, kind and reason."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "event_series",
        sa.Column("id", row_id, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("device_id", row_id, nullable=False),
        sa.Column(
            "point", sa.String(), nullable=False, comment="all that these events agree in; empty where they do not"
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False, comment="empty for none"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_event_series_site")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_event_series_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_series")),
        sa.UniqueConstraint(
            "device_id", "point", "kind", "reason", name=op.f("uq_event_series_device_id_point_kind_reason")
        ),
    )
    number = sa.Column("series", row_id, nullable=False, server_default="0", comment="id of event_series")
    op.add_column("events", number)
    op.execute(
        """INSERT INTO event_series (site, device_id, point, kind, reason)
        SELECT DISTINCT site, device_id, point, kind, coalesce(reason, '')
        FROM events JOIN devices ON devices.id = device_id"""
    )
    op.execute(
        """UPDATE events SET series = (
            SELECT id FROM event_series AS mine WHERE mine.device_id = events.device_id AND mine.point = events.point
            AND mine.kind = events.kind AND mine.reason = coalesce(events.reason, ''))"""
    )
    op.create_index("ix_events_series", "events", ["series"])

"""What zones are and how many they hold, classes of points, cameras, and who answers for what."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

LABELS = "label_zh", "label_en"


def upgrade() -> None:
    for column in (
        sa.Column(
            "kind", sa.String(), nullable=False, server_default="open", comment="open, counted, hub, roof or yard"
        ),
        sa.Column("counts", sa.String(), nullable=False, server_default="people", comment="people or vehicles"),
        sa.Column(
            "parent", sa.String(), nullable=False, server_default="", comment="the zone around it, empty for none"
        ),
        sa.Column("capacity", sa.Integer(), nullable=True, comment="how many are comfortable inside"),
        sa.Column("fire_limit", sa.Integer(), nullable=True, comment="how many may be inside at all"),
        sa.Column("closes", sa.String(), nullable=False, server_default="", comment="time of day, as 22:30, or empty"),
    ):
        op.add_column("zones", column)
    camera = "address of its camera's picture, or empty"
    op.add_column("points", sa.Column("camera", sa.String(), nullable=False, server_default="", comment=camera))
    _named("point_classes", sa.Column("units", sa.JSON(), nullable=False, comment="that their use is measured in"))
    _named(
        "site_cells",
        sa.Column("units", sa.JSON(), nullable=False, comment="of buildings, as 3-1"),
        sa.Column("points", sa.JSON(), nullable=False, comment="names"),
        sa.Column("operators", sa.JSON(), nullable=False, comment="names of those who answer for it"),
    )
    _named(
        "site_duties",
        sa.Column("hours", sa.String(), nullable=False, comment="name of schedules, in which its operators are rung"),
        sa.Column("operators", sa.JSON(), nullable=False, comment="names, in the order in which they are rung"),
    )


def _named(table: str, *columns: "sa.Column[object]") -> None:
    op.create_table(
        table,
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        *(sa.Column(label, sa.String(), nullable=False) for label in LABELS),
        *columns,
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f(f"fk_{table}_site")),
        sa.PrimaryKeyConstraint("site", "name", name=op.f(f"pk_{table}")),
    )

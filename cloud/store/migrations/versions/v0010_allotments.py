"""What plans ration a day, by the class of the points that it is used at, and who may end an emergency."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

plans = sa.table(
    "plans", sa.column("name"), sa.column("tier"), sa.column("opens", sa.JSON), sa.column("resets", sa.JSON)
)


def upgrade() -> None:
    op.add_column(
        "points",
        sa.Column(
            "class",
            sa.String(),
            nullable=False,
            server_default="",
            comment="what its use is rationed by; empty for a door",
        ),
    )
    op.add_column(
        "plans",
        sa.Column(
            "allotments",
            sa.JSON(),
            nullable=False,
            server_default="{}",
            comment="class of points to minutes and wh a day",
        ),
    )
    op.add_column(
        "plans",
        sa.Column(
            "resets",
            sa.JSON(),
            nullable=False,
            server_default="[]",
            comment="zones whose emergencies the holder may end",
        ),
    )
    # Somebody must be able to end an emergency in a community that stands already: its staff, wherever they may go.
    connection = op.get_bind()
    for plan in connection.execute(sa.select(plans).where(plans.c.tier == "staff")).all():
        connection.execute(sa.update(plans).where(plans.c.name == plan.name).values(resets=sorted(plan.opens)))

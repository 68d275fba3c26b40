"""What plans ration is lent between devices: quantities in the place of allotments, and who was lent what."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

FLOOR_MINUTES = 60
plans = sa.table("plans", sa.column("name"), sa.column("document", sa.JSON))


def quantities(minutes: int, wh: int) -> list[dict[str, Any]]:
    """The same a day, with an hour of it where a device cannot ask, and as much of the energy."""
    floor = min(FLOOR_MINUTES, minutes)
    floor_wh = min(wh, -(-wh * floor // minutes)) if minutes else 0
    both = (("minutes", minutes, floor), ("wh", wh, floor_wh))
    return [{"amount": amount, "unit": unit, "per": "day", "floor": least} for unit, amount, least in both]


def upgrade() -> None:
    op.create_table(
        "quantity_shares",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_quantity_shares_site"), nullable=False),
        sa.Column("holder", sa.LargeBinary(8), nullable=False),
        sa.Column("allotment", sa.String(), nullable=False, comment="plan and class, with the term where it counts"),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column(
            "period",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="its number, see contract.quantities",
        ),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of the newest allowance"),
        sa.Column("allowance", sa.BigInteger(), nullable=False, comment="in parts of the unit, like all amounts here"),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False, comment="when it last asked for more, 0 if it does not"),
        sa.Column("keep", sa.BigInteger(), comment="of its allowance, while the rest is asked back"),
        sa.Column("noted_ms", sa.BigInteger(), nullable=False, comment="when the cloud last heard of it"),
        sa.PrimaryKeyConstraint("site", "holder", "allotment", "unit", "period", "device", name="pk_quantity_shares"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    rationed = False
    for row in connection.execute(sa.select(plans)).all():
        document = dict(row.document)
        given = document.pop("allotments", {})
        rationed |= bool(given)
        document["quantities"] = {kind: quantities(held["minutes"], held["wh"]) for kind, held in given.items()}
        connection.execute(sa.update(plans).where(plans.c.name == row.name).values(document=document))
    if rationed:  # devices whose software reads quantities must be told of them
        connection.execute(sa.text("UPDATE sites SET revision = revision + 1, terms_revision = revision + 1"))

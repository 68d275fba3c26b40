"""Each plan as one document."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

FIELDS = "tier", "fee_yuan", "places", "opens", "allotments", "resets"
JSON_FIELDS = "opens", "allotments", "resets"
LABELS = "label_zh", "label_en"

plans = sa.table(
    "plans",
    sa.column("name"),
    sa.column("document", sa.JSON),
    *(sa.column(name, sa.JSON) if name in JSON_FIELDS else sa.column(name) for name in (*FIELDS, *LABELS)),
)


def upgrade() -> None:
    op.add_column(
        "plans", sa.Column("document", sa.JSON(), nullable=False, server_default="{}", comment="the whole plan")
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(plans)).mappings().all():
        document = {"name": row["name"], **{name: row[name] for name in FIELDS}}
        document["label"] = {"zh": row["label_zh"], "en": row["label_en"]}
        connection.execute(sa.update(plans).where(plans.c.name == row["name"]).values(document=document))
    for name in (*FIELDS, *LABELS):
        op.drop_column("plans", name)

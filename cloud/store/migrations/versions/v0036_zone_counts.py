"""How many are inside each zone, who was last seen where, what each device may admit; and who may go in twice."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column(
        "zones",
        sa.Column(
            "anti_passback", sa.String(), nullable=False, server_default="none", comment="none, soft, timed or hard"
        ),
    )
    op.add_column(
        "zones",
        sa.Column(
            "timed_s", sa.Integer(), nullable=False, server_default="180", comment="how long the timed one lasts"
        ),
    )
    op.create_table(
        "zone_counts",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_zone_counts_site"), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("inside", sa.Integer(), nullable=False),
        sa.Column("count_doubt", sa.Integer(), nullable=False, comment="by how many that may be wrong"),
        sa.Column("names_doubt", sa.Integer(), nullable=False, comment="passages that nobody can name"),
        sa.Column(
            "counted_ms", sa.BigInteger(), nullable=False, comment="when somebody last counted the room, 0 for never"
        ),
        sa.Column(
            "emptied_ms",
            sa.BigInteger(),
            nullable=False,
            comment="when everybody was last taken for gone, 0 for never",
        ),
        sa.Column(
            "swept_ms",
            sa.BigInteger(),
            nullable=False,
            comment="the closing time for which it was last looked who stayed",
        ),
        sa.Column("changes", sa.BigInteger(), nullable=False, comment="grows with each change: the devices are told"),
        sa.PrimaryKeyConstraint("site", "zone", name="pk_zone_counts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "zone_people",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_zone_people_site"), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("holder", sa.LargeBinary(8), nullable=False),
        sa.Column("is_inside", sa.Boolean(), nullable=False, comment="as they were last seen to pass"),
        sa.Column("passed_ms", sa.BigInteger(), nullable=False, comment="when that was"),
        sa.PrimaryKeyConstraint("site", "zone", "holder", name="pk_zone_people"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "zone_rooms",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_zone_rooms_site"), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False, comment="how many more it has let in than out"),
        sa.Column("allowance", sa.BigInteger(), nullable=False, comment="what that may reach, by the newest division"),
        sa.Column(
            "promised",
            sa.BigInteger(),
            nullable=False,
            comment="the same by any division that it may still go by",
        ),
        sa.Column("division", sa.BigInteger(), nullable=False, comment="the number of the newest"),
        sa.Column("passed_ms", sa.BigInteger(), nullable=False, comment="when somebody last passed there"),
        sa.PrimaryKeyConstraint("site", "zone", "device", name="pk_zone_rooms"),
        sqlite_with_rowid=False,
    )

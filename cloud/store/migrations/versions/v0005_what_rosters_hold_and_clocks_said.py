"""Which state of the community a roster holds, and when devices that began without the time learned it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "rosters",
        sa.Column("revision", sa.BigInteger(), nullable=True, comment="newest of the site's that it is known to hold"),
    )
    op.create_table(
        "clock_fixes",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column(
            "offset_ms", sa.BigInteger(), nullable=False, comment="UTC is this much ahead of the boot's monotonic clock"
        ),
        sa.Column("error_ms", sa.BigInteger(), nullable=False, comment="give or take"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_clock_fixes_device_id")),
        sa.PrimaryKeyConstraint("device_id", "boot", name=op.f("pk_clock_fixes")),
    )

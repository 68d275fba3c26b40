"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column(
            "link", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 over the link before and this row"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "households",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit", sa.String(), nullable=False, comment="building and flat, as the residents say it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_households")),
        sa.UniqueConstraint("unit", name=op.f("uq_households_unit")),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False, comment="argon2id"),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("name", name=op.f("uq_operators_name")),
    )
    op.create_table(
        "plans",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("fee_yuan", sa.Integer(), nullable=False),
        sa.Column(
            "places", sa.Integer(), nullable=True, comment="people of one household it admits; none for no limit"
        ),
        sa.Column("opens", sa.JSON(), nullable=False, comment="zone to schedule"),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_plans")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(), nullable=False, comment="as its topic claims"),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False, comment="one word"),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("journal", sa.String(length=16), nullable=True),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=True,
            comment="of a poison event, which is also the reason of a hole in the journal",
        ),
        sa.Column("size", sa.Integer(), nullable=False, comment="of the whole payload"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="the first bytes of it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_device_id", "quarantine", ["device", "id"], unique=False)
    op.create_table(
        "roster_pages",
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_roster_pages")),
    )
    op.create_table(
        "rosters",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("site_page", sa.LargeBinary(length=16), nullable=False),
        sa.Column(
            "pages",
            sa.LargeBinary(),
            nullable=False,
            comment="the hashes, 16 bytes each, in the order of their prefixes",
        ),
        sa.Column("count", sa.Integer(), nullable=False, comment="rows in all pages"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rosters")),
    )
    op.create_table(
        "schedules",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("week", sa.JSON(), nullable=False, comment="seven lists of [start, end] in minutes, Monday first"),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedules")),
    )
    op.create_table(
        "sites",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False, comment="IANA name of its time zone"),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="grows with whatever may change a roster"),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sites")),
    )
    op.create_table(
        "tallies",
        sa.Column("device", sa.String(), nullable=False, comment="empty for all that are not registered"),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "channel", "why", name=op.f("pk_tallies")),
    )
    op.create_table(
        "zones",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_zones")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False, comment="P-256 point, 65 bytes"),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.Column("registered_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "heard_ms",
            sa.BigInteger(),
            nullable=True,
            comment="anything at all came from it, kept messages of the broker aside",
        ),
        sa.Column("online", sa.Boolean(), nullable=False, comment="what its last state or will said"),
        sa.Column("connection", sa.BigInteger(), nullable=False, comment="number of the newest connection known"),
        sa.Column("state", sa.JSON(), nullable=True, comment="its last sealed state"),
        sa.Column("state_ms", sa.BigInteger(), nullable=True),
        sa.Column("beat", sa.JSON(), nullable=True, comment="its last report of health"),
        sa.Column("beat_ms", sa.BigInteger(), nullable=True),
        sa.Column("roster_number", sa.BigInteger(), nullable=False, comment="of the roster it uses"),
        sa.Column("waiting", sa.BigInteger(), nullable=True, comment="events in its journal that wait for their ack"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_devices_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("site", "name", name=op.f("uq_devices_site_name")),
    )
    op.create_table(
        "logins",
        sa.Column("id_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of what the cookie holds"),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name=op.f("fk_logins_operator_id")),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_logins")),
    )
    op.create_index("ix_logins_operator_id", "logins", ["operator_id"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("holder", sa.LargeBinary(length=8), nullable=False, comment="random; all that devices know"),
        sa.Column(
            "household_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="none for riders and staff",
        ),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["household_id"], ["households.id"], name=op.f("fk_people_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("holder", name=op.f("uq_people_holder")),
    )
    op.create_table(
        "points",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False, comment="may be named before that device is registered"),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.name"], name=op.f("fk_points_zone")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_points")),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="format and number under the store key"),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_credentials_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("digest", name=op.f("uq_credentials_digest")),
    )
    op.create_index("ix_credentials_person_id", "credentials", ["person_id"], unique=False)
    op.create_table(
        "journals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journal", sa.String(length=16), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False, comment="all rows up to this one are stored"),
        sa.Column("tip", sa.LargeBinary(), nullable=False, comment="link of that row"),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_journals_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journals")),
        sa.UniqueConstraint("device_id", "journal", name=op.f("uq_journals_device_id_journal")),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("payer", sa.Boolean(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False, comment="0 for no bound"),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open; 0 for no bound"),
        sa.Column("standing", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_memberships_person_id")),
        sa.ForeignKeyConstraint(["plan"], ["plans.name"], name=op.f("fk_memberships_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_person_id", "memberships", ["person_id"], unique=False)
    op.create_table(
        "events",
        sa.Column(
            "journal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False, comment="grows by one with every event of any device"),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("point", sa.String(), nullable=False, comment="empty for the device itself"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, comment="the device's wall clock"),
        sa.Column("mono_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("clock", sa.String(), nullable=False, comment="how far at_ms is to be believed"),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("replay", sa.Boolean(), nullable=False, comment="made while the device was offline: rings no bell"),
        sa.Column("holder", sa.LargeBinary(length=8), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column(
            "stored", sa.LargeBinary(), nullable=False, comment="the event's own bytes, as its device stored them"
        ),
        sa.ForeignKeyConstraint(["journal_id"], ["journals.id"], name=op.f("fk_events_journal_id")),
        sa.PrimaryKeyConstraint("journal_id", "seq", name=op.f("pk_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_events_arrival", "events", ["arrival"], unique=True)


def downgrade() -> None:
    op.drop_table("events")
    op.drop_table("memberships")
    op.drop_table("journals")
    op.drop_table("credentials")
    op.drop_table("points")
    op.drop_table("people")
    op.drop_table("logins")
    op.drop_table("devices")
    op.drop_table("zones")
    op.drop_table("tallies")
    op.drop_table("sites")
    op.drop_table("schedules")
    op.drop_table("rosters")
    op.drop_table("roster_pages")
    op.drop_table("quarantine")
    op.drop_table("plans")
    op.drop_table("operators")
    op.drop_table("households")
    op.drop_table("audit")

"""Telephones of residents, the links that register them, and requests to erase."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "erasure_requests",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("person_id", ROW_ID, nullable=False),
        sa.Column("said", sa.String(), nullable=False, comment="what they wish, in their words; empty for everything"),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "answer", sa.String(), server_default="", nullable=False, comment="what the office did, and what stays"
        ),
        sa.Column("answered_by", sa.String(), server_default="", nullable=False),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_erasure_requests_person_id")),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_erasure_requests_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_requests")),
    )
    op.create_index("ix_erasure_requests_site_answered_ms", "erasure_requests", ["site", "answered_ms"])
    op.create_table(
        "phone_links",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column(
            "secret_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of what stands in the link"
        ),
        sa.Column("person_id", ROW_ID, nullable=False),
        sa.Column("replaces", sa.Boolean(), nullable=False, comment="the phones of before end with it"),
        sa.Column("guardian_id", ROW_ID, nullable=True, comment="who consented for a child under 14"),
        sa.Column("made_by", sa.String(), nullable=False, comment="the operator, or the person of the household"),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True, comment="a newer link took its place"),
        sa.ForeignKeyConstraint(["guardian_id"], ["people.id"], name=op.f("fk_phone_links_guardian_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_phone_links_person_id")),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_phone_links_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_links")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_phone_links_secret_hash")),
    )
    op.create_index("ix_phone_links_site_person_id", "phone_links", ["site", "person_id"])
    op.create_table(
        "resident_phones",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("person_id", ROW_ID, nullable=False),
        sa.Column(
            "login_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the secret in its cookie"
        ),
        sa.Column("token", sa.String(), nullable=False, comment="in the forms of its pages"),
        sa.Column("credential_id", ROW_ID, nullable=False, comment="its key"),
        sa.Column(
            "held_key",
            sa.LargeBinary(),
            nullable=False,
            comment="sealed private half where the phone can keep none; empty",
        ),
        sa.Column("registered_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False, comment="to the day"),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["credential_id"], ["credentials.id"], name=op.f("fk_resident_phones_credential_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_resident_phones_person_id")),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_resident_phones_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resident_phones")),
        sa.UniqueConstraint("login_hash", name=op.f("uq_resident_phones_login_hash")),
    )
    op.create_index("ix_resident_phones_site_person_id", "resident_phones", ["site", "person_id"])
    op.add_column(
        "credentials",
        sa.Column(
            "key",
            sa.LargeBinary(length=33),
            nullable=True,
            comment="of a telephone: the public half of its key, compressed",
        ),
    )

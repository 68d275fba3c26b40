"""Exports to authorities, whom they name, and the seals of batches that prove what happened."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "authority_exports",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_authority_exports_site"), nullable=False),
        sa.Column("document", sa.String(), nullable=False, comment="its number, as the authority writes it"),
        sa.Column("officers", sa.JSON(), nullable=False, comment="two of them, each with name and number"),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open"),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False, comment="ids"),
        sa.Column("embargo_until_ms", sa.BigInteger(), nullable=False, comment="0: those looked at see it at once"),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_ms", sa.BigInteger(), nullable=False),
        sa.Column("released_by", sa.String(), nullable=False, comment="another operator; empty before"),
        sa.Column("released_ms", sa.BigInteger()),
        sa.Column("withdrawn_by", sa.String(), nullable=False),
    )
    op.create_index("ix_authority_exports_site", "authority_exports", ["site"])
    export = sa.ForeignKey("authority_exports.id", name="fk_authority_subjects_export_id")
    person = sa.ForeignKey("people.id", name="fk_authority_subjects_person_id")
    op.create_table(
        "authority_subjects",
        sa.Column("export_id", sa.Integer(), export, primary_key=True, autoincrement=False),
        sa.Column("person_id", sa.Integer(), person, primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_authority_subjects_site"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_authority_subjects_person_id", "authority_subjects", ["person_id"])
    op.create_table(
        "journal_seals",
        sa.Column("journal_id", sa.Integer(), primary_key=True, autoincrement=False, comment="of journals"),
        sa.Column("last", sa.BigInteger(), primary_key=True, autoincrement=False, comment="row that the seal is over"),
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name", name="fk_journal_seals_site"), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False, comment="of the batch that was sealed"),
        sa.Column("tip", sa.LargeBinary(32), nullable=False, comment="link of the last row"),
        sa.Column("seal", sa.LargeBinary(64), nullable=False, comment="ES256 of the device over its tip"),
        sa.Column("gaps", sa.LargeBinary(), nullable=False, comment="its gaps as MessagePack, empty for none"),
        sqlite_with_rowid=False,
    )

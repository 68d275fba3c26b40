"""The tables of exports to authorities."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, String, Table

from cloud.store.schema import RowId, metadata

authority_exports = Table(
    "authority_exports",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("document", String, nullable=False, comment="its number, as the authority writes it"),
    Column("officers", JSON, nullable=False, comment="two of them, each with name and number"),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, comment="half-open"),
    Column("points", JSON, nullable=False),
    Column("people", JSON, nullable=False, comment="ids"),
    Column("embargo_until_ms", BigInteger, nullable=False, comment="0: those looked at see it at once"),
    Column("entered_by", String, nullable=False),
    Column("entered_ms", BigInteger, nullable=False),
    Column("released_by", String, nullable=False, comment="another operator; empty before"),
    Column("released_ms", BigInteger),
    Column("withdrawn_by", String, nullable=False),
    Index("ix_authority_exports_site", "site"),
)

authority_subjects = Table(
    "authority_subjects",
    metadata,
    Column("export_id", RowId, ForeignKey("authority_exports.id"), primary_key=True, autoincrement=False),
    Column("person_id", RowId, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Index("ix_authority_subjects_person_id", "person_id"),
    sqlite_with_rowid=False,
)
"""Whoever is named in what was given."""

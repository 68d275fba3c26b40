"""Tables of cells and duties."""

from sqlalchemy import JSON, Column, ForeignKey, String, Table

from cloud.store.schema import labels, metadata

site_cells = Table(
    "site_cells",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("name", String, primary_key=True),
    *labels(),
    Column("units", JSON, nullable=False, comment="of buildings, as 3-1"),
    Column("points", JSON, nullable=False, comment="names"),
    Column("operators", JSON, nullable=False, comment="names of those who answer for it"),
)

site_duties = Table(
    "site_duties",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("name", String, primary_key=True),
    *labels(),
    Column("hours", String, nullable=False, comment="name of schedules, in which its operators are rung"),
    Column("operators", JSON, nullable=False, comment="names, in the order in which they are rung"),
)

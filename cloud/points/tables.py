"""The table of the classes of points."""

from sqlalchemy import JSON, Column, ForeignKey, String, Table

from cloud.store.schema import labels, metadata

point_classes = Table(
    "point_classes",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("name", String, primary_key=True),
    *labels(),
    Column("units", JSON, nullable=False, comment="that their use is measured in"),
)

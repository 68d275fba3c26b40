"""Tables of hours, and of the calendar that they follow."""

from sqlalchemy import JSON, Column, Date, ForeignKey, Integer, String, Table

from cloud.store.schema import labels, metadata

schedules = Table(
    "schedules",
    metadata,
    Column("name", String, primary_key=True),
    Column("week", JSON, nullable=False, comment="seven lists of [start, end] in minutes, Monday first"),
    *labels(),
    Column("rest", JSON(none_as_null=True), comment="such a list for days of rest; none where they are as other days"),
    Column("half", JSON(none_as_null=True), comment="the same for half days"),
)

special_days = Table(
    "special_days",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("hours", String, primary_key=True, comment="name of those that it concerns; empty for all"),
    Column("weekday", Integer, comment="1 to 7, Monday first: which one a shifted day is as"),
    *labels(),
)

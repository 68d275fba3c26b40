"""Cells and duties as they are stored."""

from typing import Any

from msgspec import convert, to_builtins
from sqlalchemy import Connection, delete, insert, select

from cloud.duties.rule import Cell, Duty
from cloud.duties.tables import site_cells, site_duties
from cloud.store.labels import Label


def list_cells(connection: Connection, site: str) -> list[Cell]:
    """Every cell, by name."""
    rows = connection.execute(select(site_cells).where(site_cells.c.site == site).order_by(site_cells.c.name))
    return [convert(_read(row), Cell) for row in rows]


def put_cell(connection: Connection, site: str, cell: Cell) -> None:
    """Make the cell, or put it in the place of the one of its name."""
    delete_cell(connection, site, cell.name)
    connection.execute(insert(site_cells).values(site=site, **_values(cell)))


def delete_cell(connection: Connection, site: str, name: str) -> bool:
    """False if there is none of that name."""
    return (
        connection.execute(delete(site_cells).where(site_cells.c.site == site, site_cells.c.name == name)).rowcount > 0
    )


def list_duties(connection: Connection, site: str) -> list[Duty]:
    """Every duty, by name."""
    rows = connection.execute(select(site_duties).where(site_duties.c.site == site).order_by(site_duties.c.name))
    return [convert(_read(row), Duty) for row in rows]


def duties_with_hours(connection: Connection, site: str, hours: str) -> list[Label]:
    """What the duties are called whose operators are rung in these hours."""
    listed = (duty for duty in list_duties(connection, site) if duty.hours == hours)
    return [Label(duty.label.zh or duty.name, duty.label.en or duty.name) for duty in listed]


def put_duty(connection: Connection, site: str, duty: Duty) -> None:
    """Make the duty, or put it in the place of the one of its name."""
    delete_duty(connection, site, duty.name)
    connection.execute(insert(site_duties).values(site=site, **_values(duty)))


def delete_duty(connection: Connection, site: str, name: str) -> bool:
    """False if there is none of that name."""
    return (
        connection.execute(delete(site_duties).where(site_duties.c.site == site, site_duties.c.name == name)).rowcount
        > 0
    )


def _read(row: Any) -> dict[str, Any]:
    values = {str(name): value for name, value in row._mapping.items()}
    return {**values, "label": {"zh": values.pop("label_zh"), "en": values.pop("label_en")}}


def _values(row: Cell | Duty) -> dict[str, Any]:
    values = to_builtins(row)
    label = values.pop("label")
    return {**values, "label_zh": label["zh"], "label_en": label["en"]}

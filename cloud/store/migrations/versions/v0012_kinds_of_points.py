"""What kind of station each point is, and since when and until when a mode is ordered that ends by itself."""

import re
import tomllib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

MAX_CHARACTERS = 64 * 1024
OF_CLASS = {"phone": "socket", "ebike": "socket", "ev": "ev_post"}
"""What a point is that no wiring tells of. A device that knows better says so with its next state."""

points = sa.table("points", sa.column("name"), sa.column("device"), sa.column("class"), sa.column("kind"))
devices = sa.table("devices", sa.column("name"), sa.column("wiring"))


def upgrade() -> None:
    op.add_column(
        "points",
        sa.Column(
            "kind",
            sa.String(),
            nullable=False,
            server_default="",
            comment="of station, as its wiring or its device says; empty if neither has",
        ),
    )
    op.add_column(
        "desired",
        sa.Column(
            "terms",
            sa.JSON(),
            nullable=False,
            server_default="{}",
            comment="of modes that end by themselves, by point",
        ),
    )
    connection = op.get_bind()
    wirings = {row.name: _kinds(row.wiring) for row in connection.execute(sa.select(devices)).all()}
    for row in connection.execute(sa.select(points)).all():
        kind = wirings.get(row.device, {}).get(row.name) or OF_CLASS.get(row._mapping["class"], "")
        connection.execute(sa.update(points).where(points.c.name == row.name).values(kind=kind))


def _kinds(wiring: str | None) -> dict[str, str]:
    """The kinds of the points that a text names; of a text that is no wiring, none."""
    try:
        listed = tomllib.loads((wiring or "")[:MAX_CHARACTERS]).get("point")
    except (ValueError, RecursionError):
        return {}
    named = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {str(one.get("name")): _kind(one.get("kind")) for one in named}


def _kind(said: Any) -> str:
    return said if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,40}", said) else ""

"""Channels and their outbox as they are stored."""

from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, func, insert, select, update

from cloud.cases.rule import Grade
from cloud.channels.rule import MAX_WAITING, Channel
from cloud.channels.tables import call_channels, call_outbox
from cloud.keys.keys import NumberSeal

_COLUMNS = [call_channels.c[name] for name in Channel.__struct_fields__]
_SEALED = "url", "secret"


class Waiting(Struct, frozen=True):
    """A message in the outbox."""

    id: int
    channel: int
    made_ms: int
    body: bytes


def list_channels(connection: Connection, site: str, seal: NumberSeal) -> list[Channel]:
    """Every channel, by name. Raises ``KeysUnusable`` for a database of other keys."""
    rows = connection.execute(select(*_COLUMNS).where(call_channels.c.site == site).order_by(call_channels.c.name))
    return [_read(row, seal) for row in rows]


def add_channel(connection: Connection, site: str, seal: NumberSeal, channel: Channel) -> int:
    values = structs.asdict(channel)
    del values["id"]
    values |= {name: seal.close(values[name], _about(name, channel.name)) for name in _SEALED}
    added = insert(call_channels).values(site=site, **values).returning(call_channels.c.id)
    return int(connection.execute(added).scalar_one())


def delete_channel(connection: Connection, site: str, name: str) -> bool:
    """With what waits for it. False if there is none of that name."""
    mine = select(call_channels.c.id).where(call_channels.c.site == site, call_channels.c.name == name)
    connection.execute(delete(call_outbox).where(call_outbox.c.channel_id.in_(mine)))
    return (
        connection.execute(
            delete(call_channels).where(call_channels.c.site == site, call_channels.c.name == name)
        ).rowcount
        > 0
    )


def change_channel(connection: Connection, site: str, channel: int, **values: object) -> None:
    mine = call_channels.c.site == site, call_channels.c.id == channel
    connection.execute(update(call_channels).where(*mine).values(values))


def add_message(connection: Connection, site: str, channel: Channel, now_ms: int, body: bytes) -> None:
    """Put a message into the outbox; the oldest of too many goes, and is counted."""
    mine = call_outbox.c.channel_id == channel.id
    connection.execute(insert(call_outbox).values(site=site, channel_id=channel.id, made_ms=now_ms, body=body))
    kept = select(call_outbox.c.id).where(mine).order_by(call_outbox.c.id.desc()).limit(MAX_WAITING)
    gone = connection.execute(delete(call_outbox).where(mine, call_outbox.c.id.not_in(kept))).rowcount
    changed = update(call_channels).where(call_channels.c.id == channel.id)
    connection.execute(changed.values(told_ms=now_ms, lost=call_channels.c.lost + gone))


def due_messages(connection: Connection, site: str, now_ms: int) -> list[Waiting]:
    """The oldest message of every channel that may be tried now."""
    first = select(func.min(call_outbox.c.id)).where(call_outbox.c.site == site).group_by(call_outbox.c.channel_id)
    query = (
        select(call_outbox.c.id, call_outbox.c.channel_id, call_outbox.c.made_ms, call_outbox.c.body)
        .join_from(call_outbox, call_channels, call_channels.c.id == call_outbox.c.channel_id)
        .where(call_outbox.c.id.in_(first), call_channels.c.next_ms <= now_ms)
    )
    return [Waiting(*row) for row in connection.execute(query)]


def remove_message(connection: Connection, site: str, message: int) -> None:
    connection.execute(delete(call_outbox).where(call_outbox.c.site == site, call_outbox.c.id == message))


def count_waiting(connection: Connection, site: str) -> dict[int, int]:
    """How many wait, by the channel's id."""
    counted = (
        select(call_outbox.c.channel_id, func.count())
        .where(call_outbox.c.site == site)
        .group_by(call_outbox.c.channel_id)
    )
    rows = connection.execute(counted)
    return {int(channel): int(count) for channel, count in rows}


def _read(row: Any, seal: NumberSeal) -> Channel:
    values = {str(name): value for name, value in row._mapping.items()}
    values |= {name: seal.open(values[name], _about(name, row.name)) for name in _SEALED}
    return Channel(**{**values, "grade": Grade(row.grade)})


def _about(field: str, name: str) -> bytes:
    return f"channel {field} {name}".encode()

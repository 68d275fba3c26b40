"""One pass at two points: a telephone draws its pass anew every few seconds, so the same one shown later somewhere else
is a picture of its screen that was sent on."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.cases import store
from cloud.cases.fold import fold
from cloud.cases.rule import Alarm, CasePlace
from cloud.cases.tables import shown_passes
from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import EventRow, Key
from cloud.devices.lateness import Lateness, lateness
from cloud.devices.reactions import RowReaction
from cloud.store.chunks import chunks
from cloud.store.schema import devices
from contract.archetypes import ServingKind
from contract.decide import DAY_MS
from contract.sealing import DIGEST_BYTES

DRAWN_FOR_MS = 30_000
"""A telephone shows one pass for 10 s, one that keeps no key for 20 s (``cloud.cards.slots``). The clocks of two
devices differ by less than the rest."""
KEPT_S = 7 * DAY_MS // 1000
"""A device that was offline for longer tells too late of what it saw."""
AHEAD_S = DAY_MS // 1000
"""What a device says of a later day is not kept."""
_FIELD = b"shown_s"

PassKey = tuple[int, bytes]
"""The moment that a telephone signed (UTC seconds), and the digest of its key or of the pass that it carries."""


class ShownPass(Struct, frozen=True):
    """A pass as it was shown at a point, at ``at_ms`` (UTC milliseconds) by the clock of the device."""

    key: PassKey
    point: str
    at_ms: int
    device_id: int
    late: bool


class Times(Struct, frozen=True):
    """When a pass was shown at one point: first and for the last time, UTC milliseconds."""

    first_ms: int
    last_ms: int

    def with_one(self, at_ms: int) -> "Times":
        return Times(min(self.first_ms, at_ms), max(self.last_ms, at_ms))

    def are_far_from(self, at_ms: int) -> bool:
        """Whether one of them is so far from this that no screen shows the same pass for so long."""
        return max(abs(at_ms - self.first_ms), abs(at_ms - self.last_ms)) > DRAWN_FOR_MS


def note_shown(connection: Connection, site: str, decided: Sequence[tuple[Key, EventRow]]) -> None:
    """Open or count the case of each pass that was shown at two points, in whatever order the devices tell of it."""
    shown = list(_shown_in(decided))
    if not shown:
        return
    known, now_ms = _known(connection, site, shown), max(row[3] for _, row in decided)
    pictures: list[tuple[str, ShownPass]] = []
    for one in shown:
        places = known[one.key]
        pictures += [
            (point, one) for point, times in places.items() if point != one.point and times.are_far_from(one.at_ms)
        ]
        places[one.point] = places.get(one.point, Times(one.at_ms, one.at_ms)).with_one(one.at_ms)
    rows = {(*one.key, one.point): known[one.key][one.point] for one in shown}
    _keep(connection, site, rows, now_ms // 1000)
    if pictures:
        _open_cases(connection, site, pictures, now_ms)


def _open_cases(connection: Connection, site: str, pictures: Sequence[tuple[str, ShownPass]], now_ms: int) -> None:
    """Each is where the pass was heard of the second time, with the other point as its part."""
    places = store.known_places(connection, site, (one.point for _, one in pictures))
    named = select(devices.c.id, devices.c.name).where(devices.c.id.in_({one.device_id for _, one in pictures}))
    device_of = {row.id: row.name for row in connection.execute(named)}
    alarms = []
    for other_point, one in pictures:
        place = structs.replace(places.get(one.point, CasePlace()), device=device_of[one.device_id])
        alarms.append(Alarm("pass_shared", place, other_point, one.at_ms, late=one.late))
    known = store.open_by_key(connection, site, (alarm.key for alarm in alarms))
    store.put_cases(connection, site, fold(known, alarms, now_ms))


def _shown_in(decided: Sequence[tuple[Key, EventRow]]) -> Iterator[ShownPass]:
    """Those of these decisions that were about a good pass. Where the time is not known no pass is good."""
    for (device_id, point, _, _), row in decided:
        _, _, _, received_ms, replay, at_ms, _, boot, _, stored, _ = row
        if boot:
            continue
        data = decode_stored(bytes(stored)).data
        shown_s, digest, now_s = data.get("shown_s"), _digest(data.get("digest")), received_ms // 1000
        if isinstance(shown_s, int) and now_s - KEPT_S <= shown_s <= now_s + AHEAD_S and digest:
            late = lateness(received_ms - at_ms, bool(replay)) is not Lateness.LIVE
            yield ShownPass((shown_s, digest), point, at_ms, device_id, late)


def _digest(text: object) -> bytes:
    try:
        digest = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return b""
    return digest if len(digest) == DIGEST_BYTES else b""


def _known(connection: Connection, site: str, shown: Sequence[ShownPass]) -> dict[PassKey, dict[str, Times]]:
    """Where these passes were shown, as far as it has been told."""
    table, found = shown_passes.c, defaultdict[PassKey, dict[str, Times]](dict)
    for some in chunks(sorted({one.key for one in shown})):
        mine = table.site == site, tuple_(table.shown_s, table.digest).in_(some)
        for row in connection.execute(select(shown_passes).where(*mine)):
            found[row.shown_s, row.digest][row.point] = Times(row.first_ms, row.last_ms)
    return found


def _keep(connection: Connection, site: str, rows: dict[tuple[int, bytes, str], Times], now_s: int) -> None:
    """Keep these, and forget those of more than a week ago."""
    values = [
        {"site": site, "shown_s": shown_s, "digest": digest, "point": point, **structs.asdict(times)}
        for (shown_s, digest, point), times in rows.items()
    ]
    put = insert_or_change(shown_passes)
    times = {name: put.excluded[name] for name in ("first_ms", "last_ms")}
    connection.execute(put.on_conflict_do_update(shown_passes.primary_key.columns, set_=times), values)
    old = shown_passes.c.shown_s < now_s - KEPT_S
    connection.execute(delete(shown_passes).where(shown_passes.c.site == site, old))


SHOWN_PASSES = RowReaction(frozenset({ServingKind.allowed.kind, ServingKind.refused.kind}), note_shown, _FIELD)

"""Clock fixes: what devices say of the time once they have learned it."""

from collections.abc import Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert

from cloud.devices.reactions import Reaction, Recorded
from cloud.store.schema import clock_fixes
from contract.events import Event

CLOCK_FIXED = "device.clock_fixed"
NO_BOOT = "-"
"""In the place of a start that an event does not name: an empty one says that the time was known."""
MAX_TIME_MS = 1 << 48
"""The year 10889: what a clock says beyond it is no time."""


class ClockFix(Struct, frozen=True):
    """A device has learned the time: in this boot UTC is its monotonic clock plus ``offset_ms``, give or take the
    error. That holds for what happened before as well, however its wall clock stood."""

    device_id: int
    boot: str
    offset_ms: int
    error_ms: int


def fix_in(device_id: int, event: Event) -> ClockFix | None:
    """What an event says of the boot that its device is in; None if it cannot be true."""
    numbers = [event.data.get("offset_ms"), event.data.get("error_ms")]
    possible = [number for number in numbers if isinstance(number, int) and 0 <= number <= MAX_TIME_MS]
    return ClockFix(device_id, event.boot or NO_BOOT, *possible) if len(possible) == len(numbers) else None


def note_fixes(connection: Connection, recorded: Sequence[Recorded], _now_ms: int) -> None:
    """Of two for one boot the newer counts."""
    for device, event, _ in recorded:
        fix = fix_in(device.id, event)
        if fix is not None:
            mine = (clock_fixes.c.device_id == fix.device_id) & (clock_fixes.c.boot == fix.boot)
            connection.execute(delete(clock_fixes).where(mine))
            connection.execute(insert(clock_fixes).values(structs.asdict(fix)))


CLOCK_FIXES = Reaction(frozenset({CLOCK_FIXED}), note_fixes)

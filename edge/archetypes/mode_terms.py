"""Which modes are in force at the points of a device, and for how long still. Pure.

A mode that ends by itself has a term, counted on the monotonic clock from the receipt of its document. A time of day
can only shorten it: a clock that is unset runs late. So neither a dead network nor a restart makes a mode last longer.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from contract.decide import MINUTE_MS, Mode
from contract.kinds import MODE_LASTS_MS, has_mode
from contract.messages import Desired

SAVE_EVERY_MS = MINUTE_MS
"""How often terms are written down while any runs. A power cut may hide as much of one, so each start takes it off."""


class Terms(Struct, frozen=True):
    """What document ``number`` has set. ``modes`` are those in force, of points that are not scheduled. ``left_ms`` is
    what is left of those that end by themselves, at ``mono_ms`` of this ``boot``; 0 of one that has ended."""

    number: int = 0
    modes: dict[str, Mode] = {}
    left_ms: dict[str, int] = {}
    boot: str = ""
    mono_ms: int = 0


class Instant(Struct, frozen=True):
    """This moment by the clocks of the device."""

    boot: str
    mono_ms: int
    now_ms: int


def ordered(desired: Desired, former: Desired | None, terms: Terms, kinds: Mapping[str, str], now: Instant) -> Terms:
    """The terms of a document that comes after ``former``, whose ``terms`` are up to ``now``. A point that has not got
    the mode keeps the one it is in."""
    modes, left_ms = dict[str, Mode](), dict[str, int]()
    for point, kind in kinds.items():
        mode = desired.modes.get(point, Mode.SCHEDULED)
        if not has_mode(kind, mode):
            kept = terms.modes.get(point, Mode.SCHEDULED)
            mode = kept if has_mode(kind, kept) and kept not in MODE_LASTS_MS else Mode.SCHEDULED
        elif mode in MODE_LASTS_MS:
            left_ms[point] = _left_ms(point, mode, desired, former, terms, now)
        if mode is not Mode.SCHEDULED and left_ms.get(point, 1):
            modes[point] = mode
    return Terms(desired.number, modes, left_ms, now.boot, now.mono_ms)


def _left_ms(point: str, mode: Mode, desired: Desired, former: Desired | None, terms: Terms, now: Instant) -> int:
    """An order that stands already is given no new time; one that says no end has what its mode may last at most."""
    left_ms, until_ms = MODE_LASTS_MS[mode], desired.until.get(point)
    if until_ms is not None:
        left_ms = min(left_ms, until_ms - max(now.now_ms, desired.issued_ms))
    stands = former is not None and former.modes.get(point) is mode and former.until.get(point) == until_ms
    if stands:
        left_ms = min(left_ms, terms.left_ms.get(point, left_ms))
    return max(0, left_ms)


def at(terms: Terms, now: Instant) -> Terms:
    """The same terms, up to now: what has no time left has ended."""
    gone_ms = now.mono_ms - terms.mono_ms if now.boot == terms.boot else SAVE_EVERY_MS
    left_ms = {point: max(0, left - max(0, gone_ms)) for point, left in terms.left_ms.items()}
    modes = {point: mode for point, mode in terms.modes.items() if left_ms.get(point, 1)}
    return replace(terms, modes=modes, left_ms=left_ms, boot=now.boot, mono_ms=now.mono_ms)


def refused(desired: Desired, kinds: Mapping[str, str]) -> dict[str, Mode]:
    """What a document asks of points that have not got it."""
    asked = {point: mode for point, mode in desired.modes.items() if point in kinds}
    return {point: mode for point, mode in sorted(asked.items()) if not has_mode(kinds[point], mode)}


def next_ms(terms: Terms) -> int | None:
    """When to look again; None if nothing ends by itself."""
    running = [left for left in terms.left_ms.values() if left]
    return min(SAVE_EVERY_MS, *running) if running else None

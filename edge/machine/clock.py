"""The device's clocks. A Raspberry Pi has no battery clock, so how far to believe its time is a fact of its own.

Time is the monotonic clock plus an offset that the cloud's authenticated time has set in this boot. How far it may be
off is known as well: half the round trip of the message that set it, and what a crystal may have drifted since. Before
that, time runs on from the floor, the newest time that was proved to have come, which outlives power cuts. So an unset
clock runs late, never early, and time never runs below the floor.

The system's own clock is never asked. Nobody signs what a time server says, and a wrong time revives ended passes or
shuts everybody out; the price is that a device which starts without its cloud does not know the time until that is
back.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from contract import codec
from contract.decide import DAY_MS, HOUR_MS, Trust
from edge.machine import files

BUILT_MS = 1_793_000_000_000
"""The floor of a device that has none yet: no device ran this software before 26 October 2026."""

SYNCED_FOR_MS = HOUR_MS
"""How long one authenticated time keeps the clock synced; after that it is holdover."""

DRIFT_PPM = 100
"""What the crystal of a Raspberry Pi may be off: 8.6 s a day. GB 50396-2007 allows a device 10 s."""

MAX_JUMP_MS = DAY_MS
"""An acknowledgement moves the clock by at most this; a longer way needs a signed manifest first."""

COMMAND_ERROR_MS = 30_000
"""A command may have been under way for its whole life before it set the clock."""

SAVE_EVERY_MS = 60_000
"""The least time between two saves that messages of the cloud cause."""

CLOCK_FILE = "clock.json"
"""In the state folder: the newest authenticated time."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def kernel_boot() -> str:
    """The first 8 hex digits of the kernel's boot id: the same for every process until the machine starts again."""
    return _BOOT_ID.read_text()[:8]


def uptime_ms() -> int:
    """Milliseconds since the machine started, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """The system's clock, UTC milliseconds: for whoever sets a device's clock by it."""
    return time.time_ns() // 1_000_000


class WallClock(Protocol):
    """The wall clock of a device, and how far to believe it. It may run late, never early."""

    @property
    def trust(self) -> Trust:
        """How far to believe ``now_ms``."""

    def now_ms(self) -> int:
        """UTC milliseconds."""


class Clock(WallClock, Protocol):
    """The clocks of a device, UTC and monotonic, with what is sure of the first."""

    @property
    def floor_ms(self) -> int:
        """The newest time that was proved to have come: ``now_ms`` never runs below it."""

    @property
    def error_ms(self) -> int | None:
        """How far ``now_ms`` may be off; None while nobody knows."""

    @property
    def last_contact_ms(self) -> int:
        """The newest time that the cloud has sent: when it was last in contact."""

    def mono_ms(self) -> int:
        """Milliseconds since the machine started."""


class ClockState(Struct, frozen=True):
    """The file of a clock. Only the floor is good in another boot. ``heard_ms`` and ``heard_mono_ms`` are of the last
    contact; the file keeps its names."""

    floor_ms: int
    boot: str
    floor_mono_ms: int
    offset_ms: int | None
    heard_mono_ms: int
    error_ms: int = 0
    set_mono_ms: int = 0
    heard_ms: int = 0


class DeviceClock:
    """UTC and monotonic time with their trust. The sources are arguments, so that it runs in virtual time too.

    ``off_ms`` is how far the cloud's time was off when it was last refused, 0 since it was believed. ``rotten`` says
    that the file is not what was written, until it is set aside; ``lost_floor`` that time runs from an older floor for
    that, until it is learned again. ``last_contact_ms`` is the newest time that the cloud has sent; unlike the floor it
    stands still while the cloud is away.
    """

    def __init__(
        self,
        path: Path,
        *,
        boot: str | None = None,
        mono: Callable[[], int] = uptime_ms,
        do: Callable[[Callable[[], None]], object] = lambda job: job(),
    ) -> None:
        """``do`` is where the disk work is done: at once, or in an executor, as its two syncs keep a door waiting."""
        self.boot = kernel_boot() if boot is None else boot
        self.floor_ms = self.last_contact_ms = BUILT_MS
        self.off_ms = 0
        self.rotten = self.lost_floor = False
        self.on_fixed: Callable[[int, int], object] = lambda offset_ms, error_ms: None
        """Called once, when a boot that began without the time has learned it: from now on, and for all that was timed
        before, UTC is the monotonic clock plus ``offset_ms``, give or take ``error_ms``."""
        self.on_contact: Callable[[], object] = lambda: None
        """Called whenever an authenticated time is newer than all before: the cloud is in contact now."""
        self._path, self._mono, self._do = path, mono, do
        self._offset_ms: int | None = None
        self._error_ms = self._set_mono_ms = self._contact_mono_ms = 0
        self._floor_mono_ms = 0
        self._saved_mono_ms: int | None = None
        self._load()

    @property
    def trust(self) -> Trust:
        if self._offset_ms is None:
            return Trust.UNSET
        return Trust.SYNCED if self._mono() - self._contact_mono_ms < SYNCED_FOR_MS else Trust.HOLDOVER

    @property
    def error_ms(self) -> int | None:
        """How far ``now_ms`` may be off; None while the clock is unset. It grows until the next contact."""
        if self._offset_ms is None:
            return None
        return self._error_ms + (self._mono() - self._set_mono_ms) * DRIFT_PPM // 1_000_000

    def now_ms(self) -> int:
        """UTC milliseconds, never below the floor."""
        if self._offset_ms is not None:
            return max(self.floor_ms, self._mono() + self._offset_ms)
        return self.floor_ms + max(0, self._mono() - self._floor_mono_ms)

    def mono_ms(self) -> int:
        return self._mono()

    def saw_acknowledged(self, cloud_ms: int, round_trip_ms: int = 0) -> bool:
        """The cloud's time in a message under the sync key, which answered another within the round trip.

        False if it lies too far off to be taken from that. A worse estimate of the same time is not taken either.
        """
        at_ms, error_ms, known_ms = cloud_ms + round_trip_ms // 2, (round_trip_ms + 1) // 2, self.error_ms
        off_ms = at_ms - self.now_ms()
        if abs(off_ms) > MAX_JUMP_MS:
            self.off_ms = off_ms
            return False
        self.off_ms, self._contact_mono_ms = 0, self._mono()
        if known_ms is None or error_ms <= known_ms or abs(off_ms) > known_ms + error_ms:
            self._set(at_ms, error_ms)
        self._raise_floor(cloud_ms)
        return True

    def saw_issued(self, issued_ms: int) -> None:
        """The time of issue in a signed manifest: it was that late at least, however far ahead that is."""
        self._raise_floor(issued_ms)

    def set_by_command(self, now_ms: int) -> bool:
        """An operator's signed word, which alone may lower the floor. False for a time before this software."""
        if now_ms < BUILT_MS:
            return False
        self.off_ms, self._contact_mono_ms = 0, self._mono()
        self.floor_ms, self._floor_mono_ms = now_ms, self._mono()
        self.last_contact_ms = now_ms
        self._set(now_ms, COMMAND_ERROR_MS)
        self.save()
        return True

    def set_aside(self, issued_ms: int | None) -> str:
        """Part with a rotten file, and go on from the newest other time that was proved to have come, that of a signed
        manifest. Returns the file's new name, empty where the disk lets nothing be renamed."""
        self.rotten, kept_as = False, ""
        with suppress(OSError):
            kept_as = files.set_aside(self._path).name
        if issued_ms is not None:
            self.saw_issued(issued_ms)
        return kept_as

    def save(self) -> None:
        """Keep the floor over a power cut, and the offset over a restart of this process. Never raises.

        The time that has passed by the machine's own clock counts, or every power cut would make the roster younger.
        """
        self._saved_mono_ms = mono_ms = self._mono()
        passed_ms = self.now_ms() - (self.error_ms or 0)
        if passed_ms > self.floor_ms:
            self.floor_ms, self._floor_mono_ms = passed_ms, mono_ms
        state = ClockState(
            self.floor_ms,
            self.boot,
            self._floor_mono_ms,
            self._offset_ms,
            self._contact_mono_ms,
            self._error_ms,
            self._set_mono_ms,
            self.last_contact_ms,
        )
        self._do(partial(self._write, codec.write(state)))

    def _write(self, line: bytes) -> None:
        with suppress(OSError):
            files.write_checked(self._path, line)

    def _set(self, at_ms: int, error_ms: int) -> None:
        is_first = self._offset_ms is None
        self._set_mono_ms = self._mono()
        self._offset_ms, self._error_ms = at_ms - self._set_mono_ms, error_ms
        self.lost_floor = False
        if is_first:
            self.on_fixed(self._offset_ms, error_ms)
            self.save()  # an agent that is killed now need not ask again

    def _raise_floor(self, at_ms: int) -> None:
        self.last_contact_ms = max(self.last_contact_ms, at_ms)
        if at_ms > self.floor_ms:
            self.floor_ms, self._floor_mono_ms = at_ms, self._mono()
            self.on_contact()
        if self._saved_mono_ms is None or self._mono() - self._saved_mono_ms >= SAVE_EVERY_MS:
            self.save()

    def _load(self) -> None:
        """Without a file, or by a rotten one, the floor is where this software began."""
        try:
            state = codec.read(files.read_checked(self._path), ClockState)
        except FileNotFoundError:
            return
        except (OSError, codec.Malformed):
            self.rotten = self.lost_floor = True
            return
        self.floor_ms = max(BUILT_MS, state.floor_ms)
        self.last_contact_ms = state.heard_ms or self.floor_ms
        if state.boot == self.boot:
            self._floor_mono_ms = state.floor_mono_ms
            self._offset_ms, self._contact_mono_ms = state.offset_ms, state.heard_mono_ms
            self._error_ms, self._set_mono_ms = state.error_ms, state.set_mono_ms

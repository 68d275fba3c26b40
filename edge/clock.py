"""The device's clocks. A Raspberry Pi has no battery clock, so how far to believe its time is a fact of its own.

Once the cloud's time has been heard in this boot, time is the monotonic clock plus an offset, and no step of the wall
clock moves it. Before that the system's own clock counts only if its time service vouches for it; otherwise time runs
on from the floor, the newest authenticated time seen, which outlives power cuts. So an unset clock runs late, never
early, and time never runs below the floor.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from contract.decide import DAY_MS, HOUR_MS, Trust
from edge.files import write_whole

BUILT_MS = 1_793_000_000_000
"""The floor of a device that has none yet: no device ran this software before 26 October 2026."""

SYNCED_FOR_MS = HOUR_MS
"""How long one authenticated time keeps the clock synced; after that it is holdover."""

MAX_JUMP_MS = DAY_MS
"""An acknowledgement moves the clock by at most this; a longer way needs a signed manifest first."""

SAVE_EVERY_MS = 60_000

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_SERVICE = Path("/run/systemd/timesync/synchronized")


def kernel_boot() -> str:
    """The first 8 hex digits of the kernel's boot id: the same for every process until the machine starts again."""
    return _BOOT_ID.read_text()[:8]


def uptime_ms() -> int:
    """Milliseconds since the machine started, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """The system's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def time_service_synced() -> bool:
    """Whether systemd's time service has set the system clock in this boot."""
    return _TIME_SERVICE.exists()


class _Kept(Struct, frozen=True):
    """What is kept in the file. Only the floor is good in another boot."""

    floor_ms: int
    boot: str
    floor_mono_ms: int
    offset_ms: int | None
    heard_mono_ms: int


class DeviceClock:
    """UTC and monotonic time with their trust. The sources are arguments, so that it runs in virtual time too."""

    def __init__(
        self,
        path: Path,
        *,
        boot: str | None = None,
        mono: Callable[[], int] = uptime_ms,
        wall: Callable[[], int] = wall_ms,
        wall_is_synced: Callable[[], bool] = time_service_synced,
        do: Callable[[Callable[[], None]], object] = lambda job: job(),
    ) -> None:
        """``do`` is where the disk work is done: at once, or in an executor, as its two syncs keep a door waiting."""
        self.boot = kernel_boot() if boot is None else boot
        self.floor_ms = BUILT_MS
        self._path, self._mono, self._wall, self._wall_is_synced = path, mono, wall, wall_is_synced
        self._do = do
        self._offset_ms: int | None = None
        self._heard_mono_ms = 0
        self._floor_mono_ms = 0
        self._saved_mono_ms: int | None = None
        self._load()

    @property
    def trust(self) -> Trust:
        if self._offset_ms is not None:
            recent = self._mono() - self._heard_mono_ms < SYNCED_FOR_MS
            return Trust.SYNCED if recent else Trust.HOLDOVER
        return Trust.HOLDOVER if self._believes_wall() else Trust.UNSET

    def now_ms(self) -> int:
        """UTC milliseconds, never below the floor."""
        if self._offset_ms is not None:
            return max(self.floor_ms, self._mono() + self._offset_ms)
        return self._wall() if self._believes_wall() else self.floor_ms + max(0, self._mono() - self._floor_mono_ms)

    def mono_ms(self) -> int:
        return self._mono()

    def saw_acknowledged(self, cloud_ms: int) -> bool:
        """The cloud's time in a message under the sync key. False if it lies too far off to be taken from that."""
        if abs(cloud_ms - self.now_ms()) > MAX_JUMP_MS:
            return False
        self._heard_mono_ms = self._mono()
        self._offset_ms = cloud_ms - self._heard_mono_ms
        self._raise_floor(cloud_ms)
        return True

    def saw_issued(self, issued_ms: int) -> None:
        """The time of issue in a signed manifest: it was that late at least, however far ahead that is."""
        self._raise_floor(issued_ms)

    def save(self) -> None:
        """Keep the floor over a power cut, and the offset over a restart of this process. Never raises."""
        self._saved_mono_ms = self._mono()
        kept = _Kept(self.floor_ms, self.boot, self._floor_mono_ms, self._offset_ms, self._heard_mono_ms)
        self._do(partial(self._write, msgspec.json.encode(kept)))

    def _write(self, kept: bytes) -> None:
        with suppress(OSError):
            write_whole(self._path, kept)

    def _raise_floor(self, at_ms: int) -> None:
        if at_ms > self.floor_ms:
            self.floor_ms, self._floor_mono_ms = at_ms, self._mono()
        if self._saved_mono_ms is None or self._mono() - self._saved_mono_ms >= SAVE_EVERY_MS:
            self.save()

    def _believes_wall(self) -> bool:
        return self._wall_is_synced() and self._wall() >= self.floor_ms

    def _load(self) -> None:
        """A file that cannot be read is no file: the floor is then where this software began."""
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
            self.floor_ms = max(BUILT_MS, kept.floor_ms)
            if kept.boot == self.boot:
                self._floor_mono_ms = kept.floor_mono_ms
                self._offset_ms, self._heard_mono_ms = kept.offset_ms, kept.heard_mono_ms

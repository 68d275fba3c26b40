"""Writes the audit's tip down once a day, and follows the audit with the tips that were written."""

import logging
import os
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import select

from cloud.devices.registry import site_of
from cloud.line.worker import Worker
from cloud.operators.tip import Finding, Tip, compared, read_tips, write_tip
from cloud.retention.store import AUDIT, anchor_of
from cloud.store.chunks import among, chunks
from cloud.store.database import Clock, Store
from cloud.web.operators import first_broken_entry
from cloud.web.tables import audit

FILE = "audit-tips.ndjson"
"""In the folder of the community. A line a day: ten years are half a megabyte."""
EVERY_S = 60.0
SHOWN = 7

log = logging.getLogger(__name__)


class Verdict(Struct, frozen=True):
    """What was found of the audit: the first row that does not follow from the one before it, None for a whole chain,
    and how it stands to each tip."""

    broken: int | None
    findings: Sequence[Finding]

    @property
    def is_whole(self) -> bool:
        return self.broken is None and all(one.how != "differs" for one in self.findings)


class AuditTipService:
    """The tips of one site's audit, in a file of its folder. Any thread may read; one writes."""

    def __init__(self, store: Store, folder: Path, clock: Clock) -> None:
        self._store, self._clock, self._path = store, clock, folder / FILE
        self._last_day = ""

    def look(self) -> None:
        """Write today's tip, unless there is one. It goes into the log of the program too, which others keep."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            zone = ZoneInfo(site_of(connection).zone)
        day = datetime.fromtimestamp(now_ms / 1000, zone).date().isoformat()
        if not self._last_day:
            self._last_day = max((tip.day for tip in self.newest(1)), default="")
        tip = self.tip(day) if day > self._last_day else None
        if tip is not None:
            self._append(tip)
            self._last_day = day
            log.info("tip of the audit on %s: row %d, %s", day, tip.row, tip.link)

    def tip(self, day: str = "") -> Tip | None:
        """The end of the audit now; None while nothing stands there."""
        newest = select(audit.c.id, audit.c.link).order_by(audit.c.id.desc()).limit(1)
        with self._store.reading() as connection:
            row = connection.execute(newest).first()
        return None if row is None else Tip(day, row.id, row.link.hex(), self._clock())

    def newest(self, limit: int = SHOWN) -> list[Tip]:
        """The tips that were written last, the newest first. Raises ``BadTips``."""
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8") as lines:
            return list(read_tips(deque(lines, maxlen=limit)))[::-1]

    def all(self) -> list[Tip]:
        """Raises ``BadTips``."""
        return self.read(self._path) if self._path.exists() else []

    @staticmethod
    def read(path: Path) -> list[Tip]:
        """The tips of a file, such as a copy that was kept elsewhere. Raises ``BadTips``, ``OSError``."""
        with path.open(encoding="utf-8", errors="replace") as lines:
            return list(read_tips(lines))

    def verify(self, tips: Iterable[Tip]) -> Verdict:
        """Follow the whole chain, and compare it with these tips."""
        listed = list(tips)
        with self._store.reading() as connection:
            anchor = anchor_of(connection, site_of(connection).name, AUDIT)
            broken = first_broken_entry(connection, anchor.upto, anchor.link or b"")
            links = {anchor.upto: anchor.link} if anchor.link else {}
            for some in chunks(sorted({tip.row for tip in listed})):
                found = connection.execute(select(audit.c.id, audit.c.link).where(among(audit.c.id, some)))
                links |= {row.id: row.link for row in found}
        return Verdict(broken, list(compared(listed, links, anchor.upto)))

    def _append(self, tip: Tip) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(write_tip(tip))
            file.flush()
            os.fsync(file.fileno())


def tip_worker(store: Store, folder: Path, clock: Clock) -> Worker[None]:
    """The thread that writes it while the cloud runs."""
    look = AuditTipService(store, folder, clock).look
    return Worker[None]("audit_tip", "the tip of the audit is not written down", look=look, every_s=EVERY_S)

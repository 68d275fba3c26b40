"""Publishes the roster: pages that all devices of the site share, and a signed manifest for each of them.

A change pushes its new pages ahead of the manifest, so that a revocation is one trip. A device that lacks more asks for
it by hash. Manifests are retained by the broker, and told again whenever the broker comes back: it may have forgotten.
"""

import hashlib
import logging
import threading
from collections.abc import Callable

from cloud.devices.quarantine import quarantine_message
from cloud.devices.registry import device_names
from cloud.line.broker import Arrived, Publish
from cloud.line.worker import Worker
from cloud.people.grants import grants
from cloud.people.members import within_bounds
from cloud.people.rosters import Roster, add_roster, confirm, find_pages, highest_adopted, newest_roster
from cloud.people.store import load_community
from cloud.store.database import Store
from cloud.store.revision import revision
from contract import codec, topics
from contract.codec import Malformed
from contract.decide import DAY_MS, HOUR_MS
from contract.messages import Manifest, Want
from contract.roster import WHOLE, Page, Undeliverable, pack_site, paginate
from contract.sealing import Purpose, RosterKey, page_hash, seal

log = logging.getLogger(__name__)

ISSUE_AGAIN_MS = 6 * HOUR_MS
CLOCK_STEPS_MS = HOUR_MS
"""How far this machine's clock may be set back without a roster being issued again."""
ISSUE_JITTER_MS = HOUR_MS // 2
"""It is done up to so much earlier, differently every time, so that sites which began together do not stay together."""
EXPIRES_AFTER_MS = 7 * DAY_MS
MAX_LEAP = 100_000
"""A cloud restored from a backup goes on above the numbers that devices report; no lying device leads it further."""
LEAP_EVERY_MS = 60_000
MAX_PUSHED_PAGES = 8
"""New pages sent to every device unasked, at most about 55 KB; of a larger change each device fetches what it lacks."""
POLL_S = 0.1
"""How often the database is asked whether another process changed it. Changes made in this one are told at once."""
TRY_AGAIN_MS = 60_000
"""A roster that no device could take is tried again after this, or after the next change."""
NEVER = -1


class Publisher(Worker[Arrived]):
    """The thread that publishes rosters, and their one writer. Any thread may call ``put``, ``look_soon`` and
    ``connected``; its own thread works. Changes of this process are told by the store (``on_roster_change``).

    ``undeliverable`` says why the newest changes are in no roster, empty while they are; ``left_out`` counts the
    memberships that are too many for one person and one plan.
    """

    def __init__(self, store: Store, *, site: str, key: RosterKey, publish: Publish, clock: Callable[[], int]) -> None:
        super().__init__(
            "publisher",
            "a roster could not be published; the old one stays in use",
            each=self.answer,
            look=self.refresh,
            every_s=POLL_S,
        )
        self._store = store
        self._site = site
        self._key = key
        self._publish = publish
        self._clock = clock
        self._issued: Roster | None = None
        self._published_revision = NEVER
        self._publish_again = threading.Event()
        self._stuck: tuple[int, int] | None = None
        """At which revision a roster was undeliverable, and when that was."""
        self.undeliverable = ""
        self.left_out = 0

    def connected(self) -> None:
        """The broker is back, perhaps without what it had retained."""
        self._publish_again.set()
        self.look_soon()

    def refresh(self) -> None:
        """Bring what devices are told in line with the database, if it changed or the last issue is getting old."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            self._issued = self._issued or newest_roster(connection)
            at_revision = revision(connection)
            adopted = highest_adopted(connection)
        if self._is_stuck(at_revision, now_ms):
            if self._publish_again.is_set():
                self._publish_again.clear()
                self._publish_roster([])
            return
        is_old = self._issued is None or not self._is_current(self._issued, adopted, now_ms)
        has_changed = at_revision != self._published_revision
        if not (is_old or has_changed or self._publish_again.is_set()):
            return
        self._publish_again.clear()
        self._published_revision = NEVER  # should the rest fail, all of it is done again
        try:
            new = self._issue(now_ms, self._issued, at_revision, adopted, anew=is_old) if is_old or has_changed else []
        except Undeliverable as wrong:
            self._stuck, self.undeliverable = (at_revision, now_ms), str(wrong)
            self.failures += 1
            log.error("no device could take the new roster, so the old one stays in use: %s", wrong)
            self._publish_roster([])
            return
        self._stuck, self.undeliverable = None, ""
        self._publish_roster(new if len(new) <= MAX_PUSHED_PAGES else [])
        self._published_revision = at_revision

    def _is_stuck(self, at_revision: int, now_ms: int) -> bool:
        """Whether a roster of this revision was found undeliverable a moment ago."""
        return self._stuck is not None and self._stuck[0] == at_revision and 0 <= now_ms - self._stuck[1] < TRY_AGAIN_MS

    def _is_current(self, issued: Roster, adopted: int, now_ms: int) -> bool:
        """Whether the roster need not be issued again. One of the future was issued while our clock was wrong."""
        return issued.issued_ms <= now_ms + CLOCK_STEPS_MS and now_ms < self._due_ms(issued, adopted)

    def _due_ms(self, issued: Roster, adopted: int) -> int:
        """When the roster is to be issued again: soon, if a device has a newer one, which this database has lost."""
        if adopted > issued.number and _next_number(issued, adopted) > adopted:
            return issued.issued_ms + LEAP_EVERY_MS
        drawn = hashlib.sha256(f"{self._site}/{issued.number}".encode()).digest()
        return issued.issued_ms + ISSUE_AGAIN_MS - int.from_bytes(drawn[:8], "big") % ISSUE_JITTER_MS

    def _issue(self, now_ms: int, issued: Roster | None, at_revision: int, adopted: int, *, anew: bool) -> list[bytes]:
        """Store the roster of the present community under the next number; returns the pages that are new in it.

        Without a difference, and unless ``anew``, none is stored.
        """
        with self._store.reading() as connection:
            community = load_community(connection)
            rows, site_page = grants(community, now_ms)
            before = find_pages(connection, issued.pages) if issued else {}
        _, self.left_out = within_bounds(community.memberships, now_ms)
        prefixes = [Page(before[name]).prefix for name in issued.pages] if issued else [WHOLE]
        blobs = {page_hash(blob): blob for blob in (pack_site(site_page), *paginate(rows, prefixes))}
        names = list(blobs)
        before_names = [issued.site_page, *issued.pages] if issued else []
        if issued and names == before_names and not anew:
            with self._store.writing() as connection:
                confirm(connection, issued.number, at_revision)
            return []
        roster = Roster(_next_number(issued, adopted), now_ms, names[0], names[1:], len(rows))
        with self._store.writing() as connection:
            add_roster(connection, roster, blobs, at_revision)
        self._issued = roster
        new = [blobs[name] for name in names if name not in set(before_names)]
        log.info("roster %d: %d rows on %d pages, %d of them new", roster.number, len(rows), len(names), len(new))
        return new

    def _publish_roster(self, pages: list[bytes]) -> None:
        """One device after the other gets the pages and then the manifest, so that the first need not wait for the
        pages of the last."""
        with self._store.reading() as connection:
            names = device_names(connection)
        if self._issued is None:
            return
        for device in names:
            for page in pages:
                self._publish(topics.down(self._site, device, "page"), page)
            manifest = self._manifest(device, self._issued)
            self._publish(topics.down(self._site, device, "roster"), manifest, retain=True)

    def _manifest(self, device: str, roster: Roster) -> bytes:
        body = codec.write(
            Manifest(
                device=device,
                number=roster.number,
                issued_ms=roster.issued_ms,
                expires_ms=roster.issued_ms + EXPIRES_AFTER_MS,
                site_page=roster.site_page,
                pages=list(roster.pages),
                count=roster.count,
            )
        )
        return seal(self._key.sign, Purpose.ROSTER, self._site, device, body)

    def answer(self, message: Arrived) -> None:
        """Send the pages that a registered device asked for, as far as there are such."""
        device = message.topic.device
        with self._store.reading() as connection:
            registered = device in device_names(connection)
        if not registered:
            quarantine_message(
                self._store, message, False, "unknown_device", "no such device is registered", self._clock()
            )
            return
        try:
            want = codec.read(message.payload, Want)
        except Malformed as wrong:
            quarantine_message(self._store, message, True, "malformed", str(wrong), self._clock())
            return
        with self._store.reading() as connection:
            pages = find_pages(connection, want.pages)
        for name in want.pages:
            if name in pages:
                self._publish(topics.down(self._site, device, "page"), pages[name])


def _next_number(issued: Roster | None, adopted: int) -> int:
    """Above every number that was ever used, as far as the devices can be believed about it."""
    last = issued.number if issued else 0
    return max(last, adopted if adopted <= last + MAX_LEAP else 0) + 1

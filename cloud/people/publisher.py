"""Publishes the roster: pages that all devices of the site share, and a signed manifest for each of them.

A change pushes its new pages ahead of the manifest, so that a revocation is one trip. A device that lacks more asks for
it by hash. Manifests are retained by the broker, and told again whenever the broker comes back: it may have forgotten.
A device is sent pages of the version that it said it reads; before it has said anything it is sent nothing. A version
whose site page is too large is withheld from the devices that read it, and from no other.
"""

import hashlib
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import structs
from sqlalchemy import Connection

from cloud.devices.quarantine import quarantine_message
from cloud.devices.registry import Reader, is_registered, roster_readers
from cloud.line.broker import Arrived, Publish
from cloud.line.sealed_channel import SealedChannel
from cloud.line.worker import Worker
from cloud.people.community import note_slow
from cloud.people.compiled import next_edge, windows_left_out
from cloud.people.forms import find_pages, form_of, names_of, small_roster
from cloud.people.issue import Draft, confirm_draft, make_draft, store_draft
from cloud.people.rosters import (
    Roster,
    Withheld,
    highest_adopted,
    newest_roster,
)
from cloud.store.database import Store
from cloud.store.revision import revision
from contract import codec, topics
from contract.codec import Malformed
from contract.decide import DAY_MS, HOUR_MS
from contract.messages import MAX_ROSTER_PAGES, Manifest, Want
from contract.roster import PAGE_VERSIONS, Undeliverable

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
"""New pages sent to every device unasked, at most about 55 KB; of a larger change each device fetches what it lacks. A
single change is a page of rows and an index page."""
POLL_S = 0.1
"""How often the database is asked whether another process changed it. Changes made in this one are told at once."""
TRY_AGAIN_MS = 60_000
"""A roster that no device could take is tried again after this, or after the next change."""
NEVER, STUCK = -1, -2
"""In the place of the revision that was published last: everything is to be published, or it is undeliverable."""


class _Sent(NamedTuple):
    """What a device was sent last: which roster, and in which version."""

    number: int
    issued_ms: int
    version: int


class _Form(NamedTuple):
    """A roster in one version: the pages that are pushed, to those who have none all pages of a small one, and the
    manifest, in which only the device is missing."""

    pushed: list[bytes]
    whole: list[bytes]
    manifest: Manifest | None


class Publisher(Worker[Arrived]):
    """The thread that publishes rosters, and their one writer. Any thread may call ``put``, ``look_soon`` and
    ``connected``; its own thread works. Changes of this process are told by the store (``on_roster_change``).

    ``undeliverable`` says why the newest changes are in no roster, empty while they are; ``left_out`` counts the
    windows that are too many for one person and one plan, and ``withheld`` names devices that are not sent the newest
    roster.
    """

    def __init__(self, store: Store, manifests: SealedChannel, *, publish: Publish, clock: Callable[[], int]) -> None:
        """``publish`` sends pages, which need no seal: a manifest names them by their hashes."""
        super().__init__(
            "publisher",
            "a roster could not be published; the old one stays in use",
            each=self.answer,
            look=self.refresh,
            every_s=POLL_S,
        )
        self._store = store
        self._manifests, self._site = manifests, manifests.site
        self._publish = publish
        self._clock = clock
        self._issued: Roster | None = None
        self._edge_ms: int | None = None
        self._sent: dict[str, _Sent] = {}
        self._published_revision = NEVER
        self._publish_again = threading.Event()
        self._stuck: tuple[int, int] | None = None
        """At which revision a roster was undeliverable, and when that was."""
        self.undeliverable = ""
        self.left_out = 0
        self.withheld: Sequence[Withheld] = []
        self._too_large: Mapping[int, str] = {}
        """Versions of the newest roster's site page that cannot be sent, and why."""

    def connected(self) -> None:
        """The broker is back, perhaps without what it had retained."""
        self._publish_again.set()
        self.look_soon()

    def refresh(self) -> None:
        """Bring what devices are told in line with the database, if it changed, if time changed what it means, or if
        the last issue is getting old."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            if self._issued is None:
                self._issued, self._edge_ms = newest_roster(connection), next_edge(connection, self._site)
                self.left_out = windows_left_out(connection, self._site)
            at_revision = revision(connection)
            adopted = highest_adopted(connection)
        if self._publish_again.is_set():
            self._publish_again.clear()
            self._sent.clear()
            self._published_revision = NEVER
        if self._is_stuck(at_revision, now_ms):
            if self._published_revision == NEVER:
                self._publish_roster(None)
                self._published_revision = STUCK
            return
        is_old = self._issued is None or not self._is_current(self._issued, adopted, now_ms)
        is_due = self._edge_ms is not None and self._edge_ms <= now_ms
        if not (is_old or is_due or at_revision != self._published_revision):
            return
        self._published_revision = NEVER  # should the rest fail, all of it is done again
        try:
            made = self._issue(now_ms, self._issued, adopted, anew=is_old)
        except Undeliverable as wrong:
            self._stuck, self.undeliverable = (at_revision, now_ms), str(wrong)
            self.failures += 1
            log.error("no device could take the new roster, so the old one stays in use: %s", wrong)
            self._publish_roster(None)
            self._published_revision = STUCK
            return
        self._stuck, self.undeliverable = None, ""
        self._publish_roster(made)
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

    def _issue(self, now_ms: int, issued: Roster | None, adopted: int, *, anew: bool) -> Draft | None:
        """Store the roster of the present community under the next number; returns what is new in it.

        Without a difference, and unless ``anew``, none is stored.
        """
        whole = issued is None or not issued.root or issued.issued_ms > now_ms + CLOCK_STEPS_MS
        before = issued if issued and issued.root else None
        with self._store.reading() as connection:
            made = make_draft(connection, self._site, before, now_ms, whole=whole, withheld=self._too_large)
        differs = before is None or made.differs(before)
        with self._store.writing() as connection:
            if before is None or differs or anew:
                number = _next_number(issued, adopted)
                self._issued = store_draft(connection, self._site, made, before, number, now_ms)
            else:
                self._issued = confirm_draft(connection, self._site, made, before, now_ms)
            note_slow(connection, self._site, made.slow)
            self._edge_ms = next_edge(connection, self._site)
            self.left_out = windows_left_out(connection, self._site)
        if differs:
            new = len(made.tree.new) + len(made.new_site_pages)
            log.info("roster %d: %d rows, %d pages new", self._issued.number, self._issued.count, new)
        self._too_large = made.withheld
        return made

    def _publish_roster(self, made: Draft | None) -> None:
        """One device after the other gets the new pages and then the manifest, so that the first need not wait for the
        pages of the last. Who was sent this roster already is sent nothing."""
        issued = self._issued
        if issued is None or not issued.root:
            return
        with self._store.reading() as connection:
            readers = roster_readers(connection)
        self._withhold(issued, readers)
        self._sent = {device: sent for device, sent in self._sent.items() if device in readers}
        forms: dict[int, _Form] = {}
        for device, reader in readers.items():
            sent = _Sent(issued.number, issued.issued_ms, reader.version)
            if self._sent.get(device) == sent or reader.version not in issued.site_pages:
                continue
            if reader.version not in forms:
                forms[reader.version] = self._form(issued, reader.version, made)
            form = forms[reader.version]
            is_first = not reader.roster and device not in self._sent
            for page in form.whole if is_first else form.pushed:
                self._publish(topics.down(self._site, device, "page"), page)
            if form.manifest is not None:
                self._manifests.publish(device, structs.replace(form.manifest, device=device))
            self._sent[device] = sent

    def _withhold(self, issued: Roster, readers: Mapping[str, Reader]) -> None:
        """Say which devices are not sent a roster, as it has no site page that they read. One that lacks it without a
        reason has only just said what it reads: the next look makes it."""
        without: dict[int, list[str]] = defaultdict(list)
        for device, reader in readers.items():
            if reader.version not in issued.site_pages:
                without[reader.version].append(device)
        reasons = {version: self._too_large.get(version, self.undeliverable) for version in sorted(without)}
        withheld = [Withheld(version, why, without[version]) for version, why in reasons.items() if why]
        if withheld != self.withheld:
            for one in withheld:
                names = ", ".join(one.devices)
                log.error("roster withheld from devices of page version %d (%s): %s", one.version, names, one.why)
        self.withheld = withheld

    def _form(self, issued: Roster, version: int, made: Draft | None) -> _Form:
        """What devices of this version are sent of a roster."""
        is_newest = version == PAGE_VERSIONS[-1]
        with self._store.reading() if is_newest else self._store.writing() as connection:
            form = form_of(connection, issued, version)
            if len(form.pages) > MAX_ROSTER_PAGES:
                log.error("%d pages, and a manifest of version 1 names %d", len(form.pages), MAX_ROSTER_PAGES)
                return _Form([], [], None)
            whole = small_roster(connection, issued.site_pages[version], form, MAX_PUSHED_PAGES)
            new = self._new_pages(connection, made, version) if made else []
        manifest = Manifest(
            device="",
            number=issued.number,
            issued_ms=issued.issued_ms,
            expires_ms=issued.issued_ms + EXPIRES_AFTER_MS,
            site_page=issued.site_pages[version],
            pages=list(form.pages),
            count=form.count,
            index_pages=list(form.index_pages),
        )
        return _Form(new, whole, manifest)

    def _new_pages(self, connection: Connection, made: Draft, version: int) -> list[bytes]:
        """The pages that a device needs which has the roster before; none if they are too many to be pushed."""
        names = made.new_site_page(version) + names_of(connection, list(made.tree.new), version)
        if len(names) > MAX_PUSHED_PAGES:
            return []
        found = find_pages(connection, names)
        return [found[name] for name in names]

    def answer(self, message: Arrived) -> None:
        """Send the pages that a registered device asked for, as far as there are such."""
        device = message.topic.device
        with self._store.reading() as connection:
            registered = is_registered(connection, device)
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

"""How a signed roster gets into the store: check the manifest, ask for the pages it lacks, adopt them as a whole.

Whatever is wrong with a manifest or a page, the roster in use stays, and ``refused`` says why the new one is not.
The work is done in slices, so that somebody at the door never waits for a roster.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol, TypeVar

from contract import codec
from contract.codec import Malformed
from contract.decide import Trust
from contract.messages import MAX_WANTED_PAGES, Manifest, Want
from contract.roster import refusal
from contract.sealing import Purpose, RosterVerifier, page_hash, statement
from edge.roster_store import RosterStore, Unfit

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_HELD_PAGES = 256
"""Pages that came before their manifest, or faster than the disk takes them."""
LOOKED_UP_AT_ONCE = 100
STORED_AT_ONCE = 8
DONE = object()
WAIT_S, MAX_WAIT_S = 2.0, 60.0
"""How long to wait for pages before asking again, doubling."""


class Time(Protocol):
    """The clock a manifest is judged by, and whose floor it may raise."""

    @property
    def trust(self) -> Trust: ...

    def now_ms(self) -> int: ...

    def saw_issued(self, issued_ms: int) -> None: ...


class RosterSync:
    """Keeps the store at the newest manifest. ``want`` publishes a request for pages; ``changed`` is told of news."""

    def __init__(
        self,
        store: RosterStore,
        verifier: RosterVerifier,
        site: str,
        device: str,
        clock: Time,
        *,
        writer: Executor | None,
        want: Callable[[bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self.refused = ""
        self._store, self._verifier, self._site, self._device, self._clock = store, verifier, site, device, clock
        self._writer, self._want, self._changed = writer, want, changed
        self._held: dict[bytes, bytes] = {}
        self._target: tuple[Manifest, bytes] | None = None
        self._news = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def manifest(self, payload: bytes) -> None:
        """A manifest has come: take it as the next roster, or say why not."""
        try:
            manifest = self._checked(payload)
        except Malformed as wrong:
            self._refuse(str(wrong).partition(":")[0], str(wrong))
            return
        self._clock.saw_issued(manifest.issued_ms)
        if self._store.manifest == manifest and not self._store.damaged:
            return
        self._target = manifest, payload
        self._news.set()
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work(), name="roster")

    def page(self, blob: bytes) -> None:
        """A page has come, perhaps ahead of its manifest. Its hash is its name; nothing else speaks for it yet."""
        self._held[page_hash(blob)] = blob
        while len(self._held) > MAX_HELD_PAGES:
            del self._held[next(iter(self._held))]
        self._news.set()

    async def close(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    def _checked(self, payload: bytes) -> Manifest:
        body, seal = codec.detach(payload)
        if not self._verifier.accepts(statement(Purpose.ROSTER, self._site, self._device, body), seal):
            raise Malformed("bad_seal: signed for another purpose or device, or not by the roster key")
        manifest = codec.read(body, Manifest)
        newest = self._store.manifest
        why = refusal(
            manifest,
            device=self._device,
            newest_number=newest.number if newest else 0,
            newest_issued_ms=newest.issued_ms if newest else 0,
            now_ms=None if self._clock.trust is Trust.UNSET else self._clock.now_ms(),
        )
        if why is not None:
            raise Malformed(f"{why}: roster {manifest.number}")
        return manifest

    async def _work(self) -> None:
        """Fetch and adopt until there is nothing newer to adopt."""
        wait_s = WAIT_S
        try:
            while self._target is not None:
                manifest, payload = self._target
                try:
                    missing = await self._missing([manifest.site_page, *manifest.pages])
                    if missing:
                        arrived = await self._ask(missing[:MAX_WANTED_PAGES], wait_s)
                        wait_s = WAIT_S if arrived else min(2 * wait_s, MAX_WAIT_S)
                        continue
                    await self._adopt(manifest, payload)
                except sqlite3.Error as wrong:
                    self._refuse("cannot_store", str(wrong))
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, MAX_WAIT_S)
                    continue
                if self._target == (manifest, payload):
                    self._target = None
        finally:
            self._working = None

    async def _missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """Store what has come of the wanted pages; which of them are still not there."""
        mine = [self._held.pop(name) for name in wanted if name in self._held]
        for start in range(0, len(mine), STORED_AT_ONCE):
            await self._on_disk(self._store.put_pages, mine[start : start + STORED_AT_ONCE])
        missing: list[bytes] = []
        for start in range(0, len(wanted), LOOKED_UP_AT_ONCE):
            missing += await self._on_disk(self._store.lacks, wanted[start : start + LOOKED_UP_AT_ONCE])
        return missing

    async def _ask(self, names: Sequence[bytes], wait_s: float) -> bool:
        """Ask for pages and wait until they are all here, or for so long. Whether any of them came."""
        self._want(codec.pack(Want(list(names))))
        target = self._target
        try:
            async with asyncio.timeout(wait_s):
                while self._target == target and any(name not in self._held for name in names):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            log.info("%d roster pages did not come within %.0f s", len(names), wait_s)
        return any(name in self._held for name in names)

    async def _adopt(self, manifest: Manifest, payload: bytes) -> None:
        """Judge the pages and swap the roster, a slice at a time."""
        adopting = self._store.adopting(manifest, payload)
        try:
            while await self._on_disk(next, adopting, DONE) is not DONE:
                pass
        except Unfit as wrong:
            self._refuse("unfit", str(wrong))
            return
        self.refused = ""
        log.info("roster %d with %d rows is in use", manifest.number, manifest.count)
        self._changed()

    async def _on_disk(self, act: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, act, *arguments)

    def _refuse(self, why: str, detail: str) -> None:
        log.warning("a roster was refused: %s", detail)
        self.refused = why
        self._changed()

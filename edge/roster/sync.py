"""How a signed roster gets into the store: check the manifest, ask for what it lacks, adopt it as a whole. The index
pages are asked for first, for they say which pages there are.

Whatever is wrong with a manifest or a page, the roster in use stays, and ``refused`` says why the new one is not.
Pages of it that rot on the disk are found, at the start and whenever somebody needs them, and fetched again.
The work is done in slices, so that somebody at the door never waits for a roster.
"""

import asyncio
import logging
import sqlite3
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol, TypeVar

from contract import codec
from contract.decide import Trust
from contract.device_events import RosterDamaged as RosterDamage
from contract.messages import MAX_PAYLOAD_BYTES, MAX_WANTED_PAGES, Manifest, Want
from contract.roster import refusal
from contract.sealing import Purpose, RosterVerifier, page_hash
from edge.link.sealed_channel import DocumentRefused, SealedChannel
from edge.machine import files
from edge.machine.clock import WallClock
from edge.roster.file import RosterDamaged
from edge.roster.store import InvalidRoster, RosterStore, newest_of

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_HELD_BYTES = 2 * 1024 * 1024
"""Pages that came before their manifest, or faster than the disk takes them: the oldest go first. Pages that were asked
for, at most ``MAX_WANTED_PAGES``, come on top: a flood of others cannot push them out."""
LOOKED_UP_AT_ONCE = 100
STORED_AT_ONCE = 8
ASK_TIME_S, MAX_ASK_TIME_S = 5.0, 600.0
"""How long a first roster waits for the cloud's word of the time before it is asked for again, doubling."""
DONE = object()
WAIT_S, MAX_WAIT_S = 2.0, 60.0
"""How long to wait for pages before asking again, doubling."""


class WaitsForTime(DocumentRefused):
    """A first roster that can be judged only when the cloud has said what time it is."""


class Target(NamedTuple):
    """What the store is to hold. Without a payload it is the roster in use, of which pages are spoilt."""

    manifest: Manifest
    payload: bytes | None


class RosterClock(WallClock, Protocol):
    """The clock a manifest is judged by, and whose floor it may raise."""

    def saw_issued(self, issued_ms: int) -> None: ...


class RosterSync:
    """Keeps the store at the newest manifest. ``ask_time`` asks the cloud for its sealed word of the time, which a
    first roster waits for. ``on_change`` is told of news, and ``on_damage`` of a store that is not what it was: with
    how many pages are spoilt, or how the old file is called now.

    ``got`` of ``wanted`` pages are there while some are being fetched; both are 0 otherwise.
    """

    def __init__(
        self,
        channel: SealedChannel,
        store: RosterStore,
        verifier: RosterVerifier,
        clock: RosterClock,
        loop: AbstractEventLoop,
        writer: Executor | None,
    ) -> None:
        self.refused = ""
        self.got = self.wanted = 0
        self.on_change: Callable[[], object] = lambda: None
        self.on_damage: Callable[[RosterDamage], object] = lambda damage: None
        self.ask_time: Callable[[], object] = lambda: None
        self._channel, self._store, self._verifier, self._clock = channel, store, verifier, clock
        self._loop, self._writer = loop, writer
        self._asked: frozenset[bytes] = frozenset()
        self._held: dict[bytes, bytes] = {}
        self._held_bytes = 0
        self._target: Target | None = None
        self._first: Target | None = None
        self._asking: TimerHandle | None = None
        self._turn = 0
        self._news = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        store.on_damage = self._repair

    def start(self) -> None:
        """Look over what a power cut, or years on a cheap card, left of the roster in use."""
        if self._working is None:
            self._working = self._loop.create_task(self._work(look_over=True), name="roster")

    def manifest(self, payload: bytes) -> None:
        """A manifest has come: take it as the next roster, or say why not."""
        try:
            manifest = self._sealed(payload)
            self._judge(manifest)
        except WaitsForTime:
            self._hold_back(manifest, payload)
            return
        except DocumentRefused as wrong:
            self._refuse(wrong.why, str(wrong))
            return
        self._first = None
        self._cancel_ask()
        self._clock.saw_issued(manifest.issued_ms)
        if self._store.manifest == manifest and not self._store.damaged:
            self._all_well()
        else:
            self._aim(Target(manifest, payload))

    def time_known(self) -> None:
        """The cloud has said what time it is: a first roster that waited for that can be judged."""
        if self._first is not None and self._first.payload is not None:
            self._cancel_ask()
            self.manifest(self._first.payload)

    def page(self, blob: bytes) -> None:
        """A page has come, perhaps ahead of its manifest. Its hash is its name; nothing else speaks for it yet."""
        name = page_hash(blob)
        if name not in self._held:
            self._held[name] = blob
            self._held_bytes += len(blob)
        while self._held_bytes > MAX_HELD_BYTES:
            stray = next((name for name in self._held if name not in self._asked), None)
            if stray is None:
                break
            self._take(stray)
        self._news.set()

    async def close(self) -> None:
        """Stop, with nothing under way in the store any more."""
        self._store.on_damage = lambda: None
        self._cancel_ask()
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        await self._on_disk(int)

    def _repair(self) -> None:
        """If pages of the roster in use are spoilt, fetch them again."""
        if self._target is None and self._store.manifest is not None and self._store.damaged:
            log.warning("%d roster pages are spoilt; they are fetched again", len(self._store.damaged))
            self.on_damage({"pages": len(self._store.damaged)})
            self._aim(Target(self._store.manifest, None))

    def _aim(self, target: Target) -> None:
        self._target = target
        self._turn += 1
        self._news.set()
        if self._working is None:
            self._working = self._loop.create_task(self._work(), name="roster")

    def _hold_back(self, manifest: Manifest, payload: bytes) -> None:
        """Keep a first roster until the time is known. Its seal says that it is that late at least, which may be what
        the clock lacks to believe the cloud's next word."""
        held = self._first.manifest if self._first else None
        if held is None or newest_of(manifest) > newest_of(held):
            self._first = Target(manifest, payload)
            self._clock.saw_issued(manifest.issued_ms)
            self._keep_asking(ASK_TIME_S)

    def _keep_asking(self, again_s: float) -> None:
        """An answer that was long under way, or came to what was sent twice, tells no time: ask again, ever later."""
        self._cancel_ask()
        self.ask_time()
        self._asking = self._loop.call_later(again_s, self._keep_asking, min(2 * again_s, MAX_ASK_TIME_S))

    def _cancel_ask(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _sealed(self, payload: bytes) -> Manifest:
        """Raises ``DocumentRefused``. The seal comes first: of what nobody signed, nothing else is worth saying."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise DocumentRefused("too_long", f"{len(payload)} bytes")
        try:
            return codec.read(self._channel.unseal(self._verifier.accepts, Purpose.ROSTER, payload), Manifest)
        except codec.Malformed as wrong:
            raise DocumentRefused(wrong.why, str(wrong)) from None

    def _judge(self, manifest: Manifest) -> None:
        """Raises ``DocumentRefused`` unless it is the next roster."""
        newest = self._store.newest
        if self._target is not None:
            newest = max(newest, newest_of(self._target.manifest))
        why = refusal(
            manifest,
            device=self._channel.device,
            newest_number=newest.number,
            newest_issued_ms=newest.issued_ms,
            now_ms=None if self._clock.trust is Trust.UNSET else self._clock.now_ms(),
        )
        if why is not None:
            kind = WaitsForTime if why == "clock_unset" else DocumentRefused
            raise kind(why, f"roster {manifest.number}")

    async def _work(self, *, look_over: bool = False) -> None:
        """Fetch and adopt until there is nothing newer to adopt, and nothing to mend."""
        try:
            if look_over:
                await self._look_over()
            while self._target is not None:
                turn = self._turn
                pause_s = await self._try(self._target, turn)
                if pause_s:
                    await asyncio.sleep(pause_s)
                elif self._turn == turn:
                    self._target = None
                    self._repair()
        finally:
            self._working = None

    async def _look_over(self) -> None:
        looking = self._store.checking()
        while await self._on_disk(next, looking, DONE) is not DONE:
            pass
        self._repair()

    async def _try(self, target: Target, turn: int) -> float:
        """Bring the store to a target. Returns after how many seconds to try again, 0 if there is no more to do."""
        try:
            await self._reach(target, turn)
        except InvalidRoster as wrong:
            self._refuse("malformed", str(wrong))
        except RosterDamaged as wrong:
            log.warning("%s; it is fetched again", wrong)
            return WAIT_S
        except sqlite3.Error as wrong:
            return await self._disk_failed(wrong)
        finally:
            self._progress(0, 0)
        return 0.0

    async def _disk_failed(self, error: sqlite3.Error) -> float:
        if not files.is_damage(error):
            self._refuse("cannot_store", str(error))
            return MAX_WAIT_S
        log.error("the roster is damaged: %s", error)
        try:
            await self._on_disk(self._store.begin_anew)
        except sqlite3.Error as wrong:
            self._refuse("cannot_store", str(wrong))
            return MAX_WAIT_S
        if self._store.set_aside is not None:
            self.on_damage({"kept_as": self._store.set_aside.name})
        return WAIT_S

    async def _reach(self, target: Target, turn: int) -> None:
        """Fetch what the store lacks of a target and adopt it, unless another comes up meanwhile."""
        manifest = target.manifest
        if target.payload is None:
            if await self._fetch(list(self._store.damaged), turn) and self.refused == "cannot_store":
                self._all_well()
            return
        if not await self._fetch([manifest.site_page, *manifest.index_pages, *manifest.pages], turn):
            return
        below: list[bytes] = []
        for index_page in self._store.new_index_pages(manifest):
            below += await self._on_disk(self._store.new_pages, index_page)
        if await self._fetch(below, turn):
            await self._adopt(manifest, target.payload)

    async def _fetch(self, names: Sequence[bytes], turn: int) -> bool:
        """Fetch those of the pages that the store lacks; False where another target comes up meanwhile."""
        wait_s = WAIT_S
        missing = await self._missing(names)
        while missing:
            self._progress(len(names) - len(missing), len(names))
            asked = missing[:MAX_WANTED_PAGES]
            await self._ask(asked, wait_s, turn)
            if self._turn != turn:
                return False
            lacking = await self._missing(asked)
            wait_s = WAIT_S if len(lacking) < len(asked) else min(2 * wait_s, MAX_WAIT_S)
            missing = [*lacking, *missing[MAX_WANTED_PAGES:]]
        return True

    def _progress(self, got: int, wanted: int) -> None:
        if (got, wanted) != (self.got, self.wanted):
            self.got, self.wanted = got, wanted
            self.on_change()

    async def _missing(self, names: Sequence[bytes]) -> list[bytes]:
        """Store what has come of these pages; which of them are still not there."""
        arrived = [self._take(name) for name in names if name in self._held]
        for start in range(0, len(arrived), STORED_AT_ONCE):
            await self._on_disk(self._store.put_pages, arrived[start : start + STORED_AT_ONCE])
        missing: list[bytes] = []
        for start in range(0, len(names), LOOKED_UP_AT_ONCE):
            missing += await self._on_disk(self._store.lacks, names[start : start + LOOKED_UP_AT_ONCE])
        return missing

    def _take(self, name: bytes) -> bytes:
        blob = self._held.pop(name)
        self._held_bytes -= len(blob)
        return blob

    async def _ask(self, names: Sequence[bytes], wait_s: float, turn: int) -> None:
        """Ask for pages, and wait until they are all here, another target comes up, or the time is over."""
        self._asked = frozenset(names)
        self._channel.publish("want", Want(list(names)))
        try:
            async with asyncio.timeout(wait_s):
                while self._turn == turn and any(name not in self._held for name in names):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            log.info("of %d roster pages some did not come within %.0f s", len(names), wait_s)

    async def _adopt(self, manifest: Manifest, payload: bytes) -> None:
        """Judge the pages and swap the roster, a slice at a time. Raises ``InvalidRoster``."""
        adopting = self._store.adopting(manifest, payload)
        while await self._on_disk(next, adopting, DONE) is not DONE:
            pass
        self.refused, self.got, self.wanted = "", 0, 0
        log.info("roster %d with %d rows is in use", manifest.number, manifest.count)
        self.on_change()

    async def _on_disk(self, act: Callable[..., T], *arguments: object) -> T:
        return await self._loop.run_in_executor(self._writer, act, *arguments)

    def _all_well(self) -> None:
        """Nothing is wrong any more, whatever was before."""
        if self.refused:
            self.refused = ""
            self.on_change()

    def _refuse(self, why: str, detail: str) -> None:
        log.warning("a roster was refused: %s", detail)
        if why != self.refused:  # a broker that repeats itself fills no journal
            self.refused = why
            self.on_change()

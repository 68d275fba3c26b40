"""One counted zone as its device knows it: the newest news, and over it what passed here since. Pure.

The news says up to which row of this device's journal it has counted; what was recorded behind that is counted here. So
nobody is counted twice, whatever is lost or late on the way. Whoever was let in and has not passed yet is counted too:
several may be let in before the first of them has turned the arm.
"""

from collections import deque
from typing import NamedTuple

from contract.occupancy import FRESH_MS, NOWHERE_KNOWN, Count, Moved, Whereabouts, ZoneCount
from contract.zone_news import ZoneNews, unpack_names

MAX_OWN = 20_000
"""Passages of this device that the news does not have: two weeks of a busy turnstile. Of more the oldest are counted as
if they had happened with the next."""
AWAITED_MS = 60_000
"""How long somebody who was let in is expected. Most ways say earlier that nobody came."""


class OwnPassage(NamedTuple):
    """Somebody passed here. ``number`` is that of the event's row, ``at_ms`` the wall clock (UTC); ``holder`` is empty
    where nobody knows who it was."""

    number: int
    at_ms: int
    inside: int
    count_doubt: int = 0
    names_doubt: int = 0
    holder: bytes = b""

    @property
    def moved(self) -> Moved:
        return Moved(self.inside, self.count_doubt, self.names_doubt)


class _Seen(NamedTuple):
    is_inside: bool
    at_ms: int


class ZoneCounter:
    """How a zone stands. ``news`` is None before the first. It belongs to the loop."""

    def __init__(self) -> None:
        self.news: ZoneNews | None = None
        self.own: deque[OwnPassage] = deque()
        self._heard_mono_ms: int | None = None
        self._count = Count()
        self._net = 0
        self._here: dict[bytes, _Seen] = {}
        """Whom this device itself has seen since the news."""
        self._named: dict[bytes, int] | None = None
        """Since when those are inside whom the news names (UTC ms); read when somebody first asks."""
        self._awaited: dict[bytes, int] = {}
        """Who was let in, and until when they are expected (monotonic)."""

    def take(self, news: ZoneNews, seen: int, heard_mono_ms: int | None) -> None:
        """Go by this news. It has counted all events of this device up to the one of the number ``seen``.
        ``heard_mono_ms`` is when it came, None for one of before a restart."""
        self.news, self._heard_mono_ms, self._named = news, heard_mono_ms, None
        self.own = deque(one for one in self.own if one.number > seen)
        self._count, self._net, self._here = Count(news.inside, news.count_doubt, news.names_doubt), 0, {}
        for one in self.own:
            self._add(one)

    def passed(self, one: OwnPassage) -> None:
        """Somebody passed here just now."""
        self.own.append(one)
        if len(self.own) > MAX_OWN:
            self._join_oldest()
        self._add(one)
        if one.holder:
            self._awaited.pop(one.holder, None)
        elif one.inside > 0 and self._awaited:
            self._awaited.pop(next(iter(self._awaited)))

    def let_in(self, holder: bytes, mono_ms: int) -> None:
        """Somebody may pass in now."""
        self._awaited[holder] = mono_ms + AWAITED_MS

    def did_not_pass(self, holder: bytes) -> None:
        """Somebody who was let in is not expected any more."""
        self._awaited.pop(holder, None)

    def count(self, limit: int, holder: bytes, mono_ms: int, now_ms: int | None) -> ZoneCount | None:
        """How many are inside as somebody else asks to be let in; None before the first news. ``limit`` is the fire
        limit, 0 for none, and ``now_ms`` the wall clock, None while nobody knows it.

        Up to the limit this device admits what the cloud has promised it. The places that others were promised are
        taken for filled, and are in doubt.
        """
        if self.news is None:
            return None
        awaited = self._expected(holder, mono_ms)
        certain = self._count.inside + awaited
        most = certain
        if limit and self.news.room is not None:
            most = max(certain, limit - (self.news.room - self._net - awaited))
        doubt = self._count.count_doubt + most - certain
        return ZoneCount(most, doubt, self._count.names_doubt, self.is_fresh(mono_ms, now_ms))

    @property
    def known(self) -> Count:
        """How many are inside by the news and by what passed here."""
        return self._count

    def whereabouts(self, holder: bytes) -> Whereabouts:
        """Where somebody is, as far as the news and this device know."""
        seen = self._here.get(holder)
        if seen is not None:
            return Whereabouts(seen.is_inside, seen.at_ms)
        if self.news is None or self.news.names is None:
            return NOWHERE_KNOWN
        since_ms = self._names_of(self.news, self.news.names).get(holder)
        return Whereabouts(since_ms is not None, since_ms)

    def is_fresh(self, mono_ms: int, now_ms: int | None) -> bool:
        """Whether the news speaks of this moment: it came a short while ago, and had not been kept by anybody."""
        if self.news is None or self._heard_mono_ms is None or now_ms is None:
            return False
        return mono_ms - self._heard_mono_ms < FRESH_MS and now_ms - self.news.issued_ms < FRESH_MS

    def _add(self, one: OwnPassage) -> None:
        news = self.news
        self._net += one.inside
        if news is not None and one.at_ms < news.emptied_ms:
            return
        is_counted = news is None or one.at_ms >= news.counted_ms
        self._count = self._count.after(one.moved if is_counted else Moved(0, 0, one.names_doubt))
        if one.holder:
            self._here[one.holder] = _Seen(one.inside > 0, one.at_ms)

    def _expected(self, holder: bytes, mono_ms: int) -> int:
        """How many are expected beside this one."""
        if self._awaited and min(self._awaited.values()) <= mono_ms:
            self._awaited = {who: until_ms for who, until_ms in self._awaited.items() if until_ms > mono_ms}
        return len(self._awaited) - (holder in self._awaited)

    def _names_of(self, news: ZoneNews, packed: bytes) -> dict[bytes, int]:
        if self._named is None:
            self._named = {one.holder: news.issued_ms - one.ago_s * 1000 for one in unpack_names(packed)}
        return self._named

    def _join_oldest(self) -> None:
        first, second = self.own.popleft(), self.own.popleft()
        self.own.appendleft(
            second._replace(
                inside=first.inside + second.inside,
                count_doubt=first.count_doubt + second.count_doubt,
                names_doubt=first.names_doubt + second.names_doubt + bool(first.holder),
            )
        )

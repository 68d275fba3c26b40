"""The list of cards that a post keeps for the time without us: what it should hold, what it holds, and the next step
from one to the other. Pure.

On it stand the cards that were weighed and allowed at this post since the agent's start. They are here in memory only,
for a device keeps no number of a card on its disk. The post's version moves only when it says that it took an update.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from edge.stations.ev_post.messages import Configured, Done, Listed, ListVersion, UpdateList

MAX_CARDS = 500
USUAL_CHUNK = 10
"""Cards a message where the post does not say how many it takes."""
NEVER = frozenset({"not_supported", "not_implemented"})


class LocalList(Struct, frozen=True):
    """``wanted`` and ``held`` map tags to the end of their right, 0 where it has none. ``version`` is None while nobody
    knows what the post holds, or if it holds no list. ``whole``: the next update replaces all. ``sent`` is on its way.
    ``roster`` is the number of the roster that the cards were last weighed by."""

    wanted: Mapping[str, int] = {}
    held: Mapping[str, int] = {}
    version: int | None = None
    whole: bool = True
    sent: UpdateList | None = None
    total: int = MAX_CARDS
    chunk: int = USUAL_CHUNK
    roster: int = 0


def allowed(cards: LocalList, tag: str, until_ms: int) -> LocalList:
    """A card was weighed and allowed. Where the list is full, the one that was allowed longest ago makes room."""
    kept = {one: until for one, until in cards.wanted.items() if one != tag}
    if len(kept) >= cards.total:
        kept.pop(next(iter(kept)), None)
    return replace(cards, wanted={**kept, tag: until_ms} if cards.total else {})


def refused(cards: LocalList, tag: str) -> LocalList:
    """A card was weighed and refused."""
    return replace(cards, wanted={one: until for one, until in cards.wanted.items() if one != tag})


def limited(cards: LocalList, report: Configured) -> LocalList:
    """The post says how much it takes."""
    total = min(MAX_CARDS, report.list_total or MAX_CARDS)
    kept = dict(list(cards.wanted.items())[-total:])
    return replace(cards, wanted=kept, total=total, chunk=report.list_chunk or USUAL_CHUNK)


def version_reported(cards: LocalList, report: ListVersion) -> LocalList:
    """The post says which version it holds: one that is not ours is replaced as a whole."""
    ours = report.version is not None and report.version == cards.version
    return replace(cards, version=report.version, whole=cards.whole or not ours, sent=None)


def update(cards: LocalList, order: str) -> tuple[LocalList, UpdateList | None]:
    """The next message to the post, if there is anything to say and it is ready to hear it."""
    if cards.version is None or cards.sent is not None:
        return cards, None
    held = {} if cards.whole else cards.held
    news = [Listed(tag, until) for tag, until in cards.wanted.items() if held.get(tag) != until]
    news += [Listed(tag, gone=True) for tag in held if tag not in cards.wanted]
    if not news and not cards.whole:
        return cards, None
    sent = UpdateList(order, max(0, cards.version) + 1, cards.whole, tuple(news[: cards.chunk]))
    return replace(cards, sent=sent), sent


def answered(cards: LocalList, done: Done) -> LocalList:
    """What the post made of an update. One that was not taken is followed by the whole list."""
    sent = cards.sent
    if sent is None or sent.order != done.order:
        return cards
    if done.how in NEVER:
        return replace(cards, version=None, sent=None)
    if not done.accepted:
        return replace(cards, whole=True, sent=None)
    held = {} if sent.full else dict(cards.held)
    for card in sent.cards:
        held.pop(card.tag, None)
        if not card.gone:
            held[card.tag] = card.until_ms
    return replace(cards, held=held, version=sent.version, whole=False, sent=None)

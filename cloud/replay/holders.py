"""Whom a log names: a person by number or name, a card, or what devices know of either. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from cloud.cards.rule import Card
from cloud.people.grants import Community
from cloud.replay.rule import Who
from contract.events import holder_in
from contract.sealing import DIGEST_BYTES, DigestKey


class Unclear(ValueError):
    """Several people are called so; the text says what to write."""


class HolderIndex:
    """The people and cards of a community by all that a log may call them: the number of a person, as it stands in the
    address of their page; a name; a card as ``H10301:21:10001``; its digest (32 hex digits); or what devices know of a
    person (16 hex digits). ``key`` makes digests of card numbers, None where no card has a number."""

    def __init__(self, community: Community, names: Iterable[tuple[str, int]], key: DigestKey | None) -> None:
        self._key = key
        self._named: dict[str, set[int]] = defaultdict(set)
        for name, person in names:
            self._named[name.casefold()].add(person)
        self._people = {str(one.id): Who(one.id) for one in community.people}
        self._cards = {one.digest: Who(one.person, one.digest) for one in community.credentials}
        self._cards |= {one.digest: Who(one.bearer, one.digest) for one in community.family_cards}
        self._holders = {one.holder: Who(one.id) for one in community.people}
        self._holders |= {one.holder: Who(one.bearer, one.digest) for one in community.family_cards}
        self._shared = {one.digest for one in community.family_cards}

    def find(self, text: str) -> Who | None:
        """None for nobody who is known. Raises ``Unclear``."""
        named = self._named.get(text.casefold(), ())
        if len(named) > 1:
            numbers = ", ".join(map(str, sorted(named)))
            raise Unclear(f"holder: {len(named)} people are called so; write the number of one: {numbers}")
        if named:
            return Who(next(iter(named)))
        return self._people.get(text) or self._by_device(text) or self._by_card(text)

    def walker(self, text: str) -> int | str | None:
        """By whom passages are told apart: the number of a person, the text itself where nobody is known, and None for
        a family card, with which several people pass. Raises ``Unclear``."""
        who = self.find(text)
        if who is None:
            return text
        return None if who.digest in self._shared else who.person

    def _by_device(self, text: str) -> Who | None:
        holder = holder_in(text)
        if holder is not None:
            return self._holders.get(holder)
        try:
            digest = bytes.fromhex(text)
        except ValueError:
            return None
        return self._cards.get(digest) if len(digest) == DIGEST_BYTES else None

    def _by_card(self, text: str) -> Who | None:
        if self._key is None or text.count(":") != 2:
            return None
        try:
            return self._cards.get(Card.from_text(text.upper()).digest(self._key))
        except (ValueError, KeyError):
            return None


def by_name(names: Mapping[int, Iterable[str]]) -> Iterable[tuple[str, int]]:
    """Each name with whom it is of; empty ones are none."""
    return ((name, person) for person, called in names.items() for name in called if name)

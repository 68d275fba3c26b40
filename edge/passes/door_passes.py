"""Signed passes at the doors of one device: what became of each, and what it grants.

A phone that the roster knows signs the moment with its own key, whose public half stands in its row. A carried pass is
signed by the cloud, for a door that has never heard of its holder; the phone that it names signs the moment.
"""

from collections import OrderedDict
from collections.abc import Callable, Container, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from contract.carried_passes import CarriedPass, believe_carried, verify_carried
from contract.codec import Malformed, pack, unpack
from contract.credentials import pass_credential, phone_credential
from contract.decide import Grant
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, Moment, ShortPass, verify_short
from edge.machine.clock import Clock
from edge.passes.replays import Replays, StoredShown
from edge.passes.scans import Shown
from edge.passes.uses import PassUses, UsedPass

MAX_BELIEVED = 256
"""Carried passes whose signature was found to be the cloud's; of more, that which was shown longest ago is forgotten,
and costs one more check."""


class JudgedPass(NamedTuple):
    """What became of a pass: its kind, the verdict, the canonical bytes that name it, and what they are ``granted`` by
    the roster or by the cloud's signature. ``carried`` is None for a phone's own, and for one that the cloud has not
    signed. ``shown_s`` is the moment (UTC seconds) that a good pass was signed for, None of any other."""

    kind: Literal["pass", "phone"]
    verdict: PassVerdict
    credential: bytes = b""
    granted: Sequence[Grant] = ()
    carried: CarriedPass | None = None
    shown_s: int | None = None


class PassTerms(NamedTuple):
    """What a device's site and its roster in use say of carried passes: the public keys of the cloud that sign them (33
    bytes each), and the ids of those that were withdrawn."""

    site: str
    keys: Sequence[bytes]
    revoked: Container[bytes]


class StoredPasses(Struct):
    """The document of all doors."""

    shown: StoredShown
    used: list[UsedPass]


class DoorPasses:
    """The passes at the doors of one device. ``terms`` are those of now, ``grants_of`` gives the rows of a phone by its
    canonical bytes, its public key among them."""

    def __init__(
        self,
        terms: Callable[[], PassTerms],
        grants_of: Callable[[bytes], Sequence[Grant]],
        clock: Clock,
        document: bytes = b"",
    ) -> None:
        self._terms, self._grants_of, self._clock = terms, grants_of, clock
        stored = _read(document)
        self._replays, self._uses = Replays(stored.shown), PassUses(stored.used)
        self._believed = OrderedDict[bytes, CarriedPass]()
        self._believed_keys: Sequence[bytes] = ()
        self.has_news = False
        """Whether ``document`` has changed since it was last asked for."""

    def judge(self, shown: Shown, door: str) -> JudgedPass:
        """Whether this is a good pass that is shown at this door for the first time; from now on it has been."""
        moment = Moment(self._clock.now_ms(), self._clock.error_ms, self._clock.trust)
        match shown:
            case ShortPass():
                return self._short(shown, door, moment)
            case CarriedProof():
                return self._carried(shown, door, moment)
            case _:
                return JudgedPass("pass", shown)

    def note_opened(self, judged: JudgedPass, door: str) -> None:
        """The door has opened to it."""
        if judged.carried is not None and judged.carried.uses:
            self.has_news = True
            self._uses.note(door, judged.carried.id, judged.carried.until_s, self._clock.now_ms() // 1000)

    def document(self) -> bytes:
        """What the next start must know."""
        self.has_news = False
        return pack(StoredPasses(self._replays.stored(), self._uses.rows()))

    def _short(self, shown: ShortPass, door: str, moment: Moment) -> JudgedPass:
        credential = phone_credential(shown.key_id)
        granted = self._grants_of(credential)
        key = next((grant.key for grant in granted if grant.key), b"")
        verdict = self._if_first(verify_short(shown, key, moment), door, shown)
        return JudgedPass("phone", verdict, credential, granted, shown_s=_moment_of(verdict, shown))

    def _carried(self, shown: CarriedProof, door: str, moment: Moment) -> JudgedPass:
        terms = self._terms()
        verdict, carried = self._believe(shown.message, terms)
        if carried is None:
            return JudgedPass("pass", verdict)
        verdict = verify_carried(carried, shown.proof, moment, terms.revoked)
        if verdict is PassVerdict.OK and 0 < carried.uses <= self._uses.count(door, carried.id):
            verdict = PassVerdict.USED_UP
        verdict = self._if_first(verdict, door, shown.proof)
        shown_s = _moment_of(verdict, shown.proof)
        return JudgedPass("pass", verdict, pass_credential(carried.id), [carried.grant()], carried, shown_s)

    def _believe(self, message: bytes, terms: PassTerms) -> tuple[PassVerdict, CarriedPass | None]:
        """What the cloud says in it. Its signature is checked once, for as long as the keys stay the same."""
        if terms.keys != self._believed_keys:
            self._believed_keys = terms.keys
            self._believed.clear()
        carried = self._believed.pop(message, None)
        verdict = PassVerdict.OK
        if carried is None:
            verdict, carried = believe_carried(message, terms.keys, terms.site)
        if carried is not None:
            self._believed[message] = carried
        if len(self._believed) > MAX_BELIEVED:
            self._believed.popitem(last=False)
        return verdict, carried

    def _if_first(self, verdict: PassVerdict, door: str, proof: ShortPass) -> PassVerdict:
        if verdict is not PassVerdict.OK:
            return verdict
        if not self._replays.is_first(door, proof.key_id, proof.at_s):
            return PassVerdict.REPLAYED
        self.has_news = True
        return verdict


def _moment_of(verdict: PassVerdict, proof: ShortPass) -> int | None:
    """When the telephone signed it: believed where nothing but its having been shown before speaks against it."""
    return proof.at_s if verdict in (PassVerdict.OK, PassVerdict.REPLAYED) else None


def _read(document: bytes) -> StoredPasses:
    """A document that has rotted holds nothing: a pass in it counts once more, for a minute at the most."""
    try:
        return unpack(document, StoredPasses)
    except Malformed:
        return StoredPasses(StoredShown([]), [])

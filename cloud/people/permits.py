"""Permits as rosters speak of them: timed rights of those who are not of the estate. Pure.

The rows of a permit follow from its own window, the places that lead to its flat and its credentials, and from nothing
of anybody else's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from cloud.flats.rule import Flat, gate_name, places_of_flat
from cloud.parties.party import Span
from cloud.people.grants import Compiled, Credential, Profile
from cloud.people.members import AHEAD_MS
from cloud.people.plans import VISITORS
from contract.decide import DAY_MS, MINUTE_MS, Tier
from contract.demands import Assurance
from contract.roster import Row, pack_rows


class AgreedTime(Protocol):
    """What was agreed of a permit's time, and when it was used first."""

    @property
    def from_ms(self) -> int: ...
    @property
    def until_ms(self) -> int: ...
    @property
    def early_ms(self) -> int: ...
    @property
    def late_ms(self) -> int: ...
    @property
    def clock_ms(self) -> int: ...
    @property
    def used_ms(self) -> int | None: ...


def lasts(row: AgreedTime) -> Span:
    """When a permit opens what it opens: as agreed, with its margins, and no longer than its clock runs from the first
    use."""
    from_ms, until_ms = row.from_ms - row.early_ms, row.until_ms + row.late_ms
    if row.clock_ms and row.used_ms is not None:
        until_ms = min(until_ms, row.used_ms + row.clock_ms)
    return from_ms, until_ms


GATES_STAY_MS = 10 * MINUTE_MS
"""A gate at which the uses are used up opens for so long after the last one: whoever holds it for a pram, or has a
second gate behind it, is not shut out."""
TOLD_AFTER_MS = DAY_MS
"""For so long after its end the rows of a permit stay, so that a refusal can say that it has ended."""


class TimedRight(Struct, frozen=True):
    """What devices need to know of a permit. It opens the zones of ``plan`` (empty: nothing at all), and what leads to
    the ``flat``; the window is half-open, margins included. Each gate of ``shuts`` opens to it until then only, for its
    uses there are used up. One that ``is_ended`` opens nothing from that moment. The ``credentials`` are its own."""

    id: int
    holder: bytes
    plan: str
    tier: Tier
    from_ms: int
    until_ms: int
    shuts: Mapping[str, int] = {}
    is_ended: bool = False
    flat: Flat | None = None
    credentials: Sequence[Credential] = ()


class Rights(Struct, frozen=True):
    """Permits with what their rows refer to: the numbers of profiles, and whether any point asks for the assurance of a
    credential. ``gates`` are those of the estate, known where a permit has used up its uses at one of them."""

    rights: Sequence[TimedRight]
    profiles: Mapping[Profile, int] = {}
    asks_assurance: bool = False
    gates: Sequence[str] = ()


def compile_permits(found: Rights, now_ms: int) -> dict[int, Compiled]:
    """The rows of each of these permits, by permit."""
    return {right.id: _compile(found, right, now_ms) for right in found.rights}


def at_gate(plan: str, gate: str) -> Profile:
    """A plan at one gate alone."""
    return Profile(plan, gate_name(gate))


def profiles_of(right: TimedRight) -> list[Profile]:
    """What a permit opens: the gates, or the zones of its plan, first; then unit door and lift floor of its flat. What
    belongs to one flat alone, as its garage, is no part of the way there."""
    if not right.plan:
        return []
    places = places_of_flat(right.flat) if right.flat else ()
    return [Profile(right.plan), *(Profile(VISITORS, place.name) for place in places if not place.flat)]


def _compile(found: Rights, right: TimedRight, now_ms: int) -> Compiled:
    if right.is_ended:
        return Compiled(b"", None, 0)
    edges = right.from_ms - AHEAD_MS, right.until_ms + TOLD_AFTER_MS
    edge_ms = min((edge for edge in edges if edge > now_ms), default=None)
    is_told = edges[0] <= now_ms < edges[1]
    return Compiled(pack_rows(sorted(_rows(found, right))) if is_told else b"", edge_ms, 0)


def _rows(found: Rights, right: TimedRight) -> Iterator[Row]:
    for profile, until_ms in _ways(found, right):
        number = found.profiles.get(profile)
        if number is None or until_ms // 1000 <= right.from_ms // 1000:
            continue
        for one in right.credentials:
            yield Row(
                *(one.digest, number, right.holder, right.tier, one.standing, right.from_ms // 1000, until_ms // 1000),
                assurance=one.assurance if found.asks_assurance else Assurance.CARD,
                key=one.key,
            )


def _ways(found: Rights, right: TimedRight) -> Iterator[tuple[Profile, int]]:
    """What a permit opens, and until when. Once its uses are used up at one gate, each gate is a way of its own."""
    for profile in profiles_of(right):
        if profile.place or not right.shuts:
            yield profile, right.until_ms
        else:
            for gate in found.gates:
                yield at_gate(right.plan, gate), min(right.until_ms, right.shuts.get(gate, right.until_ms))

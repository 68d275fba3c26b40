"""What the cloud has lent this device of each quantity, as written down, and how the cloud's word changes it. Pure.

See ``contract.quantities`` for what an allowance is, and ``contract.messages`` for what travels.
"""

from typing import Literal, NamedTuple

from contract.messages import Lend, Usage
from contract.quantities import Unit, UseKey

FOREVER = 0
"""The last day of a loan that no calendar ends."""


class Loan(NamedTuple):
    """A row of the memory. ``number`` is that of the newest allowance, ``known`` what the cloud knows that was used
    here, with what was given back of it, ``folded`` what was used by sessions that have no row of their own any more:
    of a concurrent quantity they have given all of it back. The row is needed up to ``last_day`` (counted from the year
    1)."""

    holder: str
    allotment: str
    unit: Unit
    period: int
    last_day: int = FOREVER
    number: int = 0
    allowance: int = 0
    closed: Literal[0, 1] = 0
    known: int = 0
    folded: int = 0

    @property
    def key(self) -> UseKey:
        return UseKey(*self[:4])


class Use(NamedTuple):
    """What was used of a quantity here in all, and given back of it. Both only grow."""

    used: int
    returned: int = 0

    @property
    def net(self) -> int:
        """What is used, or in use."""
        return self.used - self.returned

    @property
    def moved(self) -> int:
        """More with everything that the cloud is to be told."""
        return self.used + self.returned


def behind(use: Use, lend: Lend) -> int:
    """How much of a concurrent quantity this device has told of and does not know any more, of sessions that a power
    cut took from its memory: it counts as taken and given back. What it gave back before such a cut, and has in use
    after it, counts as taken once more."""
    return max(0, lend.used - use.used, lend.returned - use.returned)


def after(loan: Loan, lend: Lend, used: int, *, in_use: bool) -> Loan:
    """The loan after the cloud's word; the same loan for a word that is older. ``used`` was used here, by the rows of
    the sessions, or is in use; ``in_use``: a session goes on."""
    if lend.number < loan.number:
        return loan
    allowance = lend.allowance if lend.number > loan.number else loan.allowance
    if lend.keep is not None:
        allowance = min(allowance, max(used, lend.keep) if in_use else used)
    known = max(loan.known, lend.used + lend.returned)
    return loan._replace(number=lend.number, allowance=allowance, closed=1 if lend.closed else 0, known=known)


def usage(loan: Loan, use: Use, *, wants: bool) -> Usage:
    """What the cloud is told of a loan as it is written down."""
    return Usage(
        holder=loan.holder,
        allotment=loan.allotment,
        unit=loan.unit,
        period=loan.period,
        number=loan.number,
        allowance=loan.allowance,
        used=use.used,
        returned=use.returned,
        wants=wants,
    )

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
    here, ``folded`` what was used by sessions that have no row of their own any more. The row is needed up to
    ``last_day`` (counted from the year 1)."""

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


def after(loan: Loan, lend: Lend, used: int, *, in_use: bool) -> Loan:
    """The loan after the cloud's word; the same loan for a word that is older. ``used`` was used here, by the rows of
    the sessions; ``in_use``: a session goes on."""
    if lend.number < loan.number:
        return loan
    allowance = lend.allowance if lend.number > loan.number else loan.allowance
    if lend.keep is not None:
        allowance = min(allowance, max(used, lend.keep) if in_use else used)
    known = max(loan.known, lend.used)
    return loan._replace(number=lend.number, allowance=allowance, closed=1 if lend.closed else 0, known=known)


def usage(loan: Loan, used: int, *, wants: bool) -> Usage:
    """What the cloud is told of a loan as it is written down."""
    return Usage(
        holder=loan.holder,
        allotment=loan.allotment,
        unit=loan.unit,
        period=loan.period,
        number=loan.number,
        allowance=loan.allowance,
        used=used,
        wants=wants,
    )

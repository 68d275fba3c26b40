"""The emergency of a zone, in the words that devices and cloud share: why there is one, and by what it ends."""

from typing import Literal, get_args

Cause = Literal["fire", "smoke", "estop", "loop_broken", "drill"]
"""The worst first. ``loop_broken`` is acted upon like a fire, and is a fault; a ``drill`` gives way to all others."""
Ending = Literal["key", "card", "order", "time", "restart"]
"""By what an emergency ended: a person's key or card; a drill also by an order, its time, or the keeper's restart."""

WORST_FIRST: tuple[Cause, ...] = get_args(Cause)


def worse(cause: Cause, known: Cause | None) -> bool:
    """Whether a cause has to be told to whoever knows of that other one, or of none."""
    return known is None or WORST_FIRST.index(cause) < WORST_FIRST.index(known)


def cause_of(word: object) -> Cause:
    """A cause as somebody wrote it down. What nobody knows here is taken for a fire."""
    return next((cause for cause in WORST_FIRST if cause == word), "fire")

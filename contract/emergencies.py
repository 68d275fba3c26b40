"""The emergency of a zone, in the words that devices and cloud share: why there is one, and by what it ends."""

from collections.abc import Mapping
from typing import Literal, get_args

from contract.phrases import Phrase

Cause = Literal["fire", "smoke", "estop", "loop_broken", "drill"]
"""The worst first. ``loop_broken`` is acted upon like a fire, and is a fault; a ``drill`` gives way to all others."""
Ending = Literal["key", "card", "order", "time", "restart"]
"""By what an emergency ended: a person's key or card; a drill also by an order, its time, or the keeper's restart."""

CAUSE_WORDS: Mapping[str, Phrase] = {
    "fire": Phrase("火警", "Fire"),
    "smoke": Phrase("烟雾", "Smoke"),
    "estop": Phrase("急停", "Emergency stop"),
    "loop_broken": Phrase("火警线断线", "Fire loop broken"),
    "drill": Phrase("消防演练", "Fire drill"),
}
ENDING_WORDS: Mapping[str, Phrase] = {
    "key": Phrase("钥匙复位", "Reset by key"),
    "card": Phrase("刷卡复位", "Reset by card"),
    "order": Phrase("按命令结束", "Ended by order"),
    "time": Phrase("半小时后自动结束", "Ended by itself after half an hour"),
    "restart": Phrase("守护程序重启，已结束", "Ended: the keeper process restarted"),
}

WORST_FIRST: tuple[Cause, ...] = get_args(Cause)


def worse(cause: Cause, before: Cause | None) -> bool:
    """Whether a cause is worse than the one before it, or the first."""
    return before is None or WORST_FIRST.index(cause) < WORST_FIRST.index(before)


def cause_of(word: object) -> Cause:
    """A cause as somebody wrote it down. What nobody knows here is taken for a fire."""
    return next((cause for cause in WORST_FIRST if cause == word), "fire")

"""How a program of ours ends."""

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    NOT_SO = 1
    MENDABLE = 2
    SECOND_STEP = 3


MEANINGS: Mapping[Exit, str] = {
    Exit.DONE: "It is done, or all that was looked at is as it should be.",
    Exit.NOT_SO: "Something that was looked at is not as it should be: a check failed, a chain is broken, a device "
    "decided otherwise. With a traceback it is a fault of ours.",
    Exit.MENDABLE: "Something was typed, or stands in a file, that you can mend: standard error says what and where, a "
    "line for each place. Nothing was changed.",
    Exit.SECOND_STEP: "Nothing was changed yet: what was asked wants a second step, which is named, such as "
    "`--accept CODE`.",
}

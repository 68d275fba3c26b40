"""What the user can mend: a program ends with one clear line about it and exit 2, never with a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from contract.kinds import BadKind
from service.exit_codes import Exit

PROGRAM = "hearthgate-edge"


class Mendable(Exception):
    """Something is wrong that the user can mend. The text says what, and where."""


_MENDABLE: tuple[type[Exception], ...] = (Mendable, BadKind, OSError)


@contextmanager
def mendable(*more: type[Exception], program: str = PROGRAM) -> Iterator[None]:
    """Around a command: what the user can mend ends the program; ``more`` is what this command adds to it."""
    try:
        yield
    except BrokenPipeError:  # whoever reads our lines has had enough of them
        raise
    except _MENDABLE + more as wrong:
        fail(str(wrong), program)


def fail(text: str, program: str = PROGRAM) -> NoReturn:
    """End the program with one line."""
    print(f"{program}: {text}", file=sys.stderr)
    raise SystemExit(Exit.MENDABLE)

"""Loading what a program consists of, without looking through it for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Around the imports of a program. What they make is there for good, and the collector finds nothing in it: to look
    through it again and again took up to half of a start, and once more at the end of the process."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

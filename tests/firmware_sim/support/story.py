"""Lets a test be written as a coroutine that lives in virtual time."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from firmware_sim.time.clock import run_virtual

P = ParamSpec("P")


def in_virtual_time(story: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a loop whose time jumps."""

    @functools.wraps(story)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtual(story(*args, **kwargs))

    return test

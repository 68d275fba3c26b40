"""Writes ``docs/reference/`` anew: ``python3 -m tests.house.reference``."""

from tests.house.reference.pages import write

write()

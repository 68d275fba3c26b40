"""Writes ``docs/reference/`` and the console's catalogue anew: ``python3 -m tests.house.reference``."""

from tests.house.reference import catalogue
from tests.house.reference.pages import write

write()
catalogue.FILE.write_text(catalogue.catalogue(), "utf-8", newline="\n")

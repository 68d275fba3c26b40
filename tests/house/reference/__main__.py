"""Writes ``docs/reference/``, the catalogue and the README's tables: ``python3 -m tests.house.reference``."""

from benchmarks import _readme
from tests.house.reference import catalogue
from tests.house.reference.pages import write

write()
catalogue.FILE.write_text(catalogue.catalogue(), "utf-8", newline="\n")
_readme.write()

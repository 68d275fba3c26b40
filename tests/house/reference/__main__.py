"""Writes ``docs/reference/``, the catalogue, the picture of the folders and the README's tables.

``python3 dev.py reference`` runs it."""

from benchmarks import _readme
from tests.house.reference import catalogue, picture
from tests.house.reference.pages import write

write()
catalogue.FILE.write_text(catalogue.catalogue(), "utf-8", newline="\n")
picture.FILE.write_text(picture.drawn(), "utf-8", newline="\n")
_readme.write()

"""Kinds of station that tests make up, in a folder of their own."""

from pathlib import Path

from edge.config.kinds import add_kinds
from tests.added_kinds import remove_folders

WORDS = """\
from contract.archetypes import WatchKind
from contract.event_types import event
from contract.phrases import Phrase, noun


class Made(WatchKind):
    @event("{name}.seen", "quiet", "watch", "看见", "Seen")
    def seen(self, number: int = ..., digest: str = ...) -> None: ...


KIND = Made("{name}", noun("试验", "Trial", "Trials"), phases={{"idle": Phrase("闲着", "idle")}})
"""


def write_kind(folder: Path, name: str, station: str) -> None:
    """Write the two files of a kind that may record ``NAME.seen``."""
    for place, text in (("kinds", WORDS.format(name=name)), ("stations", station)):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / f"{name}.py").write_text(text)


def add_kind(folder: Path, name: str, station: str) -> None:
    """The same, to be found from now on, until the end of the test."""
    remove_folders()
    write_kind(folder, name, station)
    add_kinds([folder])

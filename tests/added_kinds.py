"""The kinds of station that a test adds end with it."""

import importlib
import sys
from pathlib import Path

from contract.kinds import known_kinds, vocabulary

PACKAGES = ("contract.kinds", "edge.stations", "firmware_sim.parts")
"""What a kind has a file in."""


def remove_folders() -> None:
    """Know the kinds of added folders no more."""
    added = [
        (package, place)
        for package in (sys.modules[name] for name in PACKAGES if name in sys.modules)
        for place in package.__path__[1:]
    ]
    for package, place in added:
        package.__path__.remove(place)
        for module in Path(place).glob("*"):
            sys.modules.pop(f"{package.__name__}.{module.stem}", None)
    if added:
        importlib.invalidate_caches()
        known_kinds.cache_clear()
        vocabulary.cache_clear()

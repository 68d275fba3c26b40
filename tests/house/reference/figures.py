"""The page of the figures that a monitoring system is shown."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from cloud.devices.registry import found_site
from cloud.overview.metrics import Metrics
from cloud.store.database import open_store
from cloud.web.feed import LiveFeed
from tests.house.reference.markdown import Undocumented, code, table

HEAD = ("Figure", "Type", "Meaning")
TOLD = re.compile(r"^# HELP (?P<name>hearthgate_\w+) (?P<meaning>.*)\n# TYPE \w+ (?P<type>\w+)$", re.MULTILINE)
"""What Prometheus is told of each of ours; those of the process depend on the machine."""


def figures() -> str:
    """Every figure of ``/metrics``, as a cloud without devices tells it."""
    return table(HEAD, rows(_text()))


def rows(text: str) -> list[list[str]]:
    """A row for each figure of ours. Raises ``Undocumented`` for one that says nothing of itself."""
    found = sorted(TOLD.findall(text))
    if silent := [name for name, meaning, _ in found if not meaning.strip()]:
        raise Undocumented(f"figures that say nothing of themselves: {', '.join(silent)}")
    return [[code(name), kind, meaning] for name, meaning, kind in found]


def _text() -> str:
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'empty.db'}")
        try:
            with store.writing() as connection:
                found_site(connection, "site", "Asia/Shanghai", "", "")
            return Metrics(store, lambda: 0, LiveFeed()).text().decode()
        finally:
            store.engine.dispose()

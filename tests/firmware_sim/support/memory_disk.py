"""Where a simulated community keeps its files: in memory if there is such a place, for nobody pulls *our* plug."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = Path("/dev/shm")


@contextmanager
def memory_disk() -> Iterator[Path]:
    """A folder, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        yield Path(folder)

"""Disks in memory whose power is cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.disk.recorder import DiskRecorder
from tests.firmware_sim.support.memory_disk import memory_disk


@pytest.fixture
def disk() -> Iterator[DiskRecorder]:
    """Where a device lives; what is done to it is taken down while it is entered."""
    with memory_disk() as folder:
        yield DiskRecorder(folder)


@pytest.fixture
def image() -> Iterator[Path]:
    """Where images are started from."""
    with memory_disk() as folder:
        yield folder

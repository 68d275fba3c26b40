"""A scanner that types: a Linux input device, held for this process alone, so that nothing is typed anywhere else."""

import errno
import fcntl
import os
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path

from edge.machine.device_file import DeviceFile
from edge.scanners.keys import KeyReader

EVIOCGRAB = 0x40044590
"""Linux's request to get all events of an input device, and to leave none to the console."""


class KeyboardLine:
    """The text that a keyboard types. ``on_bytes`` gets it as it comes."""

    def __init__(self, device: Path, loop: AbstractEventLoop) -> None:
        self.on_bytes: Callable[[bytes], object] = lambda data: None
        self._keys = KeyReader()
        self._file = DeviceFile(device, loop, self._open)
        self._file.on_bytes = lambda data: self.on_bytes(self._keys.read(data))

    @property
    def why_down(self) -> str:
        return self._file.why_down

    def close(self) -> None:
        self._file.close()

    def _open(self, device: Path) -> int:
        """No key is held on a keyboard that has just been plugged in. Raises ``OSError``."""
        fd = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, EVIOCGRAB, 1)
        except OSError as error:
            os.close(fd)
            raise OSError(errno.EINVAL, "it is no keyboard") if error.errno == errno.ENOTTY else error from None
        self._keys = KeyReader()
        return fd

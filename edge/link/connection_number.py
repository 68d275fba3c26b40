"""The number of a device's connection to its broker. The cloud ignores a presence of an older number than it knows, and
a command is for one number alone: so a number never comes twice, and none is lower than one before."""

import logging
from pathlib import Path

from contract.codec import Malformed
from contract.decide import Trust
from contract.messages import MAX_NUMBER
from edge.machine.clock import Clock
from edge.machine.files import read_checked, write_checked

log = logging.getLogger(__name__)


class ConnectionNumber:
    """The count of a device's connections, over restarts. A number is kept before it is used.

    Where the file is lost, was damaged, or could not be written, the count goes on from the seconds since 1970: no
    device connects once a second. ``is_doubtful`` while it does so by a clock that does not know the time and may run
    behind the numbers of before: then the device is to connect anew as soon as it knows.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.is_doubtful = False
        self._path, self._clock = path, clock
        self._last: int | None = None
        try:
            self._last = _read(path)
        except FileNotFoundError:
            log.info("no connection number is kept: the count begins with the time")
        except (OSError, Malformed) as wrong:
            log.warning("the connection number is counted anew: %s", wrong)

    def next(self) -> int:
        if self._last is None or self.is_doubtful:
            self.is_doubtful = self._clock.trust is Trust.UNSET
            self._last = max(self._last or 0, self._clock.now_ms() // 1000)
        self._last += 1
        self._keep(self._last)
        return self._last

    def _keep(self, number: int) -> None:
        """A file that cannot be written goes: by an old one the next start would count too low."""
        try:
            write_checked(self._path, str(number).encode())
        except OSError as error:
            log.warning("the connection number %d cannot be kept: %s", number, error.strerror)
            try:
                self._path.unlink(missing_ok=True)
            except OSError:
                log.warning("%s is out of date and cannot be removed", self._path)


def _read(path: Path) -> int:
    """Raises ``OSError`` or ``Malformed``."""
    text = read_checked(path)
    if not text.isdigit() or len(text) > len(str(MAX_NUMBER)) or int(text) > MAX_NUMBER:
        raise Malformed(f"{path} holds no connection number")
    return int(text)

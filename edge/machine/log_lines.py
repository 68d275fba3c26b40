"""The newest lines of this process's log, for whoever asks from afar. No card's bits are ever among them."""

import logging
import re
from collections import deque

from contract.messages import MAX_LOG_LINES

MAX_LINE_CHARACTERS = 300
MAX_SENT_BYTES = 32 * 1024

_BITS = re.compile(r"[01]{16,}")
"""A frame as a reader sends it. None should stand in a log; should one do so, it goes no further."""


class LogLines(logging.Handler):
    """Keeps the last lines of what is logged, an error by its kind and without its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        self._lines: deque[str] = deque(maxlen=MAX_LOG_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - whoever logs does not fail by it: the rule of the standard library's handlers
            self.handleError(record)
        else:
            self._lines.append(line)

    def _line(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        bare = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        line = self.format(bare) + (f" ({kind.__name__})" if kind else "")
        line = _BITS.sub("…", " ".join(line.split()))[:MAX_LINE_CHARACTERS]
        return line.encode(errors="backslashreplace").decode()  # the name of a file may hold what is no text

    def newest(self) -> list[str]:
        """The last lines, the oldest of them first, as many as fit into one message."""
        newest: list[str] = []
        room = MAX_SENT_BYTES
        for line in reversed(self._lines.copy()):  # other threads go on logging
            room -= len(line.encode()) + 3  # the quotes and the comma of JSON
            if room < 0:
                break
            newest.append(line)
        return newest[::-1]

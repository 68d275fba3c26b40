"""The text that a scanner types as a USB keyboard, read from the kernel's input events. Pure.

An event says which key moved, not what stands on it, so no layout and no caps lock of this machine comes in between:
the keys are read as those of a US keyboard, which every scanner imitates unless it is set to another country. Passes
are capitals and digits alone. Every other key spoils its line, and so does a moment in which the kernel dropped events.

Layout of an event: Linux's ``struct input_event`` of 64-bit machines; numbers of keys: ``input-event-codes.h``.
"""

import struct

_EVENT = struct.Struct("=qqHHi")
"""Seconds, microseconds, type, code, value."""
EVENT_BYTES = _EVENT.size
_SYN, _KEY = 0, 1
_DROPPED = 3
_RELEASED, _PRESSED = 0, 1
_SHIFTS = (42, 54)
_ENDS = (15, 28, 96)
"""Tab, Enter, and Enter of the number pad."""
SPOILT = b"\x1a"
"""In the place of whatever is neither letter nor digit: a line that holds it is no text."""

_ROWS = {2: "1234567890", 16: "qwertyuiop", 30: "asdfghjkl", 44: "zxcvbnm", 71: "789", 75: "456", 79: "1230"}
"""By the number of the first key of each row."""
_TYPED = {first + place: key for first, row in _ROWS.items() for place, key in enumerate(row)}


def pack_event(kind: int, code: int, value: int) -> bytes:
    """An event as the kernel gives it, at no time in particular."""
    return _EVENT.pack(0, 0, kind, code, value)


def typed(text: str) -> bytes:
    """The events of a scanner that types this text of letters and digits, and Enter: what a keyboard would send."""
    codes = {key: code for code, key in reversed(_TYPED.items())}
    events = []
    for character in text:
        shift = [pack_event(_KEY, _SHIFTS[0], value) for value in (_PRESSED, _RELEASED)] if character.isupper() else []
        events += [*shift[:1], *_stroke(codes[character.lower()]), *shift[1:]]
    return b"".join([*events, *_stroke(_ENDS[1])])


def _stroke(code: int) -> list[bytes]:
    return [pack_event(_KEY, code, _PRESSED), pack_event(_KEY, code, _RELEASED), pack_event(_SYN, 0, 0)]


class KeyReader:
    """One keyboard: which shift is held, and the part of an event that has come."""

    def __init__(self) -> None:
        self._held = set[int]()
        self._rest = b""

    def read(self, data: bytes) -> bytes:
        """What these bytes of events type; a line ends with a line feed."""
        data = self._rest + data
        whole = len(data) // EVENT_BYTES * EVENT_BYTES
        self._rest = data[whole:]
        return b"".join(self._typed(*fields[2:]) for fields in _EVENT.iter_unpack(data[:whole]))

    def _typed(self, kind: int, code: int, value: int) -> bytes:
        if kind == _SYN and code == _DROPPED:
            return SPOILT
        if kind == _KEY and code in _SHIFTS:
            (self._held.discard if value == _RELEASED else self._held.add)(code)
        elif kind == _KEY and value == _PRESSED:
            return b"\n" if code in _ENDS else self._character(code)
        return b""

    def _character(self, code: int) -> bytes:
        key = _TYPED.get(code, "")
        if not key or (key.isdigit() and self._held):
            return SPOILT
        return (key.upper() if self._held else key).encode()

"""The number of a connection goes up, whatever becomes of its file."""

from pathlib import Path

import pytest

from contract.decide import Trust
from edge.link.connection_number import ConnectionNumber
from tests.edge.support.rosters import NOW_MS
from tests.edge.support.syncing import Clock

NOW_S = NOW_MS // 1000


def test_connections_are_counted_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "connections"
    path.write_text("6")
    assert [ConnectionNumber(path, Clock()).next() for _ in range(3)] == [7, 8, 9]


SPOILT = [None, b"", b"spoilt", b"-7", b"9" * 5000, b"\xff\xfe", b"12\nAAAA", b"7" * 100_000, bytes(8)]


@pytest.mark.parametrize("text", SPOILT, ids=lambda text: str(text)[:12])
def test_a_spoilt_file_makes_no_number_lower(tmp_path: Path, text: bytes | None) -> None:
    """A number of before is lower than the seconds since 1970, whatever the file has become."""
    path, clock = tmp_path / "connections", Clock()
    if text is not None:
        path.write_bytes(text)
    number = ConnectionNumber(path, clock)
    assert (number.next(), number.is_doubtful) == (NOW_S + 2, False)
    assert number.next() == NOW_S + 3
    clock.at_ms += 1
    assert ConnectionNumber(path, clock).next() == NOW_S + 4


def test_one_rotten_digit_is_noticed(tmp_path: Path) -> None:
    path, clock = tmp_path / "connections", Clock()
    path.write_text("4711")
    ConnectionNumber(path, clock).next()
    path.write_bytes(path.read_bytes().replace(b"4712", b"4012"))
    assert ConnectionNumber(path, clock).next() == NOW_S + 2


def test_without_the_time_the_number_is_doubtful(tmp_path: Path) -> None:
    """The clock of a device that lost everything runs behind: once it knows the time, the next number is surely new."""
    clock = Clock(Trust.UNSET, 1000)
    number = ConnectionNumber(tmp_path / "connections", clock)
    assert (number.next(), number.is_doubtful) == (2, True)
    assert (number.next(), number.is_doubtful) == (3, True)
    clock.trust, clock.at_ms = Trust.SYNCED, NOW_MS
    assert (number.next(), number.is_doubtful) == (NOW_S + 1, False)
    assert number.next() == NOW_S + 2


def test_a_file_that_cannot_be_written_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = tmp_path / "connections", Clock()
    path.write_text("6")
    number = ConnectionNumber(path, clock)

    def full(_path: Path, _line: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("edge.link.connection_number.write_checked", full)
        assert [number.next(), number.next()] == [7, 8]
    assert ConnectionNumber(path, clock).next() == NOW_S + 2

"""The log that an operator may fetch."""

import logging
from collections.abc import Iterator

import pytest

from contract.messages import MAX_LOG_LINES
from edge.machine.log_lines import MAX_LINE_CHARACTERS, MAX_SENT_BYTES, LogLines
from tests.edge.support.cards import ANNAS


@pytest.fixture
def lines() -> Iterator[LogLines]:
    kept = LogLines()
    log = logging.getLogger("edge.test")
    log.addHandler(kept)
    log.setLevel(logging.INFO)
    yield kept
    log.removeHandler(kept)
    log.setLevel(logging.NOTSET)


def test_the_newest_lines_are_kept_in_their_order(lines: LogLines) -> None:
    for number in range(MAX_LOG_LINES + 10):
        logging.getLogger("edge.test").info("line %d", number)
    kept = lines.newest()
    assert len(kept) == MAX_LOG_LINES
    assert kept[-1].endswith(f"INFO edge.test line {MAX_LOG_LINES + 9}")


def test_an_error_is_told_by_its_kind_and_without_what_it_held(lines: LogLines) -> None:
    try:
        raise ValueError(ANNAS)
    except ValueError:
        logging.getLogger("edge.test").exception("a decision failed for %s", ANNAS)
    (line,) = lines.newest()
    assert line.endswith("ERROR edge.test a decision failed for … (ValueError)")
    assert ANNAS not in line


def test_a_line_stays_a_line_and_is_short(lines: LogLines) -> None:
    logging.getLogger("edge.test").warning("one\ntwo %s", "x" * 1000)
    (line,) = lines.newest()
    assert "one two" in line
    assert len(line) == MAX_LINE_CHARACTERS


def test_a_line_that_cannot_be_made_harms_nobody_who_logs(
    lines: LogLines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger("edge.test"), "propagate", False)
    logging.getLogger("edge.test").warning("%d doors", "two")
    logging.getLogger("edge.test").warning("no such file: %s", "\udcff.toml")
    (line,) = lines.newest()
    assert line.endswith("no such file: \\udcff.toml")
    assert "two" in capsys.readouterr().err


def test_all_that_is_sent_fits_into_its_message(lines: LogLines) -> None:
    for _ in range(MAX_LOG_LINES):
        logging.getLogger("edge.test").warning("门" * 200)
    kept = lines.newest()
    assert 0 < sum(len(line.encode()) for line in kept) <= MAX_SENT_BYTES
    assert len(kept) < MAX_LOG_LINES

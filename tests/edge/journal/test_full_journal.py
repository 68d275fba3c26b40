"""A journal that has no more room gives up the least, and says what."""

from pathlib import Path
from shutil import copyfile

import pytest

from contract.events import CHAIN_START, Gap, read_gap
from edge.journal.journal import CannotWrite, Journal
from tests.edge.support.journals import BOOT, left, meddle, mixed, reopen, rows_after, write

JOURNALS = Path(__file__).parents[2] / "fixtures" / "journals"
"""Files that older versions wrote. They are kept for ever."""


def test_a_full_disk_refuses_the_rows_and_changes_nothing(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 3)
        journal._connection.execute("PRAGMA max_page_count = 1")
        more = rows_after(3, journal.tip, 400)
        with pytest.raises(CannotWrite, match="full"):
            journal.insert(more)
        assert (journal.last_seq, journal.tip) == (3, rows[-1].link)
        journal._connection.execute("PRAGMA max_page_count = 100000")
        journal.insert(more)
        assert journal.verify().last == 403


def test_the_oldest_acknowledged_rows_go_first_and_no_others_while_there_are_any(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=50) as journal:
        write(journal, 40)
        journal.acknowledge(30)
        write(journal, 18)
        assert journal.base_seq == 8
        assert journal.verify().broken == ""
        batch = journal.batch(8, 58, 500, 100_000)
        assert batch is not None
        assert (batch.first, batch.last, batch.gaps) == (9, 58, [])
    with Journal(path, boot=BOOT, max_rows=50) as journal:
        assert (journal.base_seq, journal.last_seq, journal.verify().broken) == (8, 58, "")


def test_acknowledged_rows_are_kept_while_there_is_room_for_them(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=50) as journal:
        write(journal, 50)
        journal.acknowledge(50)
        assert journal.base_seq == 0
        batch = journal.batch(0, 50, 500, 100_000)
        assert batch is not None
        assert len(batch.events) == 50


def test_rows_are_let_go_a_few_at_a_time(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=1500) as journal:
        write(journal, 1500)
        journal.acknowledge(1500)
        write(journal, 1)
        assert journal.base_seq == 150


def test_rows_that_were_let_go_are_told_as_one_gap_to_who_asks_for_them(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=50) as journal:
        rows = write(journal, 50)
        journal.acknowledge(40)
        rows += write(journal, 1)
        batch = journal.batch(2, 51, 500, 100_000)
        assert batch is not None
        assert (batch.first, batch.last, batch.prev, batch.tip) == (1, 51, CHAIN_START, rows[-1].link)
        assert [read_gap(stored) for stored in batch.gaps] == [Gap(1, 5, 5, rows[4].link.hex(), "let_go")]
        assert batch.events == [*batch.gaps, *[row.stored for row in rows[5:]]]


@pytest.mark.parametrize(
    ("kinds", "acked", "kept"),
    [
        ("aaaaa", 0, "1 a a a a"),
        ("aaaaaaaa", 0, "4 a a a a"),
        ("awawaa", 0, "a 1 a 1 a a"),
        ("awwwaa", 0, "a 2 w a a"),
        ("wwaaaa", 0, "2 a a a a"),
        ("aaawww", 0, "a a a 2 w"),
        ("vvvvw", 0, "v v v v 1"),
        ("vvvva", 0, "v v v v 1"),
        ("vvvvv", 0, "1 v v v v"),
        ("vavavwvw", 0, "v 1 v 1 v 1 v 1"),
        ("aaaawaaa", 2, "1 a 1 a a a"),
        ("aaaaaa", 1, "1 a a a a"),
    ],
)
def test_a_full_journal_gives_up_the_lowest_grade_first_and_of_one_grade_the_oldest(
    path: Path, kinds: str, acked: int, kept: str
) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        for number, letter in enumerate(kinds):
            if number == acked:
                journal.acknowledge(acked)
            mixed(journal, letter)
        assert left(journal) == kept


def test_a_journal_that_overflowed_is_opened_as_it_was_and_goes_on(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        mixed(journal, "awawaa")
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        assert left(journal) == "a 1 a 1 a a"
        mixed(journal, "aw")
        assert left(journal) == "2 a 1 a a a 1"


def test_a_gap_stands_where_it_is_asked_for_and_between_the_right_links(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        mixed(journal, "awwwaaa")
        rows = {row.seq: row for row in journal.tail(9)}
        for after in (1, 2, 3):
            batch = journal.batch(after, 7, 500, 10_000)
            assert batch is not None
            assert (batch.first, batch.last, batch.prev, batch.tip) == (2, 7, rows[1].link, rows[7].link)
            assert batch.gaps == batch.events[:1] == [rows[4].stored]
        assert read_gap(rows[4].stored) == Gap(2, 4, 3, rows[4].link.hex(), "full")
        behind = journal.batch(4, 7, 500, 10_000)
        assert behind is not None
        assert (behind.first, behind.prev) == (5, rows[4].link)


def test_nothing_is_given_up_when_the_disk_refuses_the_new_row(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        mixed(journal, "aaaa")
        journal._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(CannotWrite):
            mixed(journal, "a")
        journal._connection.execute("PRAGMA query_only = OFF")
        assert left(journal) == "a a a a"
        mixed(journal, "a")
        assert left(journal) == "1 a a a a"


def test_a_damaged_journal_carries_its_gaps_over(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        mixed(journal, "aawwwaaa")
        assert left(journal) == "1 a 3 a a a"
        journal.acknowledge(4)
    meddle(path, "UPDATE rows SET stored = x'00' WHERE seq = 8")
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        assert left(journal) == "1 a a"
        assert journal.found.recovered is not None
        assert (journal.found.recovered.last_seq, journal.found.recovered.carried) == (7, 3)


def test_the_file_stops_growing_when_the_journal_is_full(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=200) as journal:
        sizes = []
        for _ in range(30):
            mixed(journal, "aw" * 50)
            journal.checkpoint()
            sizes.append(path.stat().st_size)
        assert max(sizes[15:]) <= 1.2 * sizes[10]


def test_a_journal_of_the_first_schema_is_opened_and_knows_what_to_give_up(path: Path) -> None:
    copyfile(JOURNALS / "schema-1.db", path)
    with Journal(path, boot=BOOT, max_rows=6) as journal:
        assert left(journal) == "w a a a v w"
        mixed(journal, "aaa")
        assert left(journal) == "2 a a v 1 a a a"

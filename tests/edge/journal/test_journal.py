import errno
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from shutil import copyfile

import pytest

from contract.events import CHAIN_START, GAP, Gap, decode_event, grade, read_gap
from edge.journal.journal import CannotWrite, Journal, JournalDamaged, JournalError, JournalInUse, JournalView
from tests.edge.support.journals import BOOT, NEXT_BOOT, event, meddle, rows_after, spoil, write

JOURNALS = Path(__file__).parents[2] / "fixtures" / "journals"
"""Files that older versions wrote. They are kept for ever."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def reopen(path: Path, boot: str = BOOT) -> Journal:
    return Journal(path, boot=boot)


def test_a_new_journal_is_empty_and_has_an_id_of_its_own(tmp_path: Path) -> None:
    with reopen(tmp_path / "a.db") as first, reopen(tmp_path / "b.db") as second:
        assert (first.last_seq, first.acked, first.tip) == (0, 0, CHAIN_START)
        assert len(first.id) == 16
        assert first.id != second.id
        assert not first.found.unclean
        assert first.batch(0, 9, 500, 1000) is None


def test_rows_survive_closing_and_opening(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 3)
        journal.acknowledge(2)
        known = journal.id
    with reopen(path, NEXT_BOOT) as journal:
        assert (journal.id, journal.last_seq, journal.acked, journal.tip) == (known, 3, 2, rows[-1].link)
        assert journal.tail(2) == rows[1:]
        assert journal.verify().broken == ""
        assert not journal.found.unclean


def test_a_batch_is_a_stretch_of_stored_rows_between_two_links(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 5)
        batch = journal.batch(1, 4, 500, 10_000)
        assert batch is not None
        assert (batch.first, batch.last, batch.prev, batch.tip) == (2, 4, rows[0].link, rows[3].link)
        assert batch.events == [row.stored for row in rows[1:4]]


def test_a_batch_keeps_to_its_limits_but_always_holds_a_row(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 5)
        by_count = journal.batch(0, 5, 2, 10_000)
        by_size = journal.batch(0, 5, 500, len(rows[0].stored) * 3)
        at_least_one = journal.batch(0, 5, 500, 1)
    assert [batch.last for batch in (by_count, by_size, at_least_one) if batch] == [2, 2, 1]


def test_a_second_process_is_told_that_the_journal_is_in_use(path: Path) -> None:
    with reopen(path), pytest.raises(JournalInUse, match=r"journal\.db is in use by another process"):
        reopen(path)
    reopen(path).close()


def test_anyone_may_look_while_the_journal_is_written(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 3)
        with JournalView(path) as view:
            assert (view.id, view.last_seq, view.acked) == (journal.id, 3, 0)
            assert view.tail(1) == rows[2:]
            assert view.verify().broken == ""
        write(journal, 1)
    with JournalView(path) as view:
        assert view.last_seq == 4


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100])
def test_a_look_at_no_journal_is_one_clear_error(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db cannot be read"):
        JournalView(path)


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened"):
        reopen(tmp_path / "nowhere" / "journal.db")


def test_an_unclean_end_is_told_apart_from_a_power_cut(path: Path) -> None:
    program = "from pathlib import Path; from tests.edge.support.journals import write\n"
    program += "from edge.journal.journal import Journal"
    program += f"\njournal = Journal(Path({str(path)!r}), boot={BOOT!r}); write(journal, 2); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(JournalInUse):
            reopen(path)
        other.send_signal(signal.SIGKILL)
    with reopen(path) as journal:
        assert journal.last_seq == 2
        assert journal.found.unclean
        assert not journal.found.power_cut


def leave_unclean(path: Path, count: int) -> None:
    """What a cut leaves: rows in the file, and no mark of closing."""
    with reopen(path) as journal:
        write(journal, count)
    meddle(path, "UPDATE meta SET clean = 0")


def test_a_power_cut_is_an_unclean_end_followed_by_another_boot(path: Path) -> None:
    leave_unclean(path, 2)
    with reopen(path, NEXT_BOOT) as journal:
        assert journal.found.power_cut
        assert journal.found.last_seq == 2


def test_what_was_found_is_told_again_until_a_row_was_written(path: Path) -> None:
    leave_unclean(path, 2)
    first = reopen(path, NEXT_BOOT)
    assert first.found.power_cut
    first._connection.execute("UPDATE meta SET clean = clean")  # a cut before the first row: nothing marks the run
    first._hold.release()
    with reopen(path, NEXT_BOOT) as second:
        assert second.found.power_cut
        write(second, 1)
    first._connection.close()
    with reopen(path, NEXT_BOOT) as third:
        assert not third.found.unclean


def test_a_row_changed_on_the_disk_is_found_by_the_chain(path: Path) -> None:
    with reopen(path) as journal:
        write(journal, 5)
    meddle(path, "UPDATE rows SET stored = x'00' WHERE seq = 4")
    with JournalView(path) as view:
        verdict = view.verify()
        assert (verdict.last, verdict.broken) == (3, "row 4 is not the row that was written")
        with pytest.raises(JournalDamaged, match="row 4"):
            view.batch(0, 5, 500, 10_000)


def test_a_row_taken_out_is_found_by_the_chain(path: Path) -> None:
    with reopen(path) as journal:
        write(journal, 5)
    meddle(path, "DELETE FROM rows WHERE seq = 4")
    with JournalView(path) as view:
        assert view.verify().broken == "row 4 is missing"


def test_a_damaged_tail_is_cut_off_and_the_waiting_rows_go_on_in_a_new_journal(path: Path) -> None:
    with reopen(path) as journal:
        known = journal.id
        write(journal, 5)
        journal.acknowledge(2)
    meddle(path, "UPDATE rows SET stored = x'00' WHERE seq = 5")
    with reopen(path) as journal:
        recovered = journal.found.recovered
        assert recovered is not None
        assert (recovered.journal, recovered.last_seq, recovered.lost_from, recovered.carried) == (known, 4, 5, 2)
        assert journal.id != known
        assert journal.verify().broken == ""
        carried = [decode_event(row.stored) for row in journal.tail(10)]
        assert [(one.seq, one.data) for one in carried] == [(1, event(3).data), (2, event(4).data)]
        write(journal, 1)
    with JournalView(path.with_name("journal.db.damaged-1")) as evidence:
        assert evidence.verify().last == 4
    with reopen(path) as journal:
        assert journal.found.recovered is None


def test_an_old_copy_of_the_file_does_not_give_out_its_numbers_again(path: Path) -> None:
    with reopen(path) as journal:
        known = journal.id
        write(journal, 5)
        journal.acknowledge(5)
    meddle(path, "DELETE FROM rows WHERE seq > 3")
    with reopen(path) as journal:
        assert journal.id != known
        assert journal.found.recovered is not None
        assert journal.found.recovered.why == "row 5 was acknowledged and is missing"


def test_damage_among_acknowledged_rows_costs_no_waiting_row(path: Path) -> None:
    with reopen(path) as journal:
        write(journal, 5)
        journal.acknowledge(3)
    meddle(path, "UPDATE rows SET stored = x'00' WHERE seq = 1")
    with reopen(path) as journal:
        assert journal.found.recovered is not None
        assert journal.found.recovered.carried == 2


def test_a_spoilt_page_of_the_file_is_recovered_to_the_last_whole_row(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 400)
    content = bytearray(path.read_bytes())
    where = content.index(rows[300].stored)
    page = where // 4096 * 4096
    content[page : page + 4096] = bytes(4096)
    path.write_bytes(content)
    with reopen(path) as journal:
        recovered = journal.found.recovered
        assert recovered is not None
        assert 200 < recovered.last_seq < 300
        assert journal.last_seq == recovered.carried == recovered.last_seq


def test_one_flipped_bit_in_the_last_row_is_recovered(path: Path) -> None:
    with reopen(path) as journal:
        rows = write(journal, 4)
    spoil(path, rows[-1].stored)
    with reopen(path) as journal:
        assert journal.found.recovered is not None
        assert (journal.found.recovered.last_seq, journal.last_seq) == (3, 3)


@pytest.mark.parametrize("keep", [0, 7, 100, 4096, 5000, 12_000])
def test_a_file_cut_short_never_stops_the_device(path: Path, keep: int) -> None:
    with reopen(path) as journal:
        write(journal, 200)
    os.truncate(path, keep)
    with reopen(path) as journal:
        assert journal.verify().broken == ""
        write(journal, 1)


def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    path.write_bytes(b"garbage" * 5000)
    with reopen(path) as journal:
        assert journal.found.recovered is not None
        assert "not a database" in journal.found.recovered.why
        assert journal.last_seq == 0
    assert path.with_name("journal.db.damaged-1").read_bytes().startswith(b"garbage")


@pytest.mark.parametrize("rotted", ["{", "[]", '{"journal":1}'])
def test_a_note_of_a_recovery_that_rotted_never_stops_the_device(path: Path, rotted: str) -> None:
    with reopen(path) as journal:
        write(journal, 3)
    meddle(path, f"UPDATE meta SET recovered = '{rotted}'")
    with reopen(path) as journal:
        assert journal.found.recovered is not None
        assert journal.found.recovered.carried == 3


def test_a_disk_that_fails_while_the_journal_opens_is_one_clear_error_and_leaves_nothing_open(path: Path) -> None:
    with reopen(path) as journal:
        write(journal, 3)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(os, "fdatasync", fails)
        before = set(Path("/proc/self/fd").iterdir())
        with pytest.raises(JournalError, match=r"journal\.db cannot be opened: .*Input/output error"):
            reopen(path)
        assert set(Path("/proc/self/fd").iterdir()) == before
    with reopen(path) as journal:
        assert journal.last_seq == 3


def fails(_descriptor: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_recovery_that_was_cut_short_is_finished(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reopen(path) as journal:
        write(journal, 3)
    meddle(path, "UPDATE rows SET link = zeroblob(32) WHERE seq = 3")

    class PowerCut(Exception):
        pass

    def cut(_path: Path, _label: str) -> Path:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr("edge.machine.files.set_aside", cut)
        with pytest.raises(PowerCut):
            reopen(path)
    with reopen(path) as journal:
        assert journal.found.recovered is not None
        assert (journal.found.recovered.last_seq, journal.last_seq) == (2, 2)


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


def mixed(journal: Journal, kinds: str) -> None:
    """Rows whose kinds are spelled by letters: w watch, a access, v value."""
    journal.insert(rows_after(journal.last_seq, journal.tip, len(kinds), [KINDS[letter] for letter in kinds]))
    journal.flush()


KINDS = {"w": "device.started", "a": "access.allowed", "v": "charge.started"}


def left(journal: Journal) -> str:
    """The journal as it is: a letter a row, and how many rows a gap stands for."""
    assert journal.verify().broken == ""
    events = [decode_event(row.stored) for row in journal.tail(1000)]
    return " ".join(str(one.data["count"]) if one.kind == GAP else grade(one.kind)[0] for one in events)


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


def test_a_fork_goes_on_in_a_new_journal_with_what_is_behind_the_common_past(path: Path) -> None:
    with reopen(path) as journal:
        known = journal.id
        write(journal, 5)
        journal.acknowledge(4)
        journal.fork(2, event(0, "device.forked"))
        assert journal.id != known
        assert (journal.acked, journal.base_seq, journal.last_seq) == (0, 0, 4)
        assert journal.verify().broken == ""
        carried = [decode_event(row.stored) for row in journal.tail(9)]
        assert [one.data for one in carried[:3]] == [event(seq).data for seq in (3, 4, 5)]
        assert carried[3].data == {"journal": known, "upto": 2, "carried": 3}
        write(journal, 1)
    with JournalView(path.with_name("journal.db.left-1")) as evidence:
        assert (evidence.id, evidence.verify().last) == (known, 5)
    with reopen(path) as journal:
        assert (journal.last_seq, journal.found.unclean, journal.found.recovered) == (5, False, None)


@pytest.mark.parametrize(("upto", "kept"), [(1, "3 a a a"), (3, "1 a a a"), (4, "a a a"), (7, "")])
def test_a_fork_within_a_gap_carries_the_rest_of_it(path: Path, upto: int, kept: str) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        mixed(journal, "awwwaaa")
        journal.fork(upto, event(0, "device.started"))
        assert left(journal) == f"{kept} w".strip()


def test_a_fork_behind_rows_long_gone_carries_what_is_left(path: Path) -> None:
    with Journal(path, boot=BOOT, max_rows=4) as journal:
        mixed(journal, "aaaa")
        journal.acknowledge(3)
        mixed(journal, "a")
        assert journal.base_seq == 1
        journal.fork(0, event(0, "device.forked"))
        (said,) = journal.tail(1)
        assert decode_event(said.stored).data["upto"] == 1


def test_a_fork_that_was_cut_short_is_finished_or_has_not_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    for call, finished in (("edge.journal.file._make_ready", False), ("edge.machine.files.set_aside", True)):
        journal = reopen(path)
        known = journal.id
        write(journal, 3)
        with monkeypatch.context() as patch:
            patch.setattr(call, cut)
            with pytest.raises(PowerCut):
                journal.fork(1, event(0, "device.forked"))
        journal._connection.close()
        journal._hold.release()
        with reopen(path) as again:
            assert (again.id != known) is finished
            assert decode_event(again.tail(1)[0].stored).kind == ("device.forked" if finished else "access.allowed")


def test_a_fork_that_the_disk_refuses_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("edge.journal.file._make_ready", "edge.machine.files.sync_folder"):
        with reopen(path) as journal:
            known, last_seq = journal.id, journal.last_seq
            write(journal, 3)
            with monkeypatch.context() as patch:
                patch.setattr(call, full)
                with pytest.raises(CannotWrite, match="No space left"):
                    journal.fork(1, event(0, "device.forked"))
            assert not path.with_name("journal.db.draft").exists()
            write(journal, 1)
        with reopen(path) as journal:
            assert (journal.id, journal.last_seq) == (known, last_seq + 4)


def test_no_fork_is_made_of_a_file_whose_rows_are_still_in_its_wal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reopen(path) as journal:
        known = journal.id
        write(journal, 3)
        with closing(sqlite3.connect(path.with_name("journal.db.draft"))) as draft, monkeypatch.context() as patch:

            def looked_at(_kind: str) -> int:
                draft.execute("BEGIN")
                draft.execute("SELECT * FROM rows").fetchall()
                return 0

            patch.setattr("edge.journal.file._drop_draft", lambda _path: None)
            patch.setattr("edge.journal.file.rank_of", looked_at)
            with pytest.raises(CannotWrite, match="stay in its WAL"):
                journal.fork(1, event(0, "device.forked"))
        assert (journal.id, journal.last_seq) == (known, 3)


def test_a_fork_whose_new_file_does_not_open_at_once_is_finished_when_it_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with reopen(path) as journal:
        known = journal.id
        write(journal, 3)
        for call in ("edge.machine.files.set_aside", "edge.journal.journal.os.fdatasync"):
            with monkeypatch.context() as patch:
                patch.setattr(call, failing)
                with pytest.raises(JournalError, match="cannot be opened"):
                    journal.fork(1, event(0, "device.forked"))
                with pytest.raises(JournalError):
                    journal.insert(rows_after(3, journal.tip, 1))
        journal.fork(1, event(0, "device.forked"))
        assert journal.id != known
        assert [decode_event(row.stored).kind for row in journal.tail(9)] == ["access.allowed"] * 2 + ["device.forked"]
        write(journal, 1)
        assert journal.checkpoint() == 4


def test_the_wal_is_moved_into_the_file_and_used_again_from_its_start(path: Path) -> None:
    wal = path.with_name("journal.db-wal")
    with reopen(path) as journal:
        write(journal, 500)
        size = wal.stat().st_size
        for _ in range(5):
            assert journal.checkpoint() == journal.last_seq
            write(journal, 500)
        assert wal.stat().st_size < 2 * size
        assert journal.verify().last == 3000

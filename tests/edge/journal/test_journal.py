import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contract.events import CHAIN_START, decode_event
from edge.journal.journal import JournalDamaged, JournalError, JournalInUse, JournalView
from tests.edge.support.journals import BOOT, NEXT_BOOT, event, meddle, reopen, spoil, write


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

"""A journal that parts with its past goes on in a new file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from contract.events import decode_event
from edge.journal.journal import CannotWrite, Journal, JournalError, JournalView
from tests.edge.support.journals import BOOT, event, left, mixed, reopen, rows_after, write

JOURNALS = Path(__file__).parents[2] / "fixtures" / "journals"
"""Files that older versions wrote. They are kept for ever."""


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

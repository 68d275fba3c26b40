"""The judge of chaos: silent about what is as it should be, and never silent about what is not."""

import ast
from pathlib import Path

import pytest

from firmware_sim.worlds.chaos import audit, evidence, witness
from firmware_sim.worlds.chaos.audit import Verdict, broken_promises
from tests.firmware_sim.support.chaos_folder import FIRE, GATE, JOURNAL, RESET, Folder, Happened, event

AGENT, KEEPER = f"{GATE} agent", f"{GATE} keeper"
FOUND: Happened = (1.0, "device.keeper_found", {})
ALLOWED: Happened = (10.01, "access.allowed", {"reason": "allowed"})
REFUSED: Happened = (20.01, "access.refused", {"reason": "unknown_credential"})


def a_day(path: Path) -> Folder:
    """Somebody is let in at ten seconds, somebody else is refused at twenty."""
    folder = Folder(path, FOUND, ALLOWED, REFUSED)
    return folder.note(10.0, "badge", GATE).opened(10.02).note(20.0, "badge", GATE)


def complaint(verdict: Verdict) -> str:
    assert not verdict.clean
    (only,) = verdict.complaints
    return only


def test_nothing_is_said_against_a_day_on_which_all_went_well(tmp_path: Path) -> None:
    verdict = a_day(tmp_path).audit()
    assert verdict == Verdict(events=3, moves=1, badges=2)
    assert verdict.clean


def test_a_row_that_the_cloud_lacks_is_lost(tmp_path: Path) -> None:
    verdict = a_day(tmp_path).in_cloud("DELETE FROM events WHERE seq = 2").audit()
    assert verdict.lost == 1
    assert complaint(verdict) == f"{GATE}: 1 rows are not in the cloud, or not with these bytes; the first is 2"


def test_a_row_with_other_bytes_is_lost_and_the_other_one_invented(tmp_path: Path) -> None:
    other = event(2, (10.01, "access.allowed", {"reason": "founder"}))
    verdict = a_day(tmp_path).in_cloud("UPDATE events SET stored = ? WHERE seq = 2", other).audit()
    assert (verdict.lost, verdict.invented, verdict.doubled) == (1, 1, 0)


def test_a_row_that_stands_twice_under_its_number_is_doubled(tmp_path: Path) -> None:
    folder = a_day(tmp_path)
    verdict = folder.in_cloud("INSERT INTO events VALUES (1, 2, 1, ?)", folder.stored[1]).audit()
    assert verdict.doubled == 1
    assert complaint(verdict) == f"{GATE}: 1 rows of the cloud tell once more what another tells"


def test_the_same_happening_under_another_number_is_doubled(tmp_path: Path) -> None:
    folder = a_day(tmp_path).in_cloud("INSERT INTO journals VALUES (2, 1, 'another', 1, x'00')")
    verdict = folder.in_cloud("INSERT INTO events VALUES (2, 1, 1, ?)", event(1, ALLOWED)).audit()
    assert (verdict.doubled, verdict.invented, verdict.lost) == (1, 1, 0)


def test_two_happenings_of_one_moment_are_not_one_twice(tmp_path: Path) -> None:
    assert Folder(tmp_path, FOUND, REFUSED, REFUSED).audit().clean


def test_a_lock_that_left_its_rest_for_no_row_is_told(tmp_path: Path) -> None:
    verdict = a_day(tmp_path).opened(40.0).audit()
    assert (verdict.moves, verdict.unrecorded_moves) == (2, 1)
    assert complaint(verdict) == f"{GATE}: the lock left its rest at 40000000000, and no row says why"


def test_one_row_explains_one_opening_only(tmp_path: Path) -> None:
    assert a_day(tmp_path).opened(10.5).audit().unrecorded_moves == 1


def test_a_refusal_explains_no_opening(tmp_path: Path) -> None:
    assert a_day(tmp_path).opened(20.02).audit().unrecorded_moves == 1


def test_a_row_from_after_the_opening_explains_nothing(tmp_path: Path) -> None:
    late: Happened = (40.5, "access.allowed", {})
    assert Folder(tmp_path, FOUND, late).opened(40.0).audit().unrecorded_moves == 1


def test_an_exit_button_explains_what_it_opens_and_has_a_row(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND, (40.03, "door.exit_button", {})).pressed(40.0)
    verdict = folder.opened(40.03).opened(40.5).audit()
    assert (verdict.moves, verdict.out_alone, verdict.clean) == (2, 0, True)


def test_a_row_of_a_button_that_nobody_pressed_explains_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND, (40.03, "door.exit_button", {}))
    assert folder.opened(40.03).audit().unrecorded_moves == 1


def test_a_button_without_a_row_is_excused_only_while_no_agent_lives(tmp_path: Path) -> None:
    back: Happened = (50.0, "device.keeper_found", {})
    folder = Folder(tmp_path, FOUND, back).note(38.0, "killed", AGENT)
    verdict = folder.pressed(40.0).opened(40.03).pressed(60.0).opened(60.03).audit()
    assert (verdict.out_alone, verdict.unrecorded_moves) == (1, 1)


def test_a_fire_explains_whatever_opens_until_the_key_was_turned(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND).move(40.0, FIRE, True).opened(40.02, for_s=10.0).move(45.0, FIRE, False)
    verdict = folder.pressed(46.0, RESET).opened(46.5).audit()
    assert (verdict.in_emergency, verdict.unrecorded_moves) == (2, 0)
    assert folder.opened(60.0).audit().unrecorded_moves == 1


def test_a_card_whose_agent_died_before_the_row_was_written_is_excused(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND).note(40.0, "badge", GATE).opened(40.05).note(40.1, "killed", AGENT)
    verdict = folder.audit()
    assert (verdict.unwritten, verdict.unrecorded_moves, verdict.undecided) == (1, 0, 0)


def test_a_killed_agent_excuses_nothing_for_which_no_card_was_read(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND).opened(40.05).note(40.1, "killed", AGENT)
    assert folder.audit().unrecorded_moves == 1


def test_a_command_whose_agent_died_before_the_row_was_written_is_excused(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND).note(40.0, "command", GATE).opened(40.05).note(40.1, "killed", AGENT)
    verdict = folder.audit()
    assert (verdict.unwritten, verdict.unrecorded_moves) == (1, 0)


def test_a_killed_keeper_excuses_no_opening(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND).note(40.0, "badge", GATE).opened(40.05).note(40.1, "killed", KEEPER)
    assert folder.audit().unrecorded_moves == 1


def test_a_card_that_nobody_decided_is_told(tmp_path: Path) -> None:
    verdict = a_day(tmp_path).note(40.0, "badge", GATE).audit()
    assert (verdict.badges, verdict.undecided) == (3, 1)
    assert complaint(verdict) == f"{GATE}: nobody decided about the card of 40000000000"


def test_counted_unknown_cards_explain_as_many(tmp_path: Path) -> None:
    """Of unknown cards the first few are rows. The next take the rows of those behind them, as far as we can tell."""
    counted = (41.0, "reader.invalid_read", {"why": "unknown_cards", "count": 1})
    folder = Folder(tmp_path, FOUND, counted, (42.01, "access.refused", {}))
    folder.note(40.95, "badge", GATE).note(42.0, "badge", GATE)
    assert folder.audit().undecided == 0
    assert folder.note(43.0, "badge", GATE).audit().undecided == 1


def test_counted_card_takes_no_row_for_long(tmp_path: Path) -> None:
    """One every second and a half for two minutes: had the first taken the row of the second, and so on, the last would
    be undecided long after the count."""
    badges_s = [41.5 + 1.5 * number for number in range(80)]
    rows: list[Happened] = [(at_s + 0.01, "access.refused", {}) for at_s in badges_s]
    counted = (41.0, "reader.invalid_read", {"why": "unknown_cards", "count": 1})
    folder = Folder(tmp_path, FOUND, counted, *rows)
    for at_s in (40.0, *badges_s):
        folder.note(at_s, "badge", GATE)
    assert folder.audit().undecided == 0


@pytest.mark.parametrize("killed", [AGENT, KEEPER])
def test_nobody_decides_while_a_device_is_not_whole(tmp_path: Path, killed: str) -> None:
    folder = a_day(tmp_path).note(39.0, "killed", killed).note(40.0, "badge", GATE)
    assert folder.audit().clean


def test_an_excused_card_does_not_take_the_row_of_the_next(tmp_path: Path) -> None:
    folder = Folder(tmp_path, FOUND, (38.5, "device.keeper_found", {}), (42.01, "access.allowed", {}))
    folder.note(37.0, "killed", AGENT).note(38.0, "badge", GATE).note(42.0, "badge", GATE)
    assert folder.audit().undecided == 0


def test_a_command_that_was_carried_out_twice_is_told(tmp_path: Path) -> None:
    done = {"id": "ab", "op": "open_once"}
    folder = Folder(tmp_path, FOUND, (40.0, "command.done", done), (41.0, "command.done", done))
    verdict = folder.opened(40.1, for_s=0.5).opened(41.1).audit()
    assert (verdict.commands_done, verdict.commands_twice, verdict.unrecorded_moves) == (1, 1, 0)


def test_a_journal_whose_chain_is_broken_is_told(tmp_path: Path) -> None:
    verdict = a_day(tmp_path).in_journal("UPDATE rows SET link = x'00' WHERE seq = 2").audit()
    assert complaint(verdict) == f"{GATE}: row 2 of the journal does not follow row 1"


def test_another_chain_in_the_cloud_is_told(tmp_path: Path) -> None:
    verdict = a_day(tmp_path).in_cloud("UPDATE journals SET tip = x'00'").audit()
    assert complaint(verdict) == f"{GATE}: the cloud's chain has another link at row 3"


def test_quarantine_is_told(tmp_path: Path) -> None:
    folder = a_day(tmp_path).in_cloud("INSERT INTO quarantine VALUES (1, ?, 'events', 'fork', 'row 2')", GATE)
    assert complaint(folder.audit()) == f"{GATE}: events in quarantine for fork: row 2"


def test_a_journal_that_was_set_aside_is_told(tmp_path: Path) -> None:
    folder = a_day(tmp_path)
    (folder.device / "state" / "journal.db.damaged-1").touch()
    assert complaint(folder.audit()) == f"{GATE}: set its journal aside as journal.db.damaged-1"


def test_what_was_promised_and_is_not_stored_is_counted(tmp_path: Path) -> None:
    a_day(tmp_path).in_cloud("DELETE FROM events WHERE seq = 3")
    assert list(broken_promises(tmp_path, {(GATE, JOURNAL): 2})) == []
    assert list(broken_promises(tmp_path, {(GATE, JOURNAL): 5})) == [((GATE, JOURNAL), 3)]
    assert list(broken_promises(tmp_path, {(GATE, "unheard-of"): 2})) == [((GATE, "unheard-of"), 2)]


@pytest.mark.parametrize("module", [audit, evidence, witness])
def test_the_judge_uses_nothing_of_what_is_judged(module: object) -> None:
    source = Path(str(getattr(module, "__file__", ""))).read_text()
    used = {
        name
        for node in ast.walk(ast.parse(source))
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    ours = {name for name in used if name.partition(".")[0] in ("contract", "edge", "cloud", "firmware_sim")}
    assert ours <= {"firmware_sim.worlds.chaos", "firmware_sim.worlds.chaos.evidence"}

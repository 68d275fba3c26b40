"""`hearthgate-cloud replay` as it is typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud.sample import SETUP_FILE
from tests.cloud.test_exchange_cli import typed

LOG = """point,direction,holder,time
gym-turnstile,in,Zhang San,2027-01-15T16:00:00
gym-turnstile,in,Li Xiaowu,2027-01-15T16:01:00
east-gate,out,a stranger,
"""


class Typed:
    """A terminal in which `replay` is typed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.log = folder / "log.csv"
        self.log.write_text("\ufeff" + LOG, encoding="utf-8")
        self._capsys, self._patch = capsys, patch

    def __call__(self, *words: str | Path) -> tuple[int, str, str]:
        code = typed(self._patch, "replay", self.log, *words)
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def lines(self, *words: str | Path) -> list[dict[str, Any]]:
        code, out, err = self(*words, "--json")
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def replay(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    return Typed(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="module")
def sunny_court(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "sunny"
    with pytest.MonkeyPatch.context() as patch:
        typed(patch, "init", folder, "--sample")
    return folder


def test_without_community_everything_is_allowed(replay: Typed) -> None:
    """Only the checks that flags name would be weighed, and none was named."""
    assert replay.lines() == [{"line": line, "allow": True, "reason": "allowed"} for line in (2, 3, 4)]
    assert replay.lines("--zone", "gym") == replay.lines()
    assert (
        replay()[1].splitlines()[-1]
        == "nothing was checked: name a community with --dir, a setup with --setup, or --anti-passback"
    )


def test_log_is_weighed_by_a_community(replay: Typed, sunny_court: Path) -> None:
    assert replay.lines("--dir", sunny_court) == [
        {"line": 2, "allow": True, "reason": "allowed"},
        {"line": 3, "allow": False, "reason": "not_entitled"},
        {"line": 4, "allow": True, "reason": "free_exit"},
    ]
    assert [row["line"] for row in replay.lines("--dir", sunny_court, "--zone", "gym")] == [2, 3]
    code, out, _ = replay("--dir", sunny_court)
    assert code == 0
    assert "line 3: 2027-01-15 16:01:00 Asia/Shanghai Li Xiaowu in at gym-turnstile: This place is not" in out
    assert "1 refused: This place is not in the membership" in out
    assert "3 rows" in out


def test_setup_is_tried_on_people_and_undone(replay: Typed, sunny_court: Path, tmp_path: Path) -> None:
    """Founders may enter the gym in the morning only: it is weighed, and nothing is changed."""
    setup = tmp_path / "setup.toml"
    changed = SETUP_FILE.read_text("utf-8").replace('gym = "always"', 'gym = "gym-hours"')
    assert changed != SETUP_FILE.read_text("utf-8")
    setup.write_text(changed, "utf-8")
    replay.log.write_text("time,holder,point,direction\n2027-01-15T03:00:00,Zhang San,gym-turnstile,in\n")
    assert replay.lines("--dir", sunny_court, "--setup", setup)[0]["reason"] == "outside_hours"
    assert replay.lines("--dir", sunny_court)[0]["reason"] == "allowed"


def test_setup_alone_has_plans_for_holders(replay: Typed) -> None:
    replay.log.write_text("time,holder,point,direction\n,founder,gym-turnstile,in\n,rider,gym-turnstile,in\n")
    assert [row["reason"] for row in replay.lines("--setup", SETUP_FILE)] == ["allowed", "not_entitled"]


def test_every_bad_line_is_named_once(replay: Typed) -> None:
    replay.log.write_text(LOG + "gate,in,,\ngate,up,a,\n", encoding="utf-8")
    code, out, err = replay("--json")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"{replay.log}:5: holder: it is empty",
        f"{replay.log}:6: direction: write in or out",
        f"hearthgate-cloud: {replay.log}: 2 bad lines: nothing was weighed",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_log_of_a_spreadsheet_is_read(replay: Typed, encoding: str) -> None:
    replay.log.write_text(LOG.replace("Li Xiaowu", "李小五"), encoding=encoding)
    assert len(replay.lines()) == 3


def test_unknown_flag_is_refused(replay: Typed) -> None:
    code, out, err = replay("--anti-gravity")
    assert (code, out) == (2, "")
    assert "--anti-gravity" in err


PASSBACK = """time,holder,point,direction
,a,gym-turnstile,in
,a,gym-turnstile,in
,a,east-gate,in
,a,east-gate,in
,a,gym-turnstile,out
,a,gym-turnstile,out
"""


def test_passback_needs_no_community(replay: Typed) -> None:
    """Every point is a zone of its own; of the gate nobody knows the way out, so it is not judged."""
    replay.log.write_text(PASSBACK)
    found = replay.lines("--anti-passback")
    assert {row["line"]: row["reason"] for row in found if not row["allow"]} == {3: "already_inside", 7: "not_inside"}
    assert [row["line"] for row in found] == [2, 3, 4, 5, 6, 7]
    assert "line 3: a in at gym-turnstile: You are inside already" in replay("--anti-passback")[1]
    one_zone = replay.lines("--anti-passback", "--zone", "estate")
    assert [row["line"] for row in one_zone if not row["allow"]] == [3, 4, 5, 7]


def test_passback_knows_people_by_any_card(replay: Typed, sunny_court: Path) -> None:
    """With a community a name and a card are one person, and a fault of the rule comes before one of the log."""
    ways = ("Zhang San,gym-turnstile,in", "H10301:21:10001,gym-turnstile,in", "Zhang San,gym-turnstile,out")
    replay.log.write_text("time,holder,point,direction\n" + "".join(f"2027-01-15T16:00,{way}\n" for way in ways))
    found = [row["reason"] for row in replay.lines("--dir", sunny_court, "--anti-passback")]
    assert found == ["allowed", "already_inside", "free_exit"]
    strangers = "time,holder,point,direction\n,x,gym-turnstile,in\n,x,gym-turnstile,in\n,x,gym-turnstile,out\n"
    replay.log.write_text(strangers)
    found = [row["reason"] for row in replay.lines("--dir", sunny_court, "--anti-passback")]
    assert found == ["unknown_credential", "unknown_credential", "free_exit"]

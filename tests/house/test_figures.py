"""Every published figure is declared once, measured by its program, judged honestly, and shown as it was measured."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import _bench, _figures, _idle, _peers, _profile, _readme, _rows, peers
from benchmarks._judging import IdleControl, MissingFigure, Probe, judged
from benchmarks._rows import Row
from benchmarks._short import NAME, SHORT, TINY_TOO
from dev import ROOT

QUIET = IdleControl(Probe(1.0, 0.2), Probe(1.0, 0.2), 0.05)
SHARED = IdleControl(Probe(1.0, 0.2), Probe(1.4, 0.2), 0.8)
BUSY = IdleControl(Probe(1.0, 0.2), Probe(1.4, 0.2), 1.2)
NOTHING = _rows.LeastWork("us/nothing", "doing nothing for as long")
MACHINE: Mapping[str, Any] = {
    "cores": 2,
    "cpu": "a processor",
    "kernel": "6.1",
    "load": 0.1,
    "disk": {"filesystem": "ext4", "fdatasync_4k_us": {"p50": 200}},
    "versions": {"python": "3.11.2"},
}


def row(kind: _rows.Kind = "wall", **more: Any) -> Row:
    return Row(name="decision.p99", at="us/p99", en="a decision", zh="判断", unit="µs", kind=kind, **more)


def test_every_program_has_rows() -> None:
    assert {one.program for one in _rows.rows()} == set(_bench.PROGRAMS) == set(SHORT)


def test_no_row_is_declared_twice() -> None:
    keys = [one.key for one in _rows.rows()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("table", _rows.tables(), ids=lambda table: table.name)
def test_every_promise_has_a_figure(table: _rows.Table) -> None:
    """With a target, and beside it a row of a promise that the table does not name is found."""
    kept = {one.of for one in table.rows if one.most is not None or one.least is not None}
    assert kept == set(table.promises) or not table.promises
    assert {one.of for one in table.rows} <= {*table.promises, ""}


@pytest.mark.long(15)
@pytest.mark.usefixtures("mosquitto")
@pytest.mark.parametrize(
    "program",
    [pytest.param(one, marks=pytest.mark.slow if one == "roster" else ()) for one in _bench.PROGRAMS],
)
def test_program_prints_every_figure(program: str) -> None:
    """Cut as short as can be, and of another size: what the figures say then is of no interest."""
    command = [sys.executable, "-P", str(ROOT / "benchmarks" / "_short.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": tempfile.gettempdir(), NAME: program, TINY_TOO: "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    (size, *_) = figures.get("at", {"": {}})
    for one in _rows.rows(program):
        here = re.sub(r"\bat/\d+/", f"at/{size}/", msgspec.json.encode(one).decode())
        judged(msgspec.json.decode(here, type=Row), figures)


@pytest.mark.parametrize(
    ("of", "value", "idle", "met"),
    [
        (row(most=50), 49, QUIET, "yes"),
        (row(most=50), 51, QUIET, "no"),
        (row(least=50), 49, QUIET, "no"),
        (row(), 51, QUIET, "no target"),
        (row(most=50), 51, BUSY, "cannot be judged"),
        (row(most=50), 49, BUSY, "yes"),
        (row("wall ratio", most=50), 49, BUSY, "cannot be judged"),
        (row("cpu", most=50), 51, BUSY, "cannot be judged"),
        (row("cpu", most=50), 51, SHARED, "no"),
        (row("exact", most=50), 51, BUSY, "no"),
        (row(most=50, least_work=NOTHING), 51, QUIET, "cannot be judged"),
        (row(most=60, least_work=NOTHING), 61, QUIET, "no"),
    ],
)
def test_verdict_depends_on_load(of: Row, value: float, idle: IdleControl, met: str) -> None:
    """Load makes a time worse, so a met one stays met; and where nothing takes 55 µs, 50 µs cannot be asked for."""
    found = judged(of, {"us": {"p99": value, "nothing": 55}}, idle)
    assert found.met == met
    assert bool(found.why) == (met == "cannot be judged")


def test_peer_of_another_unit_is_not_divided() -> None:
    figures = {"us": {"p99": 30}, "bare": 10}
    same = judged(row(scale=0.5, beside=_rows.Beside("bare", "bare", "裸")), figures)
    other = judged(row(scale=0.5, beside=_rows.Beside("bare", "bare", "裸", "ms")), figures)
    assert (same.value, same.beside, same.ratio) == (15, 5, 3)
    assert (other.beside, other.ratio) == (10, None)


def test_missing_figure_is_found() -> None:
    with pytest.raises(MissingFigure, match="no p99"):
        judged(row(most=50), {"us": {"p50": 1}})


def test_text_in_place_of_figure_is_the_reason() -> None:
    found = judged(row(most=50), {"us": "the peer could not be installed"})
    assert (found.value, found.met, found.why) == (None, "cannot be judged", "the peer could not be installed")


def test_peer_that_is_missing_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Loudly, and its row is not judged."""
    monkeypatch.setattr(_peers, "PEERS", tmp_path / "peers")
    for name, number in {"MAY_INSTALL": False, "EVENTS": 200, "ROUNDS": 1, "POSTS": 1, "MESSAGES": 2}.items():
        monkeypatch.setattr(peers, name, number)
    peers.main()
    said = capsys.readouterr().out
    assert "*** thingsboard-gateway is not installed" in said
    figures = json.loads(said.splitlines()[-1])["figures"]
    found = {one.name: judged(one, figures) for one in _rows.rows("peers")}
    assert found["peers.store_forget"].beside is None
    assert found["peers.store_forget"].why == "thingsboard-gateway is not installed"


def test_idle_control_counts_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine spent, without what the benchmark spent."""
    of_machine, ours, wall = iter([100.0, 106.0]), iter([10.0, 12.0]), iter([0.0, 5.0])
    monkeypatch.setattr(_idle, "_busy_s", of_machine.__next__)
    monkeypatch.setattr(_idle, "_ours_s", ours.__next__)
    monkeypatch.setattr(_idle, "probe", lambda: QUIET.before)
    monkeypatch.setattr(_idle, "perf_counter", wall.__next__)
    with _idle.watching() as watched:
        pass
    assert watched.idle.others_cores == 0.8
    assert watched.idle.disturbance() == "other programs used 0.80 cores"
    assert not QUIET.disturbance()


@pytest.mark.parametrize(("busy_ratio", "late_ms"), [(1.3, 0.2), (1.0, 3.0)])
def test_probe_finds_a_busy_machine(busy_ratio: float, late_ms: float) -> None:
    idle = IdleControl(QUIET.before, Probe(busy_ratio, late_ms), 0.0)
    assert judged(row(most=50), {"us": {"p99": 51}}, idle).met == "cannot be judged"


@pytest.mark.parametrize("name", list(_readme.PAGES))
def test_page_shows_what_was_measured(name: str) -> None:
    """Where this fails, ``python3 dev.py reference`` makes the tables anew."""
    text = (ROOT / name).read_text("utf-8")
    assert text == _readme.page(text, _readme.PAGES[name], _figures.read())


def test_typed_figure_is_found() -> None:
    page = "<!-- figures more -->\n\n| 12 µs |\n\n<!-- end of figures -->\n"
    assert "12 µs" not in _readme.page(page, _readme.ENGLISH, {})


def test_bench_prints_a_line_for_each_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    figures: dict[str, Any] = {}
    for one in _rows.rows("backlog"):
        figures |= {one.at: 3.0, one.beside.at: 1.5} if one.beside else {one.at: 3.0}
    monkeypatch.setattr(_bench, "found_by", lambda _name, quiet: {"figures": figures, "machine": MACHINE})
    assert _bench.main(["--json", "backlog"]) == 0
    (line,) = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert (line["row"], line["value"], line["target"]) == ("backlog.drained", 3, "≤ 10")
    assert line["beside"]["ratio"] == 2
    assert line["machine"]["cpu"] == "a processor"
    assert line["idle"]["others_cores"] >= 0


def test_bench_fails_where_a_figure_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bench, "found_by", lambda _name, quiet: {"figures": {}, "machine": MACHINE})
    assert _bench.main(["--json", "backlog"]) == 1


def test_lines_of_other_programs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a row that is declared no more has no line."""
    first, last = _rows.rows()[0], _rows.rows()[-1]
    line = _figures.line_of(first, judged(row(), {"us": {"p99": 1}}), dict(MACHINE), QUIET, "abc", "today")
    old = {"gone.row": line, last.key: line, first.key: line}
    newer = _figures.line_of(first, judged(row(), {"us": {"p99": 2}}), dict(MACHINE), QUIET, "abc", "today")
    assert [one.value for one in _figures.merged(old, [newer])] == [2, 1]


def test_profile_counts_innermost_function_of_ours() -> None:
    """Of the process that was asked for, within the function that was asked for, and no imports."""
    stacks = [
        'process 1:"bench";process 2:"edge run";run (edge/a.py:1);Some.find (edge/b.py:2);execute (sqlite3) 3',
        'process 1:"bench";process 2:"edge run";run (edge/a.py:1);_find_and_load (x:1);top (edge/b.py:9) 5',
        'process 1:"bench";process 2:"edge run";_run_once (asyncio/base_events.py:1) 2',
        'process 1:"bench";process 2:"edge run";run (edge/a.py:1);select (selectors.py:1) 6',
        'process 1:"bench";run (edge/a.py:1);wait (edge/c.py:7) 4',
    ]
    of_edge = _profile.counted(stacks, _profile.HotPath("bench", "edge run", ""))
    assert of_edge == {"edge/b.py find": 3, _profile.NOT_OURS: 2}
    assert _profile.counted(stacks, _profile.HotPath("bench", "", "")) == {"edge/c.py wait": 4}
    assert _profile.counted(stacks, _profile.HotPath("bench", "edge run", r"find \(")) == {"edge/b.py find": 3}

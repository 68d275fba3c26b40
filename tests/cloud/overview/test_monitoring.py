"""The dashboard, the alarms and Prometheus' own file fit what `/metrics` exports, and speak both languages."""

import ast
import inspect
import json
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud.overview.metrics import LATCHED, PARTS, Metrics, metrics_token
from contract.kinds.bank import BANK
from dev import ROOT
from edge.device.health import Condition
from edge.journal.journal import MAX_ROWS
from edge.machine.space import DISK_LOW, JOURNAL_FULL
from edge.remote.remote import Remote
from edge.stations.socket import state
from tests.cloud.support.town import Town

ALERTS = ROOT / "config" / "prometheus" / "alerts.yml"
PROMETHEUS = ROOT / "config" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "config" / "grafana" / "hearthgate.json"

FUNCTIONS = {"histogram_quantile", "increase", "rate", "sum", "time"}
WORDS = {"and", "or", "unless"}
GROUPING = re.compile(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^()]*\)")
MADE_BY_PROMETHEUS = {"up"}
HAN = re.compile(r"[\u4e00-\u9fff]")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


def expressions() -> Iterator[str]:
    """Every PromQL expression of ours."""
    yield from (str(rule["expr"]) for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def words(expression: str) -> set[str]:
    """The names of an expression, without its strings, labels and spans of time."""
    bare = GROUPING.sub(" ", re.sub(r'"[^"]*"', "", expression))
    bare = re.sub(r"{[^{}]*}|\[[^\[\]]*\]", "", bare)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", bare))


def is_balanced(expression: str) -> bool:
    open_now: list[str] = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for sign in re.sub(r'"[^"]*"', "", expression):
        if sign in pairs.values():
            open_now.append(sign)
        elif sign in pairs and (not open_now or open_now.pop() != pairs[sign]):
            return False
    return not open_now


@pytest.fixture
def exported(town: Town) -> set[str]:
    """Every name that a line of `/metrics` may have."""
    names: set[str] = set()
    for line in Metrics(town.store, town.clock, town.feed).text().decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def test_every_name_in_an_expression_is_exported(exported: set[str]) -> None:
    for expression in expressions():
        used = words(expression) - FUNCTIONS - WORDS
        assert used, expression
        assert used <= exported | MADE_BY_PROMETHEUS, expression


def test_every_expression_closes_what_it_opens() -> None:
    assert all(is_balanced(expression) for expression in expressions())


@pytest.mark.parametrize("spoilt", ["sum(rate(x[5m])", "x{a='b'", "x)", "rate(x[5m)]"])
def test_an_expression_that_does_not_is_found(spoilt: str) -> None:
    assert not is_balanced(spoilt)


def test_a_name_is_found_wherever_it_stands() -> None:
    spoilt = 'sum by (le) (rate(hearthgate_x_bucket{a="b c"}[5m])) > 1 and on(device) hearthgate_y - time()'
    assert words(spoilt) == {"sum", "rate", "hearthgate_x_bucket", "and", "hearthgate_y", "time"}


def test_every_figure_of_the_devices_is_used_somewhere(exported: set[str]) -> None:
    used = set().union(*(words(expression) for expression in expressions()))
    assert {name for name in exported if name.startswith("hearthgate_device_")} - used == {
        "hearthgate_device_last_seen_timestamp_seconds"
    }


def test_every_part_whose_faults_a_device_tells_apart_has_a_line() -> None:
    sources = (textwrap.dedent(inspect.getsource(one.faults)) for one in (Condition, Remote))
    tables = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Dict)]
    named = {key.value for table in tables for key in table.keys if isinstance(key, ast.Constant)}
    assert named | {DISK_LOW, JOURNAL_FULL} == set(PARTS)


def test_every_fault_that_keeps_a_socket_or_its_bank_off_has_a_line() -> None:
    assert state.LATCHED | set(BANK.faults) == set(LATCHED)


def test_charging_is_on_the_dashboard_and_rings_where_it_must(exported: set[str]) -> None:
    drawn = set().union(*(words(target["expr"]) for panel in panels() for target in panel["targets"]))
    assert {name for name in exported if name.startswith(("hearthgate_sockets", "hearthgate_sessions"))} <= drawn
    by_name = {rule["alert"]: rule for rule in rules()}
    assert "hearthgate_device_latched_faults" in by_name["HearthgateSocketLatched"]["expr"]
    assert {"hearthgate_device_up", "hearthgate_device_sessions"} < words(by_name["HearthgateChargingUnheard"]["expr"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alarm_says_what_is_wrong_and_its_cure_in_both_languages(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    assert set(said) == {"summary", "summary_zh", "cure", "cure_zh"}
    for name, text in said.items():
        assert text.strip()
        assert bool(HAN.search(text)) is name.endswith("_zh"), name
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert re.fullmatch(r"Hearthgate[A-Z]\w+", rule["alert"])


def test_alarms_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 10


def test_the_promised_alarms_are_there() -> None:
    by_name = {rule["alert"]: rule for rule in rules()}
    assert by_name["HearthgateDeviceOffline"]["for"] == "5m"
    assert "> 3600" in by_name["HearthgateEventWaitsLong"]["expr"]


def test_a_journal_is_called_nearly_full_at_nine_tenths_of_its_limit() -> None:
    by_name = {rule["alert"]: rule for rule in rules()}
    assert by_name["HearthgateJournalFillsUp"]["expr"] == f"hearthgate_outbox_events > {MAX_ROWS * 9 // 10}"


def test_every_panel_speaks_both_languages_and_has_a_place_of_its_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        assert HAN.search(panel["title"])
        assert " · " in panel["title"]
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_prometheus_is_told_the_path_and_the_kind_of_token(town: Town) -> None:
    told = yaml.safe_load(PROMETHEUS.read_text())
    job = told["scrape_configs"][0]
    with town.visit() as visitor:
        shown = {"Authorization": f"{job['authorization']['type']} {metrics_token(town.keys.folder)}"}
        assert visitor.get(job["metrics_path"], headers=shown).status_code == 200
    assert told["rule_files"] == [ALERTS.name]
    assert job["job_name"] in "".join(expressions())


RULE_TESTS = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'hearthgate_device_up{instance="c", job="hearthgate", device="gym"}', values: '1 0x20'}
      - {series: 'hearthgate_device_up{instance="c", job="hearthgate", device="gate"}', values: '1x21'}
      - {series: 'hearthgate_roster_number{instance="c", job="hearthgate"}', values: '4 5x20'}
      - {series: 'hearthgate_device_roster_number{instance="c", job="hearthgate", device="gym"}', values: '4x21'}
      - {series: 'hearthgate_device_roster_number{instance="c", job="hearthgate", device="gate"}', values: '4x21'}
    alert_rule_test:
      - {eval_time: 4m, alertname: HearthgateDeviceOffline, exp_alerts: []}
      - eval_time: 7m
        alertname: HearthgateDeviceOffline
        exp_alerts:
          - exp_labels: {severity: warning, instance: c, job: hearthgate, device: gym}
            exp_annotations:
              summary: Nothing heard from gym for 5 minutes
              summary_zh: 云端五分钟听不到 gym
              cure: Its doors still decide. Look at its power and its network.
              cure_zh: 它的门仍自行判断。看电源与网络。
      - eval_time: 15m
        alertname: HearthgateRosterBehind
        exp_alerts:
          - exp_labels: {severity: warning, instance: c, job: hearthgate, device: gate}
            exp_annotations:
              summary: gate is online and has used an old roster for 10 minutes
              summary_zh: gate 十分钟仍用旧名单
              cure: A card reported lost may still open there. See why it refuses the roster.
              cure_zh: 挂失的卡在那里可能仍有效。看它拒绝名单的理由。
"""


def test_prometheus_own_tool_accepts_rules_and_figures(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two alarms are played through, minute by minute."""
    promtool = shutil.which("promtool")
    if promtool is None:
        with capsys.disabled():
            print("\nNOT CHECKED: promtool is not installed, so no tool of Prometheus has read the alarms")
        return
    shutil.copy(ALERTS, tmp_path)
    (tmp_path / "tests.yml").write_text(RULE_TESTS)
    subprocess.run([promtool, "check", "rules", str(ALERTS)], check=True, capture_output=True)
    subprocess.run([promtool, "test", "rules", "tests.yml"], check=True, capture_output=True, cwd=tmp_path)
    town.beats("gym-turnstile")
    text = Metrics(town.store, town.clock, town.feed).text()
    checked = subprocess.run([promtool, "check", "metrics"], input=text, check=True, capture_output=True)
    assert checked.stderr == b""

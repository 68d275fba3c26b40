"""What monitoring is shown, by whose leave, and that no outsider can spoil it."""

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloud.charging.rule import Condition
from cloud.keys.keys import KeyFolder, KeysUnusable
from cloud.overview.metrics import LATCHED, PARTS, SET_ASIDE, Metrics, Workings, metrics_token
from cloud.people.rosters import Withheld
from cloud.web import words
from contract import codec
from contract.decide import Trust
from contract.emergencies import WORST_FIRST
from contract.messages import Beat, RosterState
from tests.cloud.support.hub import DEVICE, RidersHub
from tests.cloud.support.town import NOW_MS, Town
from tests.house import sources

Lines = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Lines:
    """Every line by its name and labels."""
    families = text_string_to_metric_families(text)
    return {(line.name, frozenset(line.labels.items())): line.value for family in families for line in family.samples}


class Monitor:
    """A monitoring system that has the token."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._token = metrics_token(town.keys.folder)

    def look(self) -> "Seen":
        with self._town.visit() as visitor:
            answer = visitor.get("/metrics", headers={"Authorization": f"Bearer {self._token}"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return Seen(answer.text)


class Seen:
    """One look."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = parsed(text)

    def __call__(self, name: str, **labels: str) -> float | None:
        """A figure, None where it has no line."""
        return self.lines.get((f"hearthgate_{name}", frozenset(labels.items())))

    def names(self) -> set[str]:
        return {name for name, _ in self.lines}


@pytest.fixture
def monitor(town: Town) -> Monitor:
    return Monitor(town)


def beat(town: Town, device: str = "gym-turnstile", **changes: object) -> None:
    said = {
        "at_ms": NOW_MS,
        "uptime_ms": 1000,
        "clock": Trust.SYNCED,
        "journal_rows": 10,
        "waiting": 0,
        "oldest_ms": 0,
        "unlogged": 0,
    }
    payload = codec.write(Beat(**(said | changes)))  # type: ignore[arg-type]
    town.arrives(device, "beat", payload)


@pytest.mark.parametrize(
    "shown", [{}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer ünvented"}]
)
def test_without_the_token_nothing_is_shown(town: Town, shown: dict[str, str]) -> None:
    sent = {name.encode(): value.encode() for name, value in shown.items()}
    with town.visit() as stranger:
        answer = stranger.get("/metrics", headers=sent)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "hearthgate" not in answer.text


def test_a_login_is_no_token_and_the_token_is_no_login(town: Town) -> None:
    with town.visit("admin") as admin:
        assert admin.get("/metrics").status_code == 401
        token = {"Authorization": f"Bearer {metrics_token(town.keys.folder)}"}
    with town.visit() as monitor:
        assert monitor.get("/metrics", headers=token).status_code == 200
        assert monitor.get("/api/v1/devices", headers=token).status_code == 401


def test_the_token_is_made_once_for_its_owner_alone(keys: KeyFolder) -> None:
    token = metrics_token(keys.folder)
    assert len(token) == 64
    assert metrics_token(keys.folder) == token
    assert (keys.folder / "metrics.token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "short", "\n"])
def test_a_file_without_a_token_is_named(keys: KeyFolder, text: str) -> None:
    (keys.folder / "metrics.token").write_text(text)
    with pytest.raises(KeysUnusable, match=r"metrics\.token"):
        metrics_token(keys.folder)


def test_a_device_is_up_then_late_then_offline_and_its_age_grows(town: Town, monitor: Monitor) -> None:
    assert monitor.look()("devices", presence="never") == len(town.senders)
    town.beats("gym-turnstile")
    seen = monitor.look()
    assert seen("device_up", device="gym-turnstile") == 1
    assert seen("device_last_seen_timestamp_seconds", device="gym-turnstile") == NOW_MS / 1000
    town.now_ms += 80_000
    seen = monitor.look()
    assert (seen("device_up", device="gym-turnstile"), seen("devices", presence="late")) == (0, 1)
    assert seen("device_heard_age_seconds", device="gym-turnstile") == 80
    town.now_ms += 80_000
    assert monitor.look()("devices", presence="offline") == 1


def test_the_age_of_each_roster_grows(town: Town, monitor: Monitor) -> None:
    town.beats("gym-turnstile", roster=RosterState(1, NOW_MS - 86_400_000, 3))
    town.now_ms += 1000
    seen = monitor.look()
    assert seen("device_roster_age_seconds", device="gym-turnstile") == 86_401


def test_what_a_beat_reports_is_shown(town: Town, monitor: Monitor) -> None:
    faults = {"keeper": "lost", "gym-turnstile.arm_still": "present", "emergency.gym": "in force", "flux": "low"}
    beat(town, clock=Trust.HOLDOVER, waiting=7, oldest_ms=60_000, unlogged=3, journal_rows=90, faults=faults)
    seen = monitor.look()
    assert seen("outbox_events", device="gym-turnstile") == 7
    assert seen("outbox_oldest_event_timestamp_seconds", device="gym-turnstile") == NOW_MS / 1000 - 60
    assert seen("device_unlogged_events_total", device="gym-turnstile") == 3
    assert seen("device_journal_events", device="gym-turnstile") == 90
    trusts = {trust: seen("device_clock_trust", device="gym-turnstile", trust=trust.value) for trust in Trust}
    assert trusts == {Trust.SYNCED: 0, Trust.HOLDOVER: 1, Trust.UNSET: 0}
    every = (*PARTS, "emergency", "point", "other")
    parts = {part: seen("device_faults", device="gym-turnstile", part=part) for part in every}
    assert {part for part, count in parts.items() if count} == {"keeper", "point", "emergency", "other"}
    assert all(count in (0, 1) for count in parts.values())


def test_a_broken_loop_is_an_emergency_of_its_own_cause_and_no_fault_of_a_door(town: Town, monitor: Monitor) -> None:
    beat(town, faults={"fire_loop.gym": "broken", "emergency.estate": "smoke"})
    seen = monitor.look()
    causes = {cause: seen("device_emergencies", device="gym-turnstile", cause=cause) for cause in WORST_FIRST}
    assert causes == {"fire": 0, "smoke": 1, "estop": 0, "loop_broken": 1, "drill": 0}
    assert seen("device_faults", device="gym-turnstile", part="emergency") == 2
    assert seen("device_faults", device="gym-turnstile", part="point") == 0


def test_a_device_that_owes_nothing_has_no_oldest_event(town: Town, monitor: Monitor) -> None:
    beat(town)
    assert monitor.look()("outbox_oldest_event_timestamp_seconds", device="gym-turnstile") is None


def test_what_was_never_reported_has_no_line(town: Town, monitor: Monitor) -> None:
    seen = monitor.look()
    for name in ("outbox_events", "device_journal_events", "device_last_seen_timestamp_seconds"):
        assert seen(name, device="gym-turnstile") is None
    assert seen("device_up", device="gym-turnstile") == 0


def test_decisions_are_counted_once_by_reason(town: Town, monitor: Monitor) -> None:
    monitor.look()
    town.happens("access.allowed", reason="allowed", holder="0123456789abcdef")
    for _ in range(2):
        town.happens("access.refused", reason="expired")
    town.happens("access.refused", reason="no reason of ours " + "x" * 40)
    town.happens("door.opened")
    for _ in range(2):
        seen = monitor.look()
        assert seen("events_ingested_total") == 5
        assert seen("access_decisions_total", decision="allowed", reason="allowed") == 1
        assert seen("access_decisions_total", decision="refused", reason="expired") == 2
        assert seen("access_decisions_total", decision="refused", reason="other") == 1


def test_what_a_device_had_to_let_go_is_counted_as_lost(town: Town, monitor: Monitor) -> None:
    assert monitor.look()("events_lost_total") == 0
    gym = town.senders["gym-turnstile"]
    gym.record(5)
    town.arrives(gym.name, "events", gym.sealed(1, 5, [gym.gap(1, 3), *gym.rows[3:]]))
    assert monitor.look()("events_lost_total") == 3


def test_what_happened_before_this_process_is_not_counted_again(town: Town) -> None:
    town.happens("access.refused", reason="expired")
    anew = parsed(Metrics(town.store, town.clock, town.feed).text().decode())
    assert not [name for name, _ in anew if name == "hearthgate_access_decisions_total"]
    assert anew["hearthgate_events_ingested_total", frozenset()] == 1


def test_quarantine_is_counted_by_why(town: Town, monitor: Monitor) -> None:
    for device in ("gym-turnstile", "nobody", "nobody-else"):
        town.arrives(device, "events", b"rubbish")
    seen = monitor.look()
    assert seen("messages_quarantined_total", channel="events", why="malformed") == 1
    assert seen("messages_quarantined_total", channel="events", why="unknown_device") == 2


def test_quarantine_counts_from_zero(town: Town, monitor: Monitor) -> None:
    """The first burst is growth: ``increase()`` of a series without an earlier value would be nothing."""
    for channel in ("state", "events"):
        assert {monitor.look()("messages_quarantined_total", channel=channel, why=why) for why in SET_ASIDE} == {0}
    for _ in range(11):
        town.arrives("nobody", "events", b"rubbish")
    assert monitor.look()("messages_quarantined_total", channel="events", why="unknown_device") == 11


def test_every_reason_of_quarantine_is_counted() -> None:
    files = sources.files("cloud", suffix=".py")
    raised = {why for file in files for why in re.findall(r'Refused\("(\w+)"', file.read_text())}
    assert len(raised) > 4
    assert raised | set(words.CAUSES) == set(SET_ASIDE)


def test_the_threads_and_the_timing_of_ingest_are_shown(town: Town) -> None:
    found = Metrics(town.store, town.clock, town.feed)
    withheld = [Withheld(1, "too large", ["hub-door", "old-gate"])]
    found.workings = lambda: Workings(True, 5, 4, {"ingest": 3, "rolling": 2}, withheld=withheld)
    found.timed(0.004)
    seen = Seen(found.text().decode())
    assert (seen("broker_connected"), seen("ingest_queue_messages"), seen("messages_dropped_total")) == (1, 5, 4)
    assert (seen("failures_total", thread="ingest"), seen("failures_total", thread="rolling")) == (3, 2)
    assert seen("roster_withheld_devices", version="1") == 2
    assert seen("ingest_duration_seconds_bucket", le="0.005") == 1
    assert seen("ingest_duration_seconds_bucket", le="0.0025") == 0


@pytest.mark.parametrize(
    "wild",
    [
        {"at_ms": 1 << 62, "oldest_ms": 1 << 62, "journal_rows": -(1 << 62), "unlogged": 1 << 60},
        {"faults": {f"invented-{n}": "x" for n in range(200)}},
        {"faults": {'a"b\n.c': "x", "": "", ".": "y", "emergency.": ""}},
    ],
)
def test_a_beat_that_nobody_signed_spoils_no_look(town: Town, monitor: Monitor, wild: dict[str, Any]) -> None:
    before = len(monitor.look().lines)
    beat(town, **wild)
    seen = monitor.look()
    assert len(seen.lines) <= before + 20
    assert "invented" not in seen.text


def test_a_number_of_any_length_is_left_out(town: Town, monitor: Monitor) -> None:
    town.beats("gym-turnstile")
    said = codec.write(Beat(NOW_MS, 1000, Trust.SYNCED, 10, 0, 60_000, 0))
    for field in (b'"journal_rows":10', b'"oldest_ms":60000', b'"unlogged":0'):
        town.arrives("gym-turnstile", "beat", said.replace(field, field.rpartition(b":")[0] + b":1" + b"0" * 400))
        assert monitor.look()("device_up", device="gym-turnstile") == 1
    assert monitor.look()("device_unlogged_events_total", device="gym-turnstile") is None


def test_charging_is_told_by_class_state_and_reason(town: Town, monitor: Monitor) -> None:
    hub = RidersHub(town)
    assert monitor.look()("sockets", **{"class": "phone"}, state="offline") == 8
    hub.charges()
    hub.says({"phone-1": "charging", "phone-2": "finished", "phone-3": "free"})
    seen = monitor.look()
    states = {state: seen("sockets", **{"class": "phone"}, state=state) for state in Condition}
    assert {state: count for state, count in states.items() if count} == {
        Condition.CHARGING: 1,
        Condition.FINISHED: 1,
        Condition.FREE: 1,
        Condition.OFFLINE: 5,
    }
    assert seen("sessions_running", **{"class": "phone"}) == 2
    assert seen("sessions_ended_total", reason="full") == 0


def test_a_session_is_counted_on_its_device_while_nothing_is_heard_of_it(town: Town, monitor: Monitor) -> None:
    hub = RidersHub(town)
    assert monitor.look()("device_sessions", device=DEVICE) == 0
    hub.charges()
    town.now_ms += 180_000
    seen = monitor.look()
    assert (seen("device_up", device=DEVICE), seen("device_sessions", device=DEVICE)) == (0, 1)
    assert seen("sessions_running", **{"class": "phone"}) == 0
    hub.ends()
    assert monitor.look()("device_sessions", device=DEVICE) == 0


def test_what_has_cut_itself_off_is_counted_by_its_fault_socket_or_bank(town: Town, monitor: Monitor) -> None:
    hub = RidersHub(town)
    hub.says(
        {"phone-1": {"phase": "faulted", "faults": ["over_temp"]}, "phone-2": {"phase": "free", "faults": ["worn"]}},
        faults={"bank-a.contactor_welded": ""},
    )
    seen = monitor.look()
    counts = {fault: seen("device_latched_faults", device=DEVICE, fault=fault) for fault in LATCHED}
    assert {fault for fault, count in counts.items() if count} == {"over_temp", "contactor_welded"}
    assert set(counts.values()) == {0, 1}


def test_an_end_counts_once_however_often_it_is_told(town: Town, monitor: Monitor) -> None:
    hub = RidersHub(town)
    hub.ends()
    assert monitor.look()("sessions_ended_total", reason="full") == 1
    town.now_ms += 5_000
    hub.ends(reason="power_loss")
    hub.ends(session="ffffffffffffffff", reason="a reason of tomorrow", energy_wh=100)
    seen = monitor.look()
    assert (seen("sessions_ended_total", reason="full"), seen("sessions_ended_total", reason="power_loss")) == (1, 0)
    assert seen("sessions_ended_total", reason="other") == 1
    assert seen("sessions_energy_wh_total") == 113


def test_no_line_names_a_person_a_card_or_a_door(town: Town, monitor: Monitor) -> None:
    holder = next(iter(people(town).values()))
    town.happens("access.allowed", reason="allowed", holder=holder, card="12345678")
    seen = monitor.look()
    assert {label for _, labels in seen.lines for label, _ in labels} <= {
        "version", "presence", "device", "trust", "part", "decision", "reason", "channel", "why", "thread", "le",
        "lateness", "class", "state", "cause", "fault", "verdict",
    }  # fmt: skip
    for name, known in people(town).items():
        assert name not in seen.text
        assert known not in seen.text


def people(town: Town) -> dict[str, str]:
    with town.store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT name_en, holder FROM people").all()
    return {row.name_en: bytes(row.holder).hex() for row in rows}


def test_names_follow_the_conventions_of_prometheus(monitor: Monitor) -> None:
    for name in monitor.look().names():
        assert re.fullmatch(r"(hearthgate|process)_[a-z_]+", name), name
        assert not name.endswith(("_ms", "_percent"))

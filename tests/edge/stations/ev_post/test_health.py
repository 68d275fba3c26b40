"""What a charging post says of itself: its state, its boots, and that it is alive."""

import pytest

from edge.stations.ev_post.health import MAX_REPEATED, REPEATED_MS
from edge.stations.ev_post.messages import (
    Alive,
    Beat,
    Booted,
    Configured,
    Connected,
    Done,
    Left,
    SetOperative,
    Status,
    StatusReported,
    StopRemotely,
    Turned,
    TurnedAway,
    Version,
)
from tests.edge.support.orders import stops
from tests.edge.support.posts import ANNA, Rig

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def ready() -> Rig:
    rig = Rig()
    rig.connect()
    rig.records.clear()
    return rig


def test_answered_pings_are_no_silence() -> None:
    """A post that keeps a heartbeat of its own, an hour long, is alive while its line is."""
    rig = ready()
    for _ in range(6 * 30):
        rig.wait(20_000, beats=False)
        rig.hear(Alive())
    assert rig.records == []
    assert not rig.report.faulted
    rig.wait(5 * MINUTE_MS, beats=False)
    assert sorted(rig.report.faults) == ["silent"]
    rig.hear(Alive())
    assert rig.report.faults == frozenset()


def test_answered_ping_greets_nobody() -> None:
    """A post answers pings before it has booted, and would not hear us then."""
    rig = Rig()
    rig.connect(booted=False)
    rig.hear(Alive())
    assert rig.orders(SetOperative) == []


@pytest.mark.parametrize("why", ["wrong_password", "wrong_protocol"])
def test_post_turned_away_is_shown(why: Turned) -> None:
    """One row, however often it tries, until it is let in or an hour has passed."""
    rig = Rig()
    for _ in range(10):
        rig.hear(TurnedAway(why))
    assert rig.told("ev_post.fault") == [{"fault": why}]
    rig.connect()
    assert rig.report.faults == frozenset()
    rig.hear(TurnedAway(why))
    assert not rig.report.faulted
    rig.wait(HOUR_MS)
    assert rig.report.faults == frozenset()


def whole(rig: Rig, status: Status) -> None:
    rig.hear(StatusReported(status, rig.wall_ms, rig.wall_ms, whole=True))


STATES: list[tuple[Status, Status, bool]] = [
    ("available", "available", True),
    ("faulted", "available", False),
    ("available", "faulted", False),
    ("unavailable", "available", False),
    ("available", "unavailable", False),
    ("faulted", "faulted", False),
    ("available", "occupied", True),
]


@pytest.mark.parametrize(("of_post", "of_connector", "offered"), STATES)
@pytest.mark.parametrize("post_first", [True, False])
def test_post_and_connector_have_states_of_their_own(
    of_post: Status, of_connector: Status, offered: bool, post_first: bool
) -> None:
    """Whichever is told first, both hold: a post that is faulted is not well because its connector is available."""
    rig = ready()
    if post_first:
        whole(rig, of_post)
    rig.status(of_connector)
    if not post_first:
        whole(rig, of_post)
    assert rig.report.faulted is not offered
    assert (rig.report.faults == {"post_faulted"}) is ("faulted" in (of_post, of_connector))
    assert rig.card(ANNA) == ("accepted" if offered else "blocked")


def test_fault_said_again_is_one_row() -> None:
    """A post that is faulted as a whole and well at its connector says both every ten seconds."""
    rig = ready()
    for _ in range(60):
        whole(rig, "faulted")
        rig.status("charging")
        rig.wait(10_000, beats=False)
    whole(rig, "available")
    assert rig.kinds == ["ev_post.fault", "ev_post.fault_cleared"]


@pytest.mark.parametrize("leaves", [True, False])
def test_state_of_post_is_forgotten_after_a_boot(leaves: bool) -> None:
    """A post that has started anew and says nothing more of itself as a whole is as its connector is; one that says
    the same again within two minutes leaves no trace of it."""
    rig = ready()
    whole(rig, "faulted")
    for says_again in (True, False):
        rig.hear(Left() if leaves else Booted("Acme", "Two", "1.0"))
        rig.wait(MINUTE_MS)
        rig.hear(Connected("1.6", 1, leads=True))
        if says_again:
            whole(rig, "faulted")
        rig.wait(2 * MINUTE_MS)
        assert rig.report.faulted is says_again
    for kind in ("ev_post.fault", "ev_post.fault_cleared"):
        assert rig.told(kind).count({"fault": "post_faulted"}) == 1


def charging(version: Version = "1.6") -> tuple[Rig, str]:
    rig = ready()
    rig.hear(Connected(version, 1, leads=True))
    number = rig.begin(ANNA, 1000).transaction
    rig.status("charging")
    rig.wait(15 * MINUTE_MS)
    rig.meter(number, 2750)
    return rig, number


def boot(rig: Rig, version: Version = "1.6") -> None:
    rig.hear(Left())
    rig.wait(5_000)
    rig.hear(Connected(version, 1, leads=True))
    rig.hear(Booted("Acme", "Two", "1"))
    rig.sent.clear()


def test_boot_alone_ends_no_session() -> None:
    """Some posts tell of a boot with every connection, and of a state never: the charge goes on and is counted."""
    rig, number = charging()
    boot(rig)
    rig.wait(10 * MINUTE_MS)
    assert rig.ends() == []
    rig.meter(number, 4500)
    rig.wait(15 * MINUTE_MS)
    rig.meter(number, 6250)
    assert rig.orders(StopRemotely) == []
    assert rig.report.faults == frozenset()
    rig.stop(number, 6250)
    assert rig.ends() == [("pulled", 5250.0)]


SIGNS: list[tuple[Version, Status, bool]] = [
    ("1.6", "available", True),
    ("1.6", "occupied", True),
    ("1.6", "charging", False),
    ("1.6", "suspended", False),
    ("1.6", "faulted", False),
    ("1.6", "unavailable", False),
    ("2.0.1", "available", True),
    ("2.0.1", "occupied", False),
]


@pytest.mark.parametrize(("version", "status", "ends"), SIGNS)
def test_state_after_a_boot_shows_what_was_forgotten(version: Version, status: Status, ends: bool) -> None:
    """In 1.6 a connector that is being prepared gives nobody power; in 2.0.1 one that is occupied may."""
    rig, _ = charging(version)
    boot(rig, version)
    rig.status(status)
    rig.wait(10 * MINUTE_MS)
    assert rig.ends() == ([("power_loss", 1750.0)] if ends else [])


def test_post_charging_after_a_boot_keeps_its_session() -> None:
    """It says *preparing* for a moment while it starts."""
    rig, number = charging()
    boot(rig)
    rig.status("occupied")
    rig.wait(MINUTE_MS)
    rig.meter(number, 3000)
    rig.wait(10 * MINUTE_MS)
    assert rig.ends() == []


@pytest.mark.parametrize("rebooted", [True, False])
def test_refused_stop_after_a_boot_is_a_sign(rebooted: bool) -> None:
    """A post that has started anew and knows nothing of a transaction refuses to stop it; then it is over."""
    rig, _ = charging()
    if rebooted:
        boot(rig)
    rig.take(stops(rig.report))
    rig.hear(Done(rig.orders(StopRemotely)[-1].order, "rejected"))
    rig.wait(3 * MINUTE_MS)
    assert rig.ends() == ([("operator", 1750.0)] if rebooted else [])


def test_boots_told_again_and_again_are_few_rows() -> None:
    """The first at once, and then how many there were; none is lost."""
    rig = ready()
    for _ in range(360):
        rig.hear(Booted("Acme", "Two", "1"))
        rig.wait(10_000, beats=False)
        rig.hear(Beat())
    rig.wait(2 * REPEATED_MS)
    rows = rig.told("ev_post.booted")
    assert len(rows) <= 6
    assert sum(row.get("times", 1) for row in rows) == 360


def test_rows_of_post_that_varies_them_are_bounded() -> None:
    """A firmware that counts its boots writes another text each time, and two posts of one name take turns."""
    rig = ready()
    for number in range(200):
        rig.hear(Connected("1.6", 1, leads=True, replaced=True))
        rig.hear(Booted("Acme", "Two", str(number)))
        rig.hear(Configured((str(number),), None, None))
    rig.wait(2 * REPEATED_MS)
    assert len(rig.records) <= MAX_REPEATED + 2
    assert sum(one.data.get("times", 1) for one in rig.records) == 600


@pytest.mark.parametrize(("power_w", "shown", "faults"), [(26_400.0, 26_400, []), (7e6, 7000, ["nonsense_power"])])
def test_power_that_no_post_gives_is_not_shown(power_w: float, shown: int, faults: list[str]) -> None:
    """A post that tells watts as kilowatts: the register is believed all the same, and the fault says why."""
    rig, number = charging()
    rig.meter(number, 3000, power_w)
    assert rig.report.live["power_w"] == shown
    assert rig.report.live["energy_wh"] == 2000
    assert sorted(rig.report.faults) == faults
    rig.wait(HOUR_MS)
    assert rig.report.faults == frozenset()

"""The service that says how every device is to be: whatever is ordered, only what a point has and only for its time."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, update

from cloud.commands.desired import DesiredStateService, NoSuchMode, NoSuchOrder
from cloud.commands.rule import held_points, mode_orders
from cloud.commands.service import NoSuchPlace
from cloud.commands.store import find_desired, list_desired, list_points, note_reported
from cloud.commands.tables import desired
from cloud.devices.point_kinds import kinds_in, note_kinds
from cloud.line.sealed_channel import SealedChannel
from cloud.store.database import Store, open_store
from cloud.store.schema import devices, points, sites, zones
from contract import codec
from contract.decide import HOUR_MS, MINUTE_MS, Mode
from contract.kinds import MODE_LASTS_MS, has_mode
from contract.messages import Desired, Reported
from contract.sealing import ConfigKey

T0_MS = 1_800_000_000_000
KINDS = {"gate": "door", "gym": "turnstile", "phone-1": "socket", "post-1": "ev_post", "tap": "fountain", "old": ""}
CLASSES = {"phone-1": "phone", "post-1": "ev"}
DOORS = ["gate", "gym"]


class Site:
    """One device with a point of every kind, and what was sent to it."""

    def __init__(self, store: Store) -> None:
        self.store, self.now_ms = store, T0_MS
        self.sent: list[Desired] = []
        self.desired_state = DesiredStateService(
            store, SealedChannel(self._sent, "s", "config", ConfigKey.generate()), lambda: self.now_ms
        )

    def _sent(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert (topic, retain) == ("hg/v1/s/d/dn/config", True)
        self.sent.append(codec.read(codec.detach(payload)[0], Desired))

    def modes(self) -> dict[str, Mode]:
        """Of the points that are to be in another mode than scheduled."""
        with self.store.reading() as connection:
            known = list_points(connection, self.now_ms)
        return {one.name: one.mode for one in known if one.mode is not Mode.SCHEDULED}


def fill(connection: Connection) -> None:
    connection.execute(insert(sites).values(name="s", zone="Asia/Shanghai", label_zh="", label_en=""))
    connection.execute(insert(zones).values(name="z", label_zh="", label_en=""))
    device = {"site": "s", "name": "d", "public_key": bytes(65), "registered_ms": 0, "label_zh": "", "label_en": ""}
    connection.execute(insert(devices).values(**device))
    for name, kind in KINDS.items():
        row = {"name": name, "device": "d", "zone": "z", "label_zh": "", "label_en": "", "kind": kind}
        connection.execute(insert(points).values(**row, **{"class": CLASSES.get(name, "")}))


@pytest.fixture
def site(store: Store) -> Site:
    with store.writing() as connection:
        fill(connection)
    return Site(store)


def test_a_mode_reaches_only_points_that_have_it(site: Site) -> None:
    for name, kind in KINDS.items():
        for mode in Mode:
            if has_mode(kind, mode):
                assert site.desired_state.set_mode([name], mode, "gate", "a trial").points == [name]
            else:
                with pytest.raises(NoSuchMode, match=name):
                    site.desired_state.set_mode([name, "gate"], mode, "gate", "a trial")
    assert site.modes() == dict.fromkeys(KINDS, Mode.OUT_OF_SERVICE)


@pytest.mark.parametrize(
    ("mode", "reached"),
    [
        (Mode.HOLD_OPEN, DOORS),
        (Mode.LOCKDOWN, DOORS),
        (Mode.OUT_OF_SERVICE, [*DOORS, "old"]),
        (Mode.SCHEDULED, [*DOORS, "old"]),
    ],
)
def test_all_doors_are_no_sockets(site: Site, mode: Mode, reached: list[str]) -> None:
    assert site.desired_state.set_mode(None, mode, "gate", "a trial").points == reached


def test_a_lockdown_of_all_leaves_broken_doors_alone(site: Site) -> None:
    """Nobody gets in at a door that is out of service, and nobody shall when the lockdown is over."""
    site.desired_state.set_mode(["gym"], Mode.OUT_OF_SERVICE, "gate", "the arm is loose")
    change = site.desired_state.set_mode(None, Mode.LOCKDOWN, "gate", "a fight")
    assert change.points == ["gate"]
    site.desired_state.end(change.order, "gate", "it is over")
    assert site.modes() == {"gym": Mode.OUT_OF_SERVICE}
    site.desired_state.set_mode(["gate"], Mode.OUT_OF_SERVICE, "gate", "broken too")
    site.desired_state.set_mode(["old"], Mode.OUT_OF_SERVICE, "gate", "broken too")
    with pytest.raises(NoSuchPlace):
        site.desired_state.set_mode(None, Mode.HOLD_OPEN, "gate", "open day")


def test_end_ends_its_own_order_and_no_other(site: Site) -> None:
    first = site.desired_state.set_mode(None, Mode.LOCKDOWN, "gate", "a fight")
    second = site.desired_state.set_mode(["gym"], Mode.LOCKDOWN, "office", "another fight")
    with site.store.reading() as connection:
        told = [(one.id, one.by, one.points) for one in mode_orders(held_points(list_desired(connection), site.now_ms))]
    assert sorted(told) == sorted([(first.order, "gate", ("gate",)), (second.order, "office", ("gym",))])
    assert site.desired_state.end(first.order, "gate", "it is over").points == ["gate"]
    assert site.modes() == {"gym": Mode.LOCKDOWN}
    with pytest.raises(NoSuchOrder):
        site.desired_state.end(first.order, "gate", "it is over")


def test_what_is_over_is_desired_no_more(site: Site) -> None:
    site.desired_state.set_mode(["gate"], Mode.HOLD_OPEN, "gate", "a move", minutes=30)
    site.desired_state.set_mode(["gym"], Mode.LOCKDOWN, "gate", "a fight")
    assert site.sent[-1].until == {"gate": T0_MS + 30 * MINUTE_MS, "gym": T0_MS + 4 * HOUR_MS}
    site.desired_state.end_due()
    assert len(site.sent) == 2
    site.now_ms += 30 * MINUTE_MS
    assert site.modes() == {"gym": Mode.LOCKDOWN}
    site.desired_state.end_due()
    assert (site.sent[-1].number, site.sent[-1].modes) == (3, {"gym": Mode.LOCKDOWN})


def test_an_old_lockdown_lets_go_of_the_sockets(site: Site) -> None:
    """A document from before: its sockets are free again, its gates get an end, and what nobody knows waits for it."""
    with site.store.writing() as connection:
        modes = dict.fromkeys(KINDS, "lockdown")
        connection.execute(insert(desired).values(device="d", number=7, issued_ms=0, modes=modes))
    site.desired_state.publish_all()
    (told,) = site.sent
    assert told.number == 8
    assert told.until == dict.fromkeys(("gate", "gym", "old"), T0_MS + 4 * HOUR_MS)
    assert told.modes.keys() == told.until.keys()
    with site.store.reading() as connection:
        (order,) = mode_orders(held_points(list_desired(connection), site.now_ms))
    assert site.desired_state.end(order.id, "gate", "long over").points == ["gate", "gym", "old"]


def test_a_new_wiring_gives_no_mode_more_time(site: Site) -> None:
    site.desired_state.set_mode(["gate"], Mode.LOCKDOWN, "gate", "a fight")
    site.now_ms += HOUR_MS
    with site.store.writing() as connection:
        site.desired_state.publish(site.desired_state.set_wiring(connection, "d", "[device]\n"))
    assert site.sent[-1].until == {"gate": T0_MS + 4 * HOUR_MS}


def test_a_kind_is_what_its_own_device_says(site: Site) -> None:
    told = kinds_in(
        {"old": {"kind": "door"}, "gate": {"kind": "../x"}, "gym": {}, "tap": "?", "x" * 9: {"kind": "door"}}
    )
    with site.store.writing() as connection:
        note_kinds(connection, "d", told)
        note_kinds(connection, "another", {"gym": "socket"})
        kinds = {one.name: one.kind for one in list_points(connection, site.now_ms)}
    assert kinds == {**KINDS, "old": "door"}


orders = st.tuples(
    st.sampled_from(["set", "end", "renew", "wait", "look"]),
    st.none() | st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3, unique=True),
    st.sampled_from(Mode),
    st.none() | st.integers(1, 300),
)


def test_nothing_is_desired_beyond_its_end(tmp_path: Path) -> None:
    """Over any orders: no point is ever to be in a mode that it has not got, none longer than one order may last since
    a person spoke last, and what the devices are sent says the same as what the pages show."""
    store = open_store(f"sqlite:///{tmp_path / 'cloud.db'}")
    with store.writing() as connection:
        fill(connection)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(orders, max_size=8))
    def holds(deeds: list[tuple[str, list[str] | None, Mode, int | None]]) -> None:
        with store.writing() as connection:
            connection.execute(update(desired).values(modes={}, terms={}))
        site = Site(store)
        for name, where, mode, minutes in deeds:
            _does(site, name, where, mode, minutes)
            _check(site)

    holds()
    store.close()


def _does(site: Site, name: str, where: list[str] | None, mode: Mode, minutes: int | None) -> None:
    def quietly(act: Callable[[], object]) -> None:
        try:
            act()
        except (NoSuchMode, NoSuchPlace, ValueError):
            return

    with site.store.reading() as connection:
        standing = mode_orders(held_points(list_desired(connection), site.now_ms))
    match name:
        case "set":
            quietly(lambda: site.desired_state.set_mode(where, mode, "gate", "a trial", minutes))
        case "end" if standing:
            site.desired_state.end(standing[0].id, "gate", "over")
        case "renew" if standing:
            quietly(lambda: site.desired_state.renew(standing[-1].id, "gate", "not over", minutes))
        case "wait":
            site.now_ms += (minutes or 1) * MINUTE_MS
        case "look":
            site.desired_state.end_due()


def _check(site: Site) -> None:
    with site.store.reading() as connection:
        document, known = find_desired(connection, "d"), list_points(connection, site.now_ms)
    for one in known:
        assert one.mode is Mode.SCHEDULED or has_mode(one.kind, one.mode)
        assert (one.term is not None) == (one.mode in MODE_LASTS_MS)
        if one.term is not None:
            assert 0 < one.term.until_ms - site.now_ms <= MODE_LASTS_MS[one.mode]
    if site.sent and document:
        assert site.sent[-1].modes == document.modes
        assert site.sent[-1].until.keys() == {point for point, mode in document.modes.items() if mode in MODE_LASTS_MS}


def test_device_that_ended_mode_alone_drifts_no_more(site: Site) -> None:
    site.desired_state.set_mode(["gate"], Mode.LOCKDOWN, "gate", "a fight")
    with site.store.writing() as connection:
        note_reported(connection, "d", Reported(1, "applied", T0_MS, {"gate": Mode.SCHEDULED}))
        assert [one.name for one in list_points(connection, site.now_ms) if one.drifts] == ["gate"]
        assert [one.name for one in list_points(connection, site.now_ms + 4 * HOUR_MS) if one.drifts] == []

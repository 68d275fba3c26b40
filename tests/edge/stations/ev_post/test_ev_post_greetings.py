"""What a post is told when it comes, and what it says that cannot be."""

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import CloudAuthenticated, ModeChanged, Restored
from edge.stations.ev_post.messages import (
    Booted,
    Configure,
    Configured,
    Connected,
    Done,
    Left,
    ListVersion,
    Nonsense,
    SetOperative,
    StatusReported,
    StopRemotely,
    UpdateList,
)
from edge.stations.ev_post.state import EvPostSettings
from tests.edge.support.post_phases import HOUR_MS, MINUTE_MS, charging, ready
from tests.edge.support.posts import ANNA, BEN, NOON_MS, Rig


def test_a_post_that_lies_about_its_clock_is_noticed_and_measured_by_ours() -> None:
    rig = Rig()
    rig.connect()
    rig.status("available", clock_off_ms=3 * HOUR_MS)
    assert "clock_off" in rig.report.faults
    number = rig.begin(ANNA, at_ms=rig.wall_ms - 3 * HOUR_MS).transaction
    (began,) = rig.told("ev_post.began")
    assert began["offset_ms"] == 3 * HOUR_MS
    assert began["heard_ms"] - began["post_at_ms"] == 3 * HOUR_MS
    rig.wait(HOUR_MS)
    rig.stop(number, 3000, at_ms=rig.wall_ms)  # its clock was put right in between
    (end,) = rig.told("session.ended")
    assert (end["ms"], end["by"]) == (HOUR_MS, "card")


def test_a_transaction_of_1970_lasts_as_long_as_we_saw() -> None:
    rig = ready()
    number = rig.begin(ANNA, at_ms=5_000).transaction
    rig.wait(HOUR_MS)
    rig.stop(number, 3000)
    assert rig.told("session.ended")[0]["ms"] == HOUR_MS


def test_values_that_cannot_be_are_no_energy() -> None:
    rig = ready()
    number = rig.begin(ANNA, None, at_ms=None).transaction
    rig.meter(number, 5000)
    rig.wait(HOUR_MS)
    rig.meter(number, 5500)
    rig.meter(number, None, None)
    rig.stop(number, None, at_ms=None)
    assert rig.ends() == [("pulled", 500.0)]


def test_a_post_is_set_up_when_it_boots() -> None:
    rig = Rig()
    rig.connect()
    (configure,) = rig.orders(Configure)
    assert configure.wishes["offline_for_strangers"] == "false"
    assert configure.wishes["stop_strangers"] == "true"
    rig.hear(Configured(("ping_s",), 50, 5))
    assert rig.told("ev_post.configured") == [{"refused": ["ping_s"]}]


def test_a_post_that_was_up_all_the_time_is_greeted_after_a_while() -> None:
    rig = Rig()
    rig.connect(booted=False)
    assert rig.orders(Configure) == []
    rig.wait(10_000)
    assert len(rig.orders(Configure)) == 1


def test_the_list_is_pushed_in_chunks_and_moves_only_on_acceptance() -> None:
    rig = ready()
    rig.hear(Configured((), 100, 1))
    rig.hear(ListVersion(41))
    (empty,) = rig.orders(UpdateList)
    assert (empty.full, empty.version, empty.cards) == (True, 42, ())
    assert rig.card(ANNA) == "accepted"
    assert rig.card(BEN) == "accepted"
    assert rig.orders(UpdateList) == []
    rig.hear(Done(empty.order, "failed"))
    rig.wait(5 * MINUTE_MS)
    (again,) = rig.orders(UpdateList)
    assert (again.full, again.version, [card.tag for card in again.cards]) == (True, 42, [ANNA])
    rig.hear(Done(again.order, "accepted"))
    (rest,) = rig.orders(UpdateList)
    assert (rest.full, rest.version, [card.tag for card in rest.cards]) == (False, 43, [BEN])
    rig.hear(Done(rest.order, "version_mismatch"))
    rig.hear(ListVersion(50))
    (whole,) = rig.orders(UpdateList)
    assert (whole.full, whole.version) == (True, 51)


def test_a_card_that_is_refused_leaves_the_list() -> None:
    rig = ready()
    rig.hear(ListVersion(0))
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    rig.card(ANNA)
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    rig.reasons[ANNA] = Reason.REPORTED_LOST
    rig.card(ANNA)
    (update,) = rig.orders(UpdateList)
    assert [(card.tag, card.gone) for card in update.cards] == [(ANNA, True)]


def test_a_new_roster_has_the_list_weighed_again() -> None:
    rig = ready()
    rig.hear(ListVersion(0))
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    for tag in (ANNA, BEN):
        rig.card(tag)
        rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    rig.roster, rig.reasons[BEN] = 8, Reason.SUSPENDED
    rig.take(CloudAuthenticated())
    (update,) = rig.orders(UpdateList)
    assert [(card.tag, card.gone) for card in update.cards] == [(BEN, True)]


def test_a_list_that_a_post_does_not_keep_is_never_sent() -> None:
    rig = ready()
    rig.hear(ListVersion(None))
    rig.card(ANNA)
    assert rig.orders(UpdateList) == []


def test_nonsense_is_told_once_an_hour() -> None:
    rig = ready()
    for _ in range(5):
        rig.hear(Nonsense("start"))
    assert rig.kinds == ["ev_post.fault"]


def test_a_second_post_of_one_name_is_told() -> None:
    rig = ready()
    rig.connect(replaced=True)
    assert "ev_post.replaced" in rig.kinds


def test_the_post_as_a_whole_may_be_faulted() -> None:
    rig = ready()
    rig.hear(StatusReported("faulted", NOON_MS, NOON_MS, whole=True))
    assert rig.report.faulted


@pytest.mark.parametrize("wrong", [{"power_w": 0}, {"session_ms": -1}, {"session_wh": 10**9}, {"meter_s": 1}])
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EvPostSettings(**wrong)  # type: ignore[arg-type]


def test_an_age_that_is_told_later_turns_nothing_back() -> None:
    rig, number = charging()
    rig.restart(knows_age=False)
    rig.connect(booted=False)
    rig.wait(HOUR_MS)
    rig.stop(number, 2000)
    rig.take(Restored(rig.kept, 5))
    assert not rig.report.busy
    assert rig.ends() == [("pulled", 1000.0)]


def test_what_cannot_be_read_is_a_fault_and_no_crash() -> None:
    rig = Rig()
    rig.kept = b"{"
    rig.restart()
    assert "kept_unreadable" in rig.report.faults


def test_post_that_connects_in_fire_hears_it_first() -> None:
    """It was away when the fire began: its stop waits for no boot, and is said again after that."""
    rig, number = charging()
    rig.hear(Left())
    rig.emergency()
    rig.sent.clear()
    rig.hear(Connected("1.6", 1, leads=True))
    for _ in range(2):
        assert [one.transaction for one in rig.orders(StopRemotely)] == [number]
        assert [one.operative for one in rig.orders(SetOperative)] == [False]
        assert rig.orders(Configure) == []
        rig.hear(Booted("Acme", "Two", "1.0"))
        rig.orders(Configure)


def test_unanswered_inoperative_is_said_again() -> None:
    """As long as nobody may be served, and for the newest order only: chains of them would never end."""
    rig = ready()
    rig.emergency()
    first = rig.orders(SetOperative)[-1]
    rig.take(ModeChanged(Mode.LOCKDOWN, 3))
    (second,) = rig.orders(SetOperative)
    for order, again in ((first, 0), (second, 1)):
        rig.hear(Done(order.order, "timeout"))
        found = rig.orders(SetOperative)
        assert [one.operative for one in found] == [False] * again
    rig.take(ModeChanged(Mode.SCHEDULED, 4))
    rig.emergency(False)
    last = rig.orders(SetOperative)[-1]
    assert last.operative
    rig.hear(Done(last.order, "timeout"))
    assert rig.orders(SetOperative) == []
    assert rig.report.faults == frozenset()

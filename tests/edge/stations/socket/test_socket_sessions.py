"""What a session tells, spends and keeps, who waits, and what a full battery costs."""

import msgspec

from contract.decide import Tier
from contract.reasons import Reason
from edge.archetypes.protocol import (
    Show,
    Spend,
)
from edge.archetypes.session import Price, Tariff
from edge.stations import socket as kind
from tests.edge.support.socket_phases import HOUR_MS, MINUTE_MS, PHONES, charged, full, in_phase, loads
from tests.edge.support.sockets import ANNA, BEN, CARL, Socket, decision


def test_progress_is_told_every_five_minutes_and_kept_every_half() -> None:
    socket = Socket().charging()
    socket.wait(21 * MINUTE_MS)
    told = socket.told("session.progress")
    assert len(told) == 4
    assert told[-1] == {"session": "00000000000000a1", "energy_wh": 66.0, "power_w": 200.0, "ms": 1_199_000}


def test_what_a_rationed_holder_uses_is_spent_at_every_reading() -> None:
    socket = Socket().charging(allotment=PHONES)
    socket.wait(30 * MINUTE_MS)
    assert socket.spent["00000000000000a1"] == Spend(
        "00000000000000a1", ANNA.hex(), "phones", {"minutes": 30 * MINUTE_MS, "wh": 100_000}
    )


def test_a_holder_without_a_ration_spends_nothing() -> None:
    socket = Socket().charging()
    socket.wait(MINUTE_MS)
    assert socket.spent == {}


def test_the_receipt_follows_the_holders_tier() -> None:
    tariff = Tariff(prices=(Price(tiers=(Tier.RIDER,), fen_per_kwh=60), Price(fen_per_kwh=100)))
    socket = Socket(tariff=tariff).charging(900)
    socket.wait(HOUR_MS)
    socket.stop()
    assert socket.end["receipt"]["fen"] == 54


def test_a_screen_sees_how_it_goes_and_never_who() -> None:
    socket = Socket().charging()
    socket.wait(60 * MINUTE_MS)
    live = dict(kind.KIND.report(socket.state).live)
    assert live == {
        "class": "ebike",
        "power_w": 200.0,
        "temperature_c": None,
        "reason": "",
        "waiting": False,
        "reserved": False,
        "session": "00000000000000a1",
        "energy_wh": 200.0,
        "minutes": 60,
        "minutes_left": 420,
        "free_at_minutes": 420,
    }
    assert ANNA.hex() not in msgspec.json.encode(live).decode()


def test_a_load_that_tails_off_is_likely_free_soon() -> None:
    socket = charged(loads(20), 10 * MINUTE_MS)
    assert kind.KIND.report(socket.state).live["free_at_minutes"] == 20


# A battery that is full, and who waits


def test_idling_costs_nothing_in_its_grace_and_while_nobody_waits() -> None:
    socket = full()
    socket.wait(HOUR_MS)
    socket.edge("plug", False)
    assert (socket.phase, socket.end["reason"], socket.end["receipt"]["idle_fen"]) == ("free", "full", 0)


def test_idling_costs_while_somebody_waits_and_that_is_said_before() -> None:
    socket = full(wait=True)
    socket.wait(5 * MINUTE_MS)
    assert socket.told("session.idle") == [{"session": "00000000000000a1", "fen_per_minute": 5, "cap_fen": 50}]
    socket.edge("plug", False)
    assert socket.end["receipt"]["idle_fen"] == 20


def test_idling_costs_always_where_the_site_says_so_and_never_more_than_its_cap() -> None:
    socket = full(Tariff(idle_fen_per_minute=5, idle_cap_fen=50, idle_always=True))
    socket.wait(HOUR_MS)
    assert (socket.phase, socket.end["reason"], socket.end["receipt"]["idle_fen"]) == ("free", "full", 50)


def test_a_full_battery_whose_plug_nobody_sees_leaves_the_socket_to_others() -> None:
    socket = in_phase("finished")
    assert not kind.KIND.report(socket.state).busy
    socket.load_w = 200
    socket.tap(BEN)
    assert socket.phase == "starting"


def test_a_pulled_plug_ends_it_at_once() -> None:
    socket = Socket(levels={"plug": True}).charging()
    socket.edge("plug", False)
    assert (socket.on, socket.end["reason"]) == (False, "pulled")


def test_one_person_may_wait_and_has_five_minutes_when_it_ends() -> None:
    socket = Socket().charging()
    socket.wait(5_000)
    socket.tap(BEN)
    socket.tap(CARL)
    assert socket.told("session.waiting") == [{"session": "00000000000000a1", "holder": BEN.hex()}]
    assert socket.shown == Show("red", "busy")
    socket.stop()
    assert kind.KIND.report(socket.state).reserved_for == BEN.hex()
    socket.wait(5 * MINUTE_MS - 1)
    assert kind.KIND.report(socket.state).reserved_for == BEN.hex()
    socket.wait(1)
    assert kind.KIND.report(socket.state).reserved_for == ""


def test_who_charges_does_not_wait_for_themselves_with_another_card() -> None:
    socket = Socket().charging()
    socket.take(msgspec.structs.replace(decision(ANNA, Reason.BUSY), digest=b"another card...."))
    assert (socket.told("session.waiting"), socket.on) == ([], True)


def test_who_waited_and_comes_ends_the_wait() -> None:
    socket = Socket().charging()
    socket.tap(BEN)
    socket.stop()
    socket.tap(BEN, ticket="00000000000000b2")
    assert kind.KIND.report(socket.state).reserved_for == ""
    assert "reserved" not in socket.wakes

"""A charging socket, told by what happens at it."""

from tests.edge.sockets import Socket


def test_a_battery_charges_from_the_tap_until_it_is_full() -> None:
    socket = Socket().charging()
    socket.wait(60 * 60_000)
    assert socket.on
    socket.load_w = 20
    socket.wait(31 * 60_000)
    assert not socket.on
    assert socket.end["reason"] == "full"
    assert socket.end["energy_wh"] in range(208, 212)

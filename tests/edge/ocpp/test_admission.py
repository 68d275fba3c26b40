"""Who may connect as a post, without sockets."""

import pytest

from edge.ocpp.admission import (
    MAX_HANDSHAKES,
    MAX_SHOWN,
    MAX_TRIES_KEPT,
    WRONG_TRIES,
    WRONG_WITHIN_S,
    Handshakes,
    WrongTries,
    chosen_version,
    cut_short,
    is_login,
    offered_versions,
)

PASSWORD = "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize(
    ("headers", "offered", "chosen"),
    [
        ([], [], None),
        ([""], [], None),
        (["ocpp1.6"], ["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1 , ocpp1.6"], ["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp1.5", "ocpp1.6"], ["ocpp1.5", "ocpp1.6"], "ocpp1.6"),
        (["OCPP1.6"], ["OCPP1.6"], None),
    ],
)
def test_first_offer_that_is_spoken_is_chosen(headers: list[str], offered: list[str], chosen: str | None) -> None:
    assert offered_versions(headers) == offered
    assert chosen_version(offered) == chosen


@pytest.mark.parametrize(
    ("name", "shown", "right"),
    [
        ("post-1", PASSWORD.encode(), True),
        ("post-1", PASSWORD.upper().encode(), True),
        ("post-1", bytes.fromhex(PASSWORD), True),
        ("POST-1", PASSWORD.encode(), True),
        ("post%2D1", PASSWORD.encode(), True),
        ("post-2", PASSWORD.encode(), False),
        ("post-1", b"", False),
        ("post-1", PASSWORD[:-1].encode(), False),
        ("po\ud800st", PASSWORD.encode(), False),
    ],
)
def test_login_is_taken_as_posts_write_it(name: str, shown: bytes, right: bool) -> None:
    assert is_login((name, shown), "post-1", PASSWORD) is right
    assert not is_login((name, shown), "post-1", None)
    assert not is_login(None, "post-1", PASSWORD)


def test_wrong_tries_are_told_few_times_a_minute() -> None:
    tries = WrongTries()
    assert [tries.count("10.0.0.7", 0.0) for _ in range(WRONG_TRIES + 3)] == [True] * WRONG_TRIES + [False] * 3
    assert tries.count("10.0.0.8", 0.0)
    assert not tries.count("10.0.0.7", WRONG_WITHIN_S - 1)
    assert tries.count("10.0.0.7", WRONG_WITHIN_S)


def test_what_is_kept_of_wrong_tries_is_bounded() -> None:
    tries = WrongTries()
    for number in range(3 * MAX_TRIES_KEPT):
        tries.count(str(number), 0.0)
    assert len(tries._tries) == MAX_TRIES_KEPT


def test_handshakes_drop_the_oldest_of_the_busiest() -> None:
    """A stranger's own connections make room, never the one that a post has just opened."""
    handshakes: Handshakes[int] = Handshakes()
    assert handshakes.add(-1, "post") is None
    dropped = [handshakes.add(number, "stranger") for number in range(MAX_HANDSHAKES + 2)]
    assert [one for one in dropped if one is not None] == [0, 1, 2]
    assert handshakes.remove(-1)
    assert not handshakes.remove(0)


def test_what_a_stranger_wrote_is_cut_short() -> None:
    assert len(cut_short("x" * 10_000)) == MAX_SHOWN + 1
    assert cut_short("a\nb") == "'a\\nb'"

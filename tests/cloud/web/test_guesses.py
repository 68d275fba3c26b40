"""Wrong passwords: when a name and an address rest, and for whom."""

from collections.abc import Callable
from threading import BoundedSemaphore

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.web import operators
from cloud.web.auth import (
    AT_ONE_ADDRESS,
    MINUTE_MS,
    NAME_FROM_ONE_ADDRESS,
    NAME_FROM_STRANGERS,
    Busy,
    TooManyTries,
    WrongPassword,
)
from cloud.web.throttle import Limit, Throttle
from tests.cloud.support.office import THERE, Office
from tests.cloud.support.town import PASSWORD, QUICK


def test_after_five_wrong_tries_the_right_password_does_not_help_for_a_while(office: Office) -> None:
    office.guess(NAME_FROM_ONE_ADDRESS.tries)
    with pytest.raises(WrongPassword):
        office.log_in()
    assert office.log_in(address=THERE), "from next door, the operator still gets in"
    office.now_ms += NAME_FROM_ONE_ADDRESS.window_ms
    assert office.log_in()


def test_a_right_password_clears_the_wrong_tries_before_it(office: Office) -> None:
    for _ in range(3):
        office.guess(NAME_FROM_ONE_ADDRESS.tries - 1)
        assert office.log_in()


def test_an_address_that_tries_many_names_must_wait(office: Office) -> None:
    for number in range(AT_ONE_ADDRESS.tries):
        office.guess(1, name=f"name-{number}")
    with pytest.raises(TooManyTries):
        office.log_in()
    office.now_ms += AT_ONE_ADDRESS.window_ms
    assert office.log_in()


def guess_everywhere(office: Office) -> None:
    """Strangers guess at the name from many addresses, once each, until it rests for all strangers."""
    for number in range(NAME_FROM_STRANGERS.tries):
        office.guess(1, address=f"198.51.100.{number}")


def test_strangers_make_a_name_rest_for_strangers_alone(office: Office) -> None:
    """Where the operator has logged in within 90 days they get in; a new address waits until the guessing is over."""
    office.log_in()
    guess_everywhere(office)
    assert office.log_in()
    with pytest.raises(WrongPassword):
        office.log_in(address=THERE)
    office.now_ms += NAME_FROM_STRANGERS.window_ms
    assert office.log_in(address=THERE)
    office.now_ms += operators.NETWORK_USUAL_MS
    guess_everywhere(office)
    with pytest.raises(WrongPassword):
        office.log_in()


def test_one_address_locks_nobody_out_elsewhere(office: Office) -> None:
    """Sixty wrong tries in bursts from one address made the right password wrong at every address."""
    for _ in range(3):
        for _ in range(20):
            with pytest.raises((WrongPassword, TooManyTries)):
                office.log_in("a wrong password")
        office.now_ms += AT_ONE_ADDRESS.window_ms
    assert office.log_in(address=THERE)


def test_a_resting_name_is_not_kept_resting(office: Office) -> None:
    """Tries while it rests, the right password among them, count against the address and not against the name."""
    office.guess(NAME_FROM_ONE_ADDRESS.tries)
    for _ in range(NAME_FROM_ONE_ADDRESS.window_ms // AT_ONE_ADDRESS.window_ms):
        with pytest.raises(WrongPassword):
            office.log_in()
        office.now_ms += AT_ONE_ADDRESS.window_ms
    assert office.log_in()


def test_an_operator_admitted_by_hand_logs_in_there(office: Office) -> None:
    guess_everywhere(office)
    with office.store.writing() as connection:
        operators.know_network(connection, office.operator().id, THERE, office.now_ms)
    assert office.log_in(address=THERE)
    with pytest.raises(WrongPassword):
        office.log_in()


def test_usual_networks_are_bounded_and_the_latest_stay(office: Office) -> None:
    for number in range(operators.MAX_NETWORKS + 2):
        office.now_ms += 1
        office.log_in(address=f"2001:db8:0:{number:x}::7")
    with office.store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT network FROM operator_networks ORDER BY seen_ms").scalars().all()
    assert len(rows) == operators.MAX_NETWORKS
    assert rows[0] == "2001:db8:0:2::/64"


class ReentrantHasher:
    """Begins the next login before this one is judged, as many that come at once would."""

    def __init__(self, again: Callable[[], None]) -> None:
        self._again = again
        self.judged = 0

    def verify(self, password_hash: str, password: str) -> bool:
        self.judged += 1
        self._again()
        return QUICK.verify(password_hash, password)


def test_parallel_guesses_are_counted_before_they_are_judged(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 61 at once 58 were hashed, and the right password was taken as number 31."""
    monkeypatch.setattr(office.keeper, "_admitted", BoundedSemaphore(100))
    monkeypatch.setattr(office.keeper, "_hashing", BoundedSemaphore(100))
    tries = iter([*(f"wrong password {number}" for number in range(30)), PASSWORD, *30 * ["another wrong one"]])
    ended: list[str] = []

    def next_try() -> None:
        for password in tries:
            try:
                office.log_in(password)
            except (WrongPassword, TooManyTries) as refused:
                ended.append(type(refused).__name__)
            else:
                ended.append("in")

    hasher = ReentrantHasher(next_try)
    monkeypatch.setattr(office.keeper, "_hasher", hasher)
    next_try()
    assert hasher.judged == NAME_FROM_ONE_ADDRESS.tries
    assert len(ended) == 61
    assert "in" not in ended
    assert ended.count("TooManyTries") == 61 - AT_ONE_ADDRESS.tries


def test_a_hash_without_a_place_counts_against_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(office.keeper, "_admitted", BoundedSemaphore(1))
        office.keeper._admitted.acquire()
        for _ in range(2 * AT_ONE_ADDRESS.tries):
            with pytest.raises(Busy):
                office.log_in()
    assert office.log_in()


def test_whoever_guesses_gets_less_than_two_thousand_tries_a_day(office: Office) -> None:
    per_day = NAME_FROM_STRANGERS.tries * (24 * 60 * MINUTE_MS // NAME_FROM_STRANGERS.window_ms)
    assert per_day <= 2000


def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    real = office.keeper._matches

    def matches(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return real(password_hash, password)

    monkeypatch.setattr(office.keeper, "_matches", matches)
    office.guess(1)
    office.guess(1, name="nobody")
    assert len(set(verified)) == 2


@given(st.lists(st.tuples(st.integers(0, 2000), st.booleans()), max_size=60))
def test_a_throttle_blocks_exactly_while_the_window_is_full(steps: list[tuple[int, bool]]) -> None:
    limit = Limit(3, 1000)
    throttle, now_ms = Throttle(limit), 0
    wrong: list[int] = []
    for passed_ms, is_wrong in steps:
        now_ms += passed_ms
        expected = len([at for at in wrong if at > now_ms - limit.window_ms]) >= limit.tries
        assert throttle.blocks("k", now_ms) == expected
        if is_wrong:
            throttle.count("k", now_ms)
            wrong.append(now_ms)


def test_a_throttle_forgets_the_quietest_key_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.web.throttle.MAX_WATCHED", 2)
    throttle = Throttle(Limit(1, 1000))
    for key in ("a", "b", "a", "c"):
        throttle.count(key, 0)
    assert [key for key in "abc" if throttle.blocks(key, 0)] == ["a", "c"]

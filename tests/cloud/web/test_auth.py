"""Passwords, logins, wrong tries, and the audit of it all."""

from collections.abc import Callable
from threading import BoundedSemaphore

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.store.database import Store
from cloud.web import auth, operators
from cloud.web.auth import (
    AT_ONE_ADDRESS,
    LOGIN_LASTS_MS,
    MINUTE_MS,
    NAME_FROM_ONE_ADDRESS,
    NAME_FROM_STRANGERS,
    RIGHTS,
    Busy,
    Doorkeeper,
    Limit,
    NameTaken,
    NoOperator,
    Right,
    Role,
    Throttle,
    TooManyTries,
    WeakPassword,
    WrongPassword,
)
from cloud.web.operators import Deed, Login, Operator
from tests.cloud.support.town import PASSWORD, QUICK

HERE, THERE = "192.0.2.7", "192.0.2.8"


class Office:
    """A doorkeeper whose clock we hold."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now_ms = 1_800_000_000_000
        self.keeper = Doorkeeper(store, lambda: self.now_ms, QUICK)
        self.keeper.add_operator("ling", PASSWORD, Role.STAFF, "setup")

    def log_in(self, password: str = PASSWORD, name: str = "ling", address: str = HERE) -> tuple[str, Login]:
        return self.keeper.log_in(name, password, address)

    def guess(self, times: int, name: str = "ling", address: str = HERE) -> None:
        for _ in range(times):
            with pytest.raises(WrongPassword):
                self.log_in("a wrong password", name, address)

    def operator(self) -> Operator:
        with self.store.reading() as connection:
            found = operators.find_operator(connection, "ling")
        assert found
        return found[0]

    def deeds(self) -> list[Deed]:
        with self.store.reading() as connection:
            return operators.list_deeds(connection)[::-1]


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


def test_a_login_stands_until_its_time_is_over(office: Office) -> None:
    secret, login = office.log_in()
    assert office.keeper.login_of(secret) == login
    office.now_ms += LOGIN_LASTS_MS
    assert office.keeper.login_of(secret) is None


def test_a_login_is_stored_without_what_opens_it(office: Office) -> None:
    secret, _ = office.log_in()
    with office.store.reading() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM logins").all())
        stored += str(connection.exec_driver_sql("SELECT * FROM operators").all())
    assert secret not in stored
    assert PASSWORD not in stored
    assert "$argon2id$" in stored


def test_a_new_database_lets_nobody_in(store: Store) -> None:
    keeper = Doorkeeper(store, lambda: 0, QUICK)
    for name in ("admin", "root", ""):
        for password in ("admin", "password", ""):
            with pytest.raises(WrongPassword):
                keeper.log_in(name, password, HERE)


@pytest.mark.parametrize("secret", ["", "x", "é" * 40, "\x00"])
def test_an_invented_secret_is_no_login(office: Office, secret: str) -> None:
    assert office.keeper.login_of(secret) is None


def test_logging_out_ends_this_login_alone(office: Office) -> None:
    here, login = office.log_in()
    there, _ = office.log_in(address=THERE)
    office.keeper.log_out(login)
    assert office.keeper.login_of(here) is None
    assert office.keeper.login_of(there)


def test_disabling_an_operator_ends_their_logins_and_bars_new_ones(office: Office) -> None:
    secret, _ = office.log_in()
    office.keeper.set_disabled(office.operator(), True, "boss")
    assert office.keeper.login_of(secret) is None
    with pytest.raises(WrongPassword):
        office.log_in()
    office.keeper.set_disabled(office.operator(), False, "boss")
    assert office.log_in()


def test_a_login_that_was_being_made_while_its_operator_was_disabled_does_not_stand(office: Office) -> None:
    secret, login = office.log_in()
    office.keeper.set_disabled(office.operator(), True, "boss")
    with office.store.writing() as connection:
        operators.add_login(connection, login, office.now_ms)
    assert office.keeper.login_of(secret) is None


def test_a_new_password_ends_all_other_logins(office: Office) -> None:
    here, login = office.log_in()
    there, _ = office.log_in(address=THERE)
    office.keeper.change_password(login, PASSWORD, "another long word", HERE)
    assert office.keeper.login_of(here)
    assert office.keeper.login_of(there) is None
    office.guess(1)
    assert office.log_in("another long word")


def test_the_old_password_is_asked_for_before_a_new_one_is_set(office: Office) -> None:
    _, login = office.log_in()
    with pytest.raises(WrongPassword):
        office.keeper.change_password(login, "not the old one", "another long word", HERE)
    assert office.log_in()


@pytest.mark.parametrize("password", ["", "123456789", "x" * 201])
def test_a_weak_or_endless_password_is_not_taken(office: Office, password: str) -> None:
    with pytest.raises(WeakPassword):
        office.keeper.add_operator("wu", password, Role.GUARD, "boss")


def test_a_password_longer_than_any_of_ours_never_fits(office: Office) -> None:
    longest = "x" * 200
    office.keeper.add_operator("wu", longest, Role.GUARD, "boss")
    assert office.log_in(longest, "wu")
    with pytest.raises(WrongPassword):
        office.log_in(longest + "x", "wu")


def test_a_reset_password_is_the_only_one_that_fits_and_ends_all_logins(office: Office) -> None:
    secret, _ = office.log_in()
    office.keeper.reset_password("ling", "another long word", "boss")
    assert office.keeper.login_of(secret) is None
    with pytest.raises(WrongPassword):
        office.log_in()
    assert office.log_in("another long word")
    assert ("boss", "password.reset", "ling") in [(deed.operator, deed.action, deed.subject) for deed in office.deeds()]


def test_only_an_operator_that_exists_is_given_a_long_enough_new_password(office: Office) -> None:
    with pytest.raises(NoOperator):
        office.keeper.reset_password("nobody", PASSWORD, "boss")
    with pytest.raises(WeakPassword):
        office.keeper.reset_password("ling", "short", "boss")
    assert office.log_in()


def test_a_name_belongs_to_one_operator(office: Office) -> None:
    with pytest.raises(NameTaken):
        office.keeper.add_operator("ling", PASSWORD, Role.ADMIN, "boss")


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


def test_an_operator_who_logged_in_can_be_removed(office: Office) -> None:
    office.keeper.add_operator("boss", PASSWORD, Role.ADMIN, "setup")
    secret, _ = office.log_in()
    office.keeper.remove_operator(office.operator(), "boss")
    assert office.keeper.login_of(secret) is None
    with pytest.raises(WrongPassword):
        office.log_in()


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
    monkeypatch.setattr(auth, "MAX_WATCHED", 2)
    throttle = Throttle(Limit(1, 1000))
    for key in ("a", "b", "a", "c"):
        throttle.count(key, 0)
    assert [key for key in "abc" if throttle.blocks(key, 0)] == ["a", "c"]


def test_every_role_may_do_what_its_table_says() -> None:
    assert RIGHTS[Role.ADMIN] == set(Right)
    assert Right.PEOPLE not in RIGHTS[Role.GUARD]
    assert all(Right.OPERATORS not in RIGHTS[role] for role in (Role.STAFF, Role.GUARD))
    assert set(RIGHTS) == set(Role)


def test_every_deed_leaves_a_row_that_names_who_and_when(office: Office) -> None:
    secret, login = office.log_in()
    office.guess(1)
    office.guess(1, name="my password, typed into the wrong field")
    office.keeper.change_password(login, PASSWORD, "another long word", HERE)
    office.keeper.log_out(login)
    office.keeper.set_disabled(office.operator(), True, "boss")
    assert [(deed.operator, deed.action) for deed in office.deeds()] == [
        ("setup", "operator.added"),
        ("ling", "login"),
        ("ling", "login.refused"),
        ("", "login.refused"),
        ("ling", "password.changed"),
        ("ling", "logout"),
        ("boss", "operator.disabled"),
    ]
    assert all(deed.at_ms == office.now_ms for deed in office.deeds())
    assert secret not in str(office.deeds())
    assert "wrong field" not in str(office.deeds())


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE audit SET action = 'logout' WHERE id = 2", 2),
        ("UPDATE audit SET detail = '{}' WHERE id = 3", 3),
        ("DELETE FROM audit WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("UPDATE audit SET link = zeroblob(32) WHERE id = 1", 1),
        ("SELECT 1", None),
    ],
)
def test_a_changed_audit_is_found_at_the_first_row_that_is_wrong(
    office: Office, tampering: str, broken: int | None
) -> None:
    office.log_in()
    office.guess(3)
    with office.store.writing() as connection:
        connection.exec_driver_sql(tampering)
    with office.store.reading() as connection:
        assert operators.first_broken_deed(connection) == broken

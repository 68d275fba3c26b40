"""Passwords, logins, rights, and the audit of it all."""

import pytest

from cloud.store.database import Store
from cloud.web import operators
from cloud.web.auth import (
    LOGIN_LASTS_MS,
    Authenticator,
    NameTaken,
    NoOperator,
    Right,
    Role,
    WeakPassword,
    WrongPassword,
)
from cloud.web.roles import ROLES
from tests.cloud.support.office import HERE, THERE, Office
from tests.cloud.support.town import PASSWORD, QUICK


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
    keeper = Authenticator(store, lambda: 0, QUICK)
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


def test_ended_logins_are_those_not_found(office: Office) -> None:
    """What streams are closed by agrees with what a request is let in by, for all ways in which a login ends."""
    logged_out, expired = office.log_in(), office.log_in()
    office.keeper.log_out(logged_out[1])
    hashes = [logged_out[1].id_hash, expired[1].id_hash, b"never was"]

    def ended() -> set[bytes]:
        with office.store.reading() as connection:
            found = operators.ended_logins(connection, hashes, office.now_ms)
            assert found == {one for one in hashes if not operators.find_login(connection, one, office.now_ms)}
        return found

    assert ended() == {hashes[0], hashes[2]}
    office.now_ms += LOGIN_LASTS_MS
    assert ended() == set(hashes)
    hashes.append(office.log_in()[1].id_hash)
    assert ended() == set(hashes[:3])
    with office.store.writing() as connection:  # As where the login was being made while its operator was disabled.
        connection.exec_driver_sql("UPDATE operators SET disabled = 1")
    assert ended() == set(hashes)


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


def test_an_operator_who_logged_in_can_be_removed(office: Office) -> None:
    office.keeper.add_operator("boss", PASSWORD, Role.ADMIN, "setup")
    secret, _ = office.log_in()
    office.keeper.remove_operator(office.operator(), "boss")
    assert office.keeper.login_of(secret) is None
    with pytest.raises(WrongPassword):
        office.log_in()


def test_every_role_may_do_what_its_table_says() -> None:
    assert ROLES[Role.ADMIN].rights == set(Right)
    assert Right.PEOPLE not in ROLES[Role.GUARD].rights
    assert all(Right.OPERATORS not in rule.rights for role, rule in ROLES.items() if role is not Role.ADMIN)
    assert set(ROLES) == set(Role)


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
        assert operators.first_broken_entry(connection) == broken

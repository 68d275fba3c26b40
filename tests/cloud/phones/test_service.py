"""A link registers one telephone, whose key devices then know; a key that is lost is replaced."""

import pytest

from cloud.cards.phone_keys import Offer
from cloud.cards.rule import CardKind
from cloud.people.community import load_community
from cloud.people.grants import Credential
from cloud.phones.rule import LINK_LASTS_MS, LOGIN_LASTS_MS, MAX_PHONES
from cloud.phones.service import PhoneService
from cloud.phones.store import Phone
from cloud.web.operators import list_audit
from cloud.web.rejected import Rejected
from contract.cose import key_id_of
from contract.credentials import phone_credential
from contract.demands import Assurance
from contract.sealing import credential_digest
from tests.cloud.support.phones import CHILD, LI_SI, SoftPhone
from tests.cloud.support.town import Town


@pytest.fixture
def phones(town: Town) -> PhoneService:
    found: PhoneService = town.app.state.services[PhoneService]
    return found


def carried(town: Town, person: int = LI_SI) -> list[Credential]:
    """The credentials with a key that this person's rows are made of."""
    with town.store.reading() as connection:
        return [one for one in load_community(connection).credentials if one.person == person and one.key]


def why(act: object, *args: object, **more: object) -> str:
    assert callable(act)
    with pytest.raises(Rejected) as rejected:
        act(*args, **more)
    return str(rejected.value)


def test_registered_key_reaches_the_grants(town: Town, phones: PhoneService) -> None:
    phone = SoftPhone()
    secret = phones.make_link("office", LI_SI)
    registered = phones.register(secret, phone.offer(secret))
    (credential,) = carried(town)
    assert credential.key == phone.public
    assert credential.assurance is Assurance.SIGNED
    assert credential.digest == credential_digest(town.keys.digest, phone_credential(key_id_of(phone.public)))
    found = phones.phone_of(registered.secret)
    assert found
    assert (found.person, found.key, found.held_key) == (LI_SI, phone.public, b"")
    assert phones.phone_of("another secret") is None
    with town.store.reading() as connection:
        assert [entry.action for entry in list_audit(connection, limit=2)] == ["phone.registered", "phone.invited"]
        kinds = connection.exec_driver_sql("SELECT kind FROM credentials WHERE key IS NOT NULL").scalars().all()
    assert kinds == [CardKind.PHONE]


def test_link_registers_one_phone(town: Town, phones: PhoneService) -> None:
    secret = phones.make_link("office", LI_SI)
    phones.find_link(secret)
    phones.register(secret, None)
    assert "used already" in why(phones.register, secret, None)
    assert "no such link" in why(phones.register, secret + "x", None)
    assert len(carried(town)) == 1


def test_link_ends_by_day_or_the_next(town: Town, phones: PhoneService) -> None:
    first, second = (phones.make_link("office", LI_SI) for _ in range(2))
    assert "newer link" in why(phones.register, first, None)
    town.now_ms += LINK_LASTS_MS
    assert "too old" in why(phones.register, second, None)
    assert carried(town) == []


def test_bad_offer_leaves_the_link_open(town: Town, phones: PhoneService) -> None:
    secret = phones.make_link("office", LI_SI)
    assert "does not fit" in why(phones.register, secret, Offer("AA", "AA"))
    assert "does not fit" in why(phones.register, secret, SoftPhone().offer("another link"))
    phones.register(secret, SoftPhone().offer(secret))


def test_lost_key_is_replaced_and_ends(town: Town, phones: PhoneService) -> None:
    secret = phones.make_link("office", LI_SI)
    login = phones.register(secret, SoftPhone().offer(secret)).secret
    before = phones.phone_of(login)
    assert before
    second = SoftPhone()
    assert "does not fit" in why(phones.replace_key, before, login, second.offer("no token of this login"))
    renewed = phones.replace_key(before, login, second.offer(before.token))
    assert [one.key for one in carried(town)] == [second.public]
    after = phones.phone_of(renewed)
    assert after
    assert after.key == second.public


def test_login_ends_when_its_successor_is_used(phones: PhoneService) -> None:
    """Where the answer with the new one never came, the one before goes on and makes another. Whoever copied it is out
    once its owner has a new one, and the other way round the owner notices."""
    first = phones.register(phones.make_link("office", LI_SI), None).secret
    unheard = phones.replace_key(_of(phones, first), first, None)
    second = phones.replace_key(_of(phones, first), first, None)
    assert phones.phone_of(unheard) is None
    assert phones.phone_of(second) and phones.phone_of(second)
    assert phones.phone_of(first) is None


def _of(phones: PhoneService, login: str) -> Phone:
    found = phones.phone_of(login)
    assert found
    return found


def test_phone_without_key_has_one_held(town: Town, phones: PhoneService) -> None:
    """Sealed in the database: whoever copies that cannot sign."""
    secret = phones.make_link("office", LI_SI)
    phone = phones.phone_of(phones.register(secret, None).secret)
    assert phone
    held = phones.held_key(phone)
    assert held
    assert held.to_pem() not in phone.held_key
    (credential,) = carried(town)
    assert credential.key == phone.key


def test_lost_phones_end_with_the_new_one(town: Town, phones: PhoneService) -> None:
    old = phones.register(phones.make_link("office", LI_SI), None).secret
    new = phones.register(phones.make_link("office", LI_SI, replaces=True), None).secret
    assert phones.phone_of(old) is None
    found = phones.phone_of(new)
    assert found
    assert [one.key for one in carried(town)] == [found.key]
    phones.end_phone("office", LI_SI, found.id)
    assert phones.phone_of(new) is None
    assert carried(town) == []
    assert "no such phone" in why(phones.end_phone, "office", LI_SI, found.id)


def test_phones_of_a_person_are_bounded(phones: PhoneService) -> None:
    for _ in range(MAX_PHONES):
        phones.register(phones.make_link("office", LI_SI), None)
    assert "Five phones" in why(phones.register, phones.make_link("office", LI_SI), None)


def test_login_ends_when_unused_for_half_a_year(town: Town, phones: PhoneService) -> None:
    login = phones.register(phones.make_link("office", LI_SI), None).secret
    town.now_ms += LOGIN_LASTS_MS - 1
    assert phones.phone_of(login)
    town.now_ms += LOGIN_LASTS_MS - 1
    assert phones.phone_of(login), "it was seen meanwhile"
    town.now_ms += LOGIN_LASTS_MS
    assert phones.phone_of(login) is None


def test_child_needs_a_guardian(town: Town, phones: PhoneService) -> None:
    with town.store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE people SET born = '2018-05' WHERE id = {CHILD}")
    assert "guardian has to consent" in why(phones.make_link, "office", CHILD)
    assert "guardian has to consent" in why(phones.make_link, "office", CHILD, guardian=LI_SI)
    with town.store.writing() as connection:
        insert = "INSERT INTO guardians (site, child_id, guardian_id) SELECT name, ?, ? FROM sites"
        connection.exec_driver_sql(insert, (CHILD, LI_SI))
    phones.register(phones.make_link("office", CHILD, guardian=LI_SI), None)
    with town.store.reading() as connection:
        entry = next(one for one in list_audit(connection) if one.action == "phone.invited")
    assert entry.detail == {"guardian": str(LI_SI)}


def test_ended_person_has_no_phone(town: Town, phones: PhoneService) -> None:
    login = phones.register(phones.make_link("office", LI_SI), None).secret
    with town.store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE people SET ended_ms = {town.now_ms} WHERE id = {LI_SI}")
    assert phones.phone_of(login) is None
    assert "no such person" in why(phones.make_link, "office", LI_SI)

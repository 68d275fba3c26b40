"""Old links, telephones and answered requests are deleted; what is in use, or waits, stays."""

from sqlalchemy import Table, func, select

from cloud.cards.rule import CardKind
from cloud.people.tables import credentials
from cloud.phones.erasure import ErasureService, list_requests
from cloud.phones.expiry import delete_erasure_requests, delete_phones
from cloud.phones.rule import LINK_LASTS_MS
from cloud.phones.service import PhoneService
from cloud.phones.tables import phone_links, resident_phones
from contract.decide import DAY_MS
from tests.cloud.support.phones import LI_SI
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town


def rows(town: Town, table: Table) -> int:
    with town.store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def keys(town: Town) -> int:
    with town.store.reading() as connection:
        query = select(func.count()).select_from(credentials).where(credentials.c.kind == CardKind.PHONE)
        return int(connection.execute(query).scalar_one())


def forget(town: Town, before_ms: int) -> int:
    with town.store.writing() as connection:
        return delete_phones(connection, SITE, before_ms)


def test_ended_phone_goes_with_its_keys(town: Town) -> None:
    """Three keys were made: one was replaced, one ended with its telephone, and one is in use."""
    phones: PhoneService = town.app.state.services[PhoneService]
    ended, used = (phones.register(phones.make_link("office", LI_SI), None).secret for _ in range(2))
    phone, other = phones.phone_of(ended), phones.phone_of(used)
    assert phone and other
    phones.replace_key(other, used, None)
    phones.end_phone("office", LI_SI, phone.id)
    assert forget(town, town.now_ms) == 1, "the replaced key alone"
    assert (rows(town, phone_links), rows(town, resident_phones), keys(town)) == (2, 2, 2)
    assert forget(town, town.now_ms + LINK_LASTS_MS + 1) == 4
    assert (rows(town, phone_links), rows(town, resident_phones), keys(town)) == (0, 1, 1)


def test_request_waits_for_its_answer(town: Town) -> None:
    requests: ErasureService = town.app.state.services[ErasureService]
    for said in ("my visits", "my plate"):
        requests.ask(LI_SI, said)
    with town.store.reading() as connection:
        newest, _ = list_requests(connection, SITE)
    requests.answer("office", newest.id, "Erased. The bills stay.")
    with town.store.writing() as connection:
        assert delete_erasure_requests(connection, SITE, town.now_ms) == 0
        assert delete_erasure_requests(connection, SITE, town.now_ms + DAY_MS) == 1
        assert [one.said for one in list_requests(connection, SITE)] == ["my visits"]

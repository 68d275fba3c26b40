"""Which cards are read when some people are compiled: theirs, found by an index, whatever the size of the community."""

from sqlalchemy import event

from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.people.community import load_people
from cloud.store.database import Store
from tests.cloud.support.town import Town


def plans_of(store: Store, ids: list[int]) -> list[str]:
    """How SQLite finds the rows of cards, statement by statement."""
    asked: list[tuple[str, object]] = []
    with store.reading() as connection:
        driver = connection.connection.driver_connection

        def note(_connection: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
            if "credentials" in statement or "card_forms" in statement:
                asked.append((statement, parameters))

        event.listen(store.engine, "before_cursor_execute", note)
        try:
            load_people(connection, ids)
        finally:
            event.remove(store.engine, "before_cursor_execute", note)
        assert driver is not None
        return [
            row[3] for statement, given in asked for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", given)
        ]


def test_compile_reads_the_cards_of_its_people_only(town: Town) -> None:
    cards = CardService(town.store, town.keys, town.clock)
    cards.add_card("office", Recipient(5), Card("UID7", None, 0x04112233445566))
    with town.store.reading() as connection:
        party = connection.exec_driver_sql("SELECT party_id FROM party_members WHERE person_id = 5").scalar_one()
    cards.add_card("office", Recipient(party=party), Card("UID7", None, 0x04112233445577))
    found = plans_of(town.store, [5])
    read = [line for line in found if "credentials" in line or "card_forms" in line]
    wanted = ("ix_credentials_person_id", "ix_credentials_party_id", "ix_card_forms_credential_id")
    assert len(read) == 4
    assert [line for line in read if not any(index in line for index in wanted)] == []

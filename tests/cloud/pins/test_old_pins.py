"""PINs that older versions set beside what none goes with."""

from sqlalchemy import select

from cloud.people.tables import card_forms, credentials
from cloud.store.database import open_store
from tests.cloud.support.old_databases import old_database


def test_old_pin_of_a_code_is_forgotten(url: str) -> None:
    """That of a card stays, and so do those of the forms in which readers report it."""
    with old_database(url, "0042") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 1, '', '')",
            "people (id, holder, name_zh, name_en) VALUES (1, X'0102030405060708', '', 'Ann')",
            *(
                "credentials (id, person_id, digest, sealed, label, standing, state, added_ms, kind, pin, pin_digits)"
                f" VALUES ({number}, 1, X'0{number}', X'', '', 'active', 'issued', 0, '{kind}', X'AA', 4)"
                for number, kind in enumerate(("card", "code", "tag", "phone"), 1)
            ),
            *(
                f"card_forms (site, digest, credential_id, pin) VALUES ('old', X'1{number}', {number}, X'AA')"
                for number in (1, 2)
            ),
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    store = open_store(url)
    with store.reading() as connection:
        kept = connection.execute(select(credentials.c.kind).where(credentials.c.pin.is_not(None))).scalars().all()
        digits = connection.execute(select(credentials.c.kind).where(credentials.c.pin_digits == 4)).scalars().all()
        forms = connection.execute(select(card_forms.c.credential_id).where(card_forms.c.pin.is_not(None))).scalars()
        assert (sorted(kept), sorted(digits), list(forms)) == (["card", "tag"], ["card", "tag"], [1])
    store.close()

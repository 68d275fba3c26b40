"""What devices sign of their batches is kept as long as the events that it proves."""

from cloud.devices.batch_seals import newest_tip, next_seal
from cloud.retention.store import delete_events
from contract.decide import DAY_MS
from contract.sealing import DeviceVerifier, tip_statement
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import NOW_MS, Town


def test_seal_is_kept_with_its_events(town: Town) -> None:
    for day in range(3):
        town.now_ms = NOW_MS + day * DAY_MS
        town.happens("door.opened")
    sender = town.senders["gym-turnstile"]
    with town.store.reading() as connection:
        ((journal_id, journal),) = connection.exec_driver_sql("SELECT id, journal FROM journals").all()
        seal = next_seal(connection, SITE, journal_id, 2)
        assert seal is not None
        assert (seal.first, newest_tip(connection, SITE, journal_id, 2)) == (2, (2, seal.tip))
        stated = tip_statement(SITE, "gym-turnstile", journal, seal.first, seal.last, seal.tip, seal.gaps)
        assert DeviceVerifier(sender.key.public()).accepts(stated, seal.seal)
        assert next_seal(connection, SITE, journal_id, 4) is None
    with town.store.writing() as connection:
        assert delete_events(connection, SITE, NOW_MS + DAY_MS) == 1
        assert next_seal(connection, SITE, journal_id, 1) == next_seal(connection, SITE, journal_id, 2) == seal


def test_seal_of_a_batch_sent_again_is_one(town: Town) -> None:
    town.happens("door.opened")
    town.happens("door.opened")
    town.sends("gym-turnstile", 1, 2)
    with town.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT last FROM journal_seals").scalars().all() == [1, 2]

"""The use case of a backup: whoever may make one, gets it, and the audit says so."""

from typing import BinaryIO

from cloud.backup.archive import BackupLabel, write_backup
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.store.database import Clock, Store
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MIN_LETTERS = 12
TOO_SHORT = N_("A passphrase has at least %(least)s characters: a few words that belong together for nobody else.")


class BackupService:
    """The service of backups. Any thread may use it; ``by`` is the operator's name."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def write(self, by: str, out: BinaryIO, passphrase: str) -> BackupLabel:
        """Write a backup; that it was made stands in it. Raises ``Rejected`` for a passphrase that is too short."""
        if len(passphrase) < MIN_LETTERS:
            raise Rejected(TOO_SHORT, "passphrase", least=MIN_LETTERS)
        now_ms = self._clock()
        with self._store.writing() as connection:
            label = BackupLabel(site_of(connection).name, now_ms)
            record(connection, now_ms, by, "backup.made")
        write_backup(self._keys.folder.parent, out, passphrase, label)
        return label

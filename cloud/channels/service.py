"""The use cases of channels: added, tried, removed."""

import base64
import secrets

from sqlalchemy import Connection

from cloud.cases.rule import Grade
from cloud.channels import store
from cloud.channels.calling import trial_message
from cloud.channels.rule import KEY_PREFIX, MAX_CHANNELS, SECRET_BYTES, Channel, checked_url
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import list_operators, record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_NAME = 40
NO_NAME = N_("Give it a name. Nothing was changed.")
NO_CHANNEL = N_("There is no channel %(name)s. Nothing was changed.")
NAME_TAKEN = N_("There is a channel %(name)s already. Nothing was changed.")
BAD_URL = N_("Give an address that begins with https:// or http://, without a name or password. Nothing was changed.")
TOO_MANY = N_("There are %(most)s channels already: remove one first. Nothing was changed.")
NO_SUCH_OPERATOR = N_("There is no operator %(name)s. Nothing was changed.")


class ChannelService:
    """The service of channels. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def add(self, by: str, name: str, url: str, operator: str = "", grade: Grade = Grade.SERVICE) -> str:
        """Add a webhook; returns the secret that signs its messages, which is shown once. Raises ``Rejected``, or
        ``ValueError`` for what is no text."""
        shown = clean_text(name, MAX_NAME)
        if not shown:
            raise Rejected(NO_NAME, "name")
        try:
            address = checked_url(url)
        except ValueError:
            raise Rejected(BAD_URL, "url") from None
        secret = KEY_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        with self._store.writing() as connection:
            site = site_of(connection).name
            self._check(connection, site, shown, operator)
            added = Channel(shown, address, secret, operator, grade)
            store.add_channel(connection, site, self._keys.numbers, added)
            detail = {"host": added.host, "grade": grade.value, **({"assignee": operator} if operator else {})}
            record(connection, self._clock(), by, "channel.added", shown, **detail)
        return secret

    def remove(self, by: str, name: str) -> None:
        """With all that waits for it. Raises ``Rejected``."""
        with self._store.writing() as connection:
            if not store.delete_channel(connection, site_of(connection).name, name):
                raise Rejected(NO_CHANNEL, status=404, name=name)
            record(connection, self._clock(), by, "channel.removed", name)

    def test(self, by: str, name: str) -> None:
        """Send it a message that says so, at once. Raises ``Rejected``."""
        with self._store.writing() as connection:
            site, now_ms = site_of(connection).name, self._clock()
            known = store.list_channels(connection, site, self._keys.numbers)
            channel = next((one for one in known if one.name == name), None)
            if channel is None or channel.id is None:
                raise Rejected(NO_CHANNEL, status=404, name=name)
            store.add_message(connection, site, channel, now_ms, trial_message(site, now_ms).body())
            # It says nothing of cases, so no digest waits for it; and it is tried now.
            store.change_channel(connection, site, channel.id, next_ms=0, told_ms=channel.told_ms)
            record(connection, now_ms, by, "channel.tested", name)

    def _check(self, connection: Connection, site: str, name: str, operator: str) -> None:
        known = store.list_channels(connection, site, self._keys.numbers)
        if len(known) >= MAX_CHANNELS:
            raise Rejected(TOO_MANY, most=MAX_CHANNELS)
        if any(one.name == name for one in known):
            raise Rejected(NAME_TAKEN, "name", status=409, name=name)
        if operator and operator not in {one.name for one in list_operators(connection)}:
            raise Rejected(NO_SUCH_OPERATOR, "operator", name=operator)
